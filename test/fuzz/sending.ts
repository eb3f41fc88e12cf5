/**
 * An input of the target `transmit`: frames that a host hands over at a TAP, each behind a virtio-net header, with what
 * the datapath is told to be. As bytes: four of options, then for each frame a byte of flags, its optional fields, 16 bits
 * of length and as many bytes. Every string of bytes is a sending: what is missing is 0, what is too much is left out.
 */

/** How it leaves. */
export const Way = {
  /** Entries of the vector are looked at as they are handed to the underlay. */
  RECORDED: 0,
  /** Through sockets on loopback. */
  SOCKETS: 1,
  /** Super-frames in one piece, as `--tunnel-gso` writes them. */
  WHOLE: 2,
  /** As RECORDED, and some entries are refused. */
  REFUSED: 3,
} as const;

/** struct virtio_net_hdr, without num_buffers. */
export interface VirtioHeader {
  readonly flags: number;
  readonly gsoType: number;
  readonly headerLength: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

export const PLAIN: VirtioHeader = { flags: 0, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };

export interface HostFrame {
  readonly virtio: VirtioHeader;
  readonly bytes: Uint8Array;
  /** So many bytes of a pattern stand behind them. */
  readonly stretch: number;
}

export interface Sending {
  /** A value of Way. */
  readonly way: number;
  /** A classic device, to whose own face the host sends; else filters of tap0 send to an external one. */
  readonly classic: boolean;
  /** Of the device: 0 unset, 1 set, 2 inherit; 3 is as 0. */
  readonly df: number;
  readonly gbp: boolean;
  readonly gpe: boolean;
  /** Which of TOS_DEFAULTS and TTL_DEFAULTS, 0 to 3. */
  readonly tos: number;
  readonly ttl: number;
  /** Of REFUSED: every so manieth entry is, 1 to 8, with this one of ERRNOS, 0 to 7. */
  readonly every: number;
  readonly errno: number;
  /** Which of the rule sets. */
  readonly rules: number;
  readonly frames: readonly HostFrame[];
}

export const MOST_FRAMES = 24;
/** Bytes of the longest frame: more than a slot takes. */
const LONGEST_FRAME = 65_600;
/** Bytes that the patterns of a sending may have together. */
const MOST_STRETCH = 150_000;

const VIRTIO = 1;
const STRETCHED = 2;
const VIRTIO_BYTES = 10;

export function decodeSending(input: Uint8Array): Sending {
  const [options = 0, rules = 0, defaults = 0, refusals = 0] = input;
  let at = 4;
  const byte = (): number => input[at++] ?? 0;
  const short = (): number => (byte() << 8) | byte();
  const little = (): number => byte() | (byte() << 8);
  const frames: HostFrame[] = [];
  let left = MOST_STRETCH;
  while (at < input.length && frames.length < MOST_FRAMES) {
    const flags = byte();
    const virtio =
      (flags & VIRTIO) === 0
        ? PLAIN
        : {
            ...{ flags: byte(), gsoType: byte(), headerLength: little() },
            ...{ gsoSize: little(), csumStart: little(), csumOffset: little() },
          };
    const wanted = (flags & STRETCHED) === 0 ? 0 : short();
    const length = short();
    const bytes = input.subarray(at, at + length);
    at += length;
    const stretch = Math.max(0, Math.min(wanted, left, LONGEST_FRAME - bytes.length));
    left -= stretch;
    frames.push({ virtio, bytes, stretch });
  }
  return {
    ...{ way: options & 3, classic: (options & 4) !== 0, df: (options >>> 3) & 3 },
    ...{ gbp: (options & 0x20) !== 0, gpe: (options & 0xc0) === 0xc0 },
    ...{ tos: defaults & 3, ttl: (defaults >>> 2) & 3, every: 1 + (refusals & 7), errno: (refusals >>> 3) & 7 },
    ...{ rules, frames },
  };
}

export function encodeSending(sending: Sending): Uint8Array {
  const { way, classic, df, gbp, gpe, tos, ttl, every, errno, rules } = sending;
  const options = way | (classic ? 4 : 0) | (df << 3) | (gbp ? 0x20 : 0) | (gpe ? 0xc0 : 0);
  const parts: Uint8Array[] = [Uint8Array.of(options, rules, tos | (ttl << 2), (every - 1) | (errno << 3))];
  for (const { virtio, bytes, stretch } of sending.frames.slice(0, MOST_FRAMES)) {
    const header = virtioBytes(virtio);
    const hasHeader = header.some((value) => value !== 0);
    parts.push(Uint8Array.of((hasHeader ? VIRTIO : 0) | (stretch > 0 ? STRETCHED : 0)));
    if (hasHeader) parts.push(header);
    if (stretch > 0) parts.push(Uint8Array.of(stretch >>> 8, stretch));
    parts.push(Uint8Array.of(bytes.length >>> 8, bytes.length), bytes);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function virtioBytes({ flags, gsoType, headerLength, gsoSize, csumStart, csumOffset }: VirtioHeader): Uint8Array {
  const bytes = new Uint8Array(VIRTIO_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = flags;
  bytes[1] = gsoType;
  view.setUint16(2, headerLength, true);
  view.setUint16(4, gsoSize, true);
  view.setUint16(6, csumStart, true);
  view.setUint16(8, csumOffset, true);
  return bytes;
}

const PATTERN = new Uint8Array(LONGEST_FRAME).map((_, n) => (n * 167) ^ (n >> 7));

/** The frame as it stands behind its header. */
export function frameOf({ bytes, stretch }: HostFrame): Uint8Array {
  return stretch === 0 ? bytes : Uint8Array.from(Buffer.concat([bytes, PATTERN.subarray(0, stretch)]));
}

/** What a read from the TAP gives: 12 bytes of header (num_buffers is 0), and the frame. */
export function readOf(frame: HostFrame): Uint8Array {
  return Uint8Array.from(Buffer.concat([virtioBytes(frame.virtio), Uint8Array.of(0, 0), frameOf(frame)]));
}
