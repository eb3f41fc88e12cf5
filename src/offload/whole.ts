/** Super-frames that the kernel can cut inside a tunnel, as it cuts those of its own vxlan device. */
import {
  GSO_ECN,
  GSO_UDP_L4,
  type PacketIndex,
  type Packets,
  SHAPE_OPTIONS,
  SHAPE_PADDED,
  UNFINISHED,
} from '../memory/packets.js';
import { u16 } from '../wire/bytes.js';
import { type Checksummer, fold } from '../wire/checksum.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.js';
import { TCP_CHECKSUM } from '../wire/tcp.js';
import { UDP_CHECKSUM } from '../wire/udp.js';
import { fitsGsoType } from './segment.js';
import { pseudoHeader } from './unfinished.js';

/**
 * Whether the dissected super-frame `i` is such that the kernel makes of it what the Segmenter does: headers as its
 * gsoType says and none between network and transport, two segments or more of a known size, and a transport
 * checksum that is unfinished and holds the pseudo-header's sum, which the kernel believes and the Segmenter does not.
 */
export function isForTheKernel(checksums: Checksummer, packets: Packets, i: PacketIndex): boolean {
  if ((packets.flags[i] & UNFINISHED) === 0 || (packets.shape[i] & (SHAPE_OPTIONS | SHAPE_PADDED)) !== 0) return false;
  if (!fitsGsoType(packets, i)) return false;
  const l4 = packets.l4[i];
  const bytes = packets.payloadBytes(i);
  if (packets.gsoSize[i] < 1 || bytes <= packets.gsoSize[i]) return false;
  if (packets.payload[i] + bytes !== packets.end[i]) return false;
  const udp = (packets.gsoType[i] & ~GSO_ECN) === GSO_UDP_L4;
  const offset = udp ? UDP_CHECKSUM : TCP_CHECKSUM;
  if (packets.csumStart[i] !== l4 || packets.csumOffset[i] !== offset) return false;
  const sum = pseudoHeader(checksums, packets, i, udp ? IPPROTO_UDP : IPPROTO_TCP, packets.end[i] - l4);
  return u16(checksums.u8, packets.frame[i] + l4 + offset) === fold(sum);
}
