/**
 * An input of the target `datapath`: what one call of recvmmsg hands over, with what the datapath is told to be. As bytes:
 * two of options, then for each message a byte of flags, its optional fields, 16 bits of length and as many bytes. Every
 * string of bytes is a burst: what is missing is 0, and what is too much is left out.
 */

export interface Message {
  /** The outer ECN field, 0 to 3. */
  readonly ecn: number;
  /** The kernel has cut it (MSG_TRUNC). */
  readonly truncated: boolean;
  /** What UDP_GRO says; 0: nothing. It may lie. */
  readonly segmentSize: number;
  /** So many times the bytes stand one behind the other; at least 1. */
  readonly times: number;
  readonly bytes: Uint8Array;
}

export interface Burst {
  readonly trains: boolean;
  readonly coalescing: boolean;
  /** A classic device of VNI 4 that learns; else an external one. */
  readonly classic: boolean;
  readonly up: boolean;
  /** Which of the offload sets, 0 to 3. */
  readonly offloads: number;
  /** Which of the rule sets. */
  readonly rules: number;
  readonly messages: readonly Message[];
}

export const MOST_MESSAGES = 64;
/** Bytes of one message: what a slot takes. */
export const LONGEST_MESSAGE = 65_535;

const TRUNCATED = 4;
const SEGMENTED = 8;
const REPEATED = 16;

export function decodeBurst(input: Uint8Array): Burst {
  let at = 2;
  const byte = (): number => input[at++] ?? 0;
  const short = (): number => (byte() << 8) | byte();
  const [options = 0, rules = 0] = input;
  const messages: Message[] = [];
  while (at < input.length && messages.length < MOST_MESSAGES) {
    const flags = byte();
    const segmentSize = (flags & SEGMENTED) === 0 ? 0 : short();
    const times = (flags & REPEATED) === 0 ? 1 : 1 + byte();
    const length = short();
    const bytes = input.subarray(at, at + length);
    at += length;
    const most = Math.max(1, Math.floor(LONGEST_MESSAGE / Math.max(1, bytes.length)));
    messages.push({
      ecn: flags & 3,
      truncated: (flags & TRUNCATED) !== 0,
      segmentSize,
      times: Math.min(times, most),
      bytes,
    });
  }
  return {
    trains: (options & 1) === 0,
    coalescing: (options & 2) === 0,
    classic: (options & 4) !== 0,
    up: (options & 0x38) !== 0x38,
    offloads: options >>> 6,
    rules,
    messages,
  };
}

export function encodeBurst(burst: Burst): Uint8Array {
  const { trains, coalescing, classic, up, offloads } = burst;
  const options = (trains ? 0 : 1) | (coalescing ? 0 : 2) | (classic ? 4 : 0) | (up ? 0 : 0x38) | (offloads << 6);
  const parts: Uint8Array[] = [Uint8Array.of(options, burst.rules)];
  for (const { ecn, truncated, segmentSize, times, bytes } of burst.messages.slice(0, MOST_MESSAGES)) {
    const flags = ecn | (truncated ? TRUNCATED : 0) | (segmentSize > 0 ? SEGMENTED : 0) | (times > 1 ? REPEATED : 0);
    parts.push(Uint8Array.of(flags));
    if (segmentSize > 0) parts.push(Uint8Array.of(segmentSize >>> 8, segmentSize));
    if (times > 1) parts.push(Uint8Array.of(times - 1));
    parts.push(Uint8Array.of(bytes.length >>> 8, bytes.length), bytes);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

/** The bytes that the message stands for. */
export function wholeOf({ bytes, times }: Message): Uint8Array {
  return times === 1 ? bytes : Uint8Array.from(Buffer.concat(new Array<Uint8Array>(times).fill(bytes)));
}
