/**
 * Packet editing (net/sched/act_pedit.c): masked 32-bit words at offsets from a header. No checksum is touched; that
 * is action csum's.
 *
 * Two differences from the kernel, both kept in docs/differences.md: a key counts from the header that it names only
 * where the frame has that header (the kernel edits an ARP packet as if it were IPv4), and `add` counts in network
 * order with its carry (the kernel adds in the order of the machine, and loses the carry on most).
 */
import { type PacketIndex, type Packets, SHAPE_IPV4, SHAPE_IPV6, SHAPE_TCP, SHAPE_UDP } from '../memory/packets.js';
import { i32, putU32 } from '../wire/bytes.js';
import { ETH_HEADER, ethType } from '../wire/ethernet.js';
import { isVlanType, VLAN_TAG, vlanType } from '../wire/vlan.js';
import { ACTION_WORDS, ActionWord, PEDIT_WORDS, PeditHeader, PeditWord } from './program.js';

const NO_HEADER = -1;

/**
 * Applies the keys of the pedit action at `words[at]` to a packet whose bytes are its own and whose columns are true.
 * False where a key could not be applied; those before it are, those behind it are not.
 */
export function runPedit(
  bytes: Uint8Array,
  packets: Packets,
  packet: PacketIndex,
  words: Int32Array,
  at: number,
): boolean {
  const frame = packets.frame[packet];
  const length = packets.length[packet];
  const first = at + ACTION_WORDS;
  const end = first + words[at + ActionWord.A] * PEDIT_WORDS;
  for (let key = first; key < end; key += PEDIT_WORDS) {
    const base = headerAt(bytes, packets, packet, words[key + PeditWord.HEADER]);
    if (base === NO_HEADER) return false;
    let offset = words[key + PeditWord.OFFSET];
    const offMask = words[key + PeditWord.OFFMASK];
    if (offMask !== 0) {
      const from = base + words[key + PeditWord.AT];
      if (from < 0 || from >= length) return false;
      offset += (bytes[frame + from] & offMask) >>> words[key + PeditWord.SHIFT];
      if ((offset & 3) !== 0) return false;
    }
    const place = base + offset;
    if (place < 0 || place + 4 > length) return false;
    const mask = words[key + PeditWord.MASK];
    const value = words[key + PeditWord.VALUE];
    const before = i32(bytes, frame + place);
    const wanted = words[key + PeditWord.ADD] === 0 ? value : ((before & ~mask) + value) & ~mask;
    putU32(bytes, frame + place, (before & mask) ^ wanted);
  }
  return true;
}

/** Where a header begins, from the frame's start. */
function headerAt(bytes: Uint8Array, packets: Packets, packet: PacketIndex, header: number): number {
  switch (header) {
    case PeditHeader.ETH:
      return 0;
    case PeditHeader.IP4:
      return (packets.shape[packet] & SHAPE_IPV4) === 0 ? NO_HEADER : packets.l3[packet];
    case PeditHeader.IP6:
      return (packets.shape[packet] & SHAPE_IPV6) === 0 ? NO_HEADER : packets.l3[packet];
    case PeditHeader.TCP:
      return (packets.shape[packet] & SHAPE_TCP) === 0 ? NO_HEADER : packets.l4[packet];
    case PeditHeader.UDP:
      return (packets.shape[packet] & SHAPE_UDP) === 0 ? NO_HEADER : packets.l4[packet];
    default:
      return packets.l3[packet] >= 0 ? packets.l3[packet] : behindTags(bytes, packets, packet);
  }
}

/** Where the network header of a frame that is not IP begins: behind at most two tags. */
function behindTags(bytes: Uint8Array, packets: Packets, packet: PacketIndex): number {
  const frame = packets.frame[packet];
  const length = packets.length[packet];
  let offset = ETH_HEADER;
  let type = ethType(bytes, frame);
  for (let tags = 0; tags < 2 && isVlanType(type) && offset + VLAN_TAG <= length; tags++) {
    type = vlanType(bytes, frame + offset);
    offset += VLAN_TAG;
  }
  return offset;
}
