/** What hooks count a packet with, as the kernel does (qdisc_pkt_len): without its first tag, which is beside the frame there. */
import { tagBytes } from '../actions/tag-bytes.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { ETH_HEADER } from '../wire/ethernet.js';

/** Bytes at an ingress: without the Ethernet header. */
export function ingressBytes(packets: Packets, packet: PacketIndex): number {
  return packets.length[packet] - ETH_HEADER - tagBytes(packets, packet);
}

/** Bytes at an egress: with the Ethernet header, and a super-frame with the headers of every segment. */
export function egressBytes(packets: Packets, packet: PacketIndex): number {
  const segments = packets.segments(packet);
  const tag = tagBytes(packets, packet);
  const length = packets.length[packet] - tag;
  const headers = packets.payload[packet];
  return segments === 1 || headers < 0 ? length : length + (segments - 1) * (headers - tag);
}
