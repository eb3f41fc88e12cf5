/** Changes of a sending by somebody who knows what its bytes mean. */
import { GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../../src/memory/packets.js';
import { mutateFrame } from './burst-mutations.js';
import { layoutOf } from './frame-fields.js';
import { mutateBytes } from './mutate.js';
import type { Random } from './random.js';
import { decodeSending, encodeSending, type HostFrame, MOST_FRAMES, PLAIN, type VirtioHeader } from './sending.js';

/** The header that a host puts before a frame whose checksum it leaves unfinished, cut every `gsoSize` bytes where that is not 0. */
export function honestHeader(frame: Uint8Array, gsoSize: number): VirtioHeader {
  const { version, l4, protocol } = layoutOf(frame);
  if (version === 0 || (protocol !== 6 && protocol !== 17)) return PLAIN;
  const tcp = protocol === 6;
  const gsoType = gsoSize === 0 ? 0 : !tcp ? GSO_UDP_L4 : version === 4 ? GSO_TCPV4 : GSO_TCPV6;
  const headerLength = l4 + (tcp ? ((frame[l4 + 12] ?? 0) >>> 4) * 4 : 8);
  return { flags: 1, gsoType, headerLength, gsoSize, csumStart: l4, csumOffset: tcp ? 16 : 6 };
}

function lie(virtio: VirtioHeader, random: Random): VirtioHeader {
  const near = (value: number): number =>
    random.once(3)
      ? random.pick([0, 1, 13, 14, 16, 34, 54, 255, 1448, 65_535])
      : (value + random.below(9) - 4) & 0xffff;
  switch (random.below(7)) {
    case 0:
      return { ...virtio, flags: random.pick([0, 1, 1, 2, 3, 4, 0xff]) };
    case 1:
      return {
        ...virtio,
        gsoType: random.pick([0, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, 2, 3, GSO_ECN, GSO_ECN | GSO_TCPV4, 0x85]),
      };
    case 2:
      return { ...virtio, headerLength: near(virtio.headerLength) };
    case 3:
      return { ...virtio, csumStart: near(virtio.csumStart) };
    case 4:
      return { ...virtio, csumOffset: near(virtio.csumOffset) };
    default:
      return { ...virtio, gsoSize: near(virtio.gsoSize) };
  }
}

function changed(frame: HostFrame, other: HostFrame, random: Random): HostFrame {
  switch (random.below(9)) {
    case 0:
    case 1:
      return { ...frame, virtio: lie(frame.virtio, random) };
    case 2:
      return { ...frame, virtio: honestHeader(frame.bytes, random.pick([0, 0, 1, 100, 536, 1448, 9000])) };
    case 7: {
      // The checksum about where the frame ends.
      const csumStart = Math.max(
        0,
        frame.bytes.length + frame.stretch - 2 - frame.virtio.csumOffset + random.below(4) - 2,
      );
      return { ...frame, virtio: { ...frame.virtio, flags: 1, csumStart: csumStart & 0xffff } };
    }
    case 3:
      return {
        ...frame,
        stretch: random.once(2) ? random.below(3000) : Math.max(0, frame.stretch + random.below(9) - 4),
      };
    case 4:
      return { ...frame, bytes: mutateBytes(frame.bytes, other.bytes, random, 2000) };
    default: {
      const bytes = mutateFrame(frame.bytes, random);
      return { ...frame, bytes: bytes.length > 60_000 ? bytes.slice(0, 60_000) : bytes };
    }
  }
}

export function mutateSending(input: Uint8Array, random: Random): Uint8Array {
  let sending = decodeSending(input);
  const frames = [...sending.frames];
  for (let n = 1 << random.below(3); n > 0; n--) {
    const at = random.below(frames.length);
    const here = frames[at];
    const there = frames[random.below(frames.length)];
    const how = random.below(10);
    if (how === 0 || here === undefined || there === undefined) {
      const below = (bound: number): number => random.below(bound);
      sending = random.pick([
        { ...sending, way: below(4) },
        { ...sending, classic: !sending.classic },
        { ...sending, df: below(4), tos: below(4), ttl: below(4) },
        { ...sending, gbp: !sending.gbp },
        { ...sending, gpe: !sending.gpe },
        { ...sending, every: 1 + below(8), errno: below(8) },
        { ...sending, rules: below(8) },
      ]);
    } else if (how === 1) frames.splice(at, 1);
    else if (how === 2 && frames.length < MOST_FRAMES) frames.splice(at, 0, there);
    else frames[at] = changed(here, there, random);
  }
  return encodeSending({ ...sending, frames });
}
