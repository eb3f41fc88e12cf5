/** Tags and Ethernet headers put on and taken off (net/sched/act_vlan.c): twelve bytes of addresses move, no payload. */
import { BARE, type PacketIndex, type Packets, UNFINISHED } from '../memory/packets.js';
import { putU16, putU32, u16 } from '../wire/bytes.js';
import { ETH_ADDRESS, ETH_HEADER, ETH_TYPE, ethType, putEthType } from '../wire/ethernet.js';
import { isVlanType, VLAN_TAG, VLAN_TCI } from '../wire/vlan.js';
import { ActionWord, VLAN_MODIFY, VLAN_POP, VLAN_POP_ETH, VLAN_PUSH } from './program.js';
import type { Writable } from './writable.js';

export const VLAN_DONE = 0;
/** There was nothing to do: no tag to take off or to change. */
export const VLAN_UNCHANGED = 1;
/** It cannot be done with this frame. */
export const VLAN_REFUSED = 2;
/** There was no room for a copy of the frame. */
export const VLAN_NO_ROOM = 3;

const ADDRESSES = 2 * ETH_ADDRESS;
/** The longest frame that a slot or a datagram holds. */
const MAX_FRAME = 65536;

/** Carries out the vlan action whose words begin at `words[at]`. The layer columns, but for csumStart, are then old. */
export function runVlan(
  bytes: Uint8Array,
  packets: Packets,
  writable: Writable,
  packet: PacketIndex,
  words: Int32Array,
  at: number,
): number {
  const mode = words[at + ActionWord.A];
  const isBare = (packets.flags[packet] & BARE) !== 0;
  if (mode <= VLAN_MODIFY) {
    if (isBare) return VLAN_REFUSED;
    if (mode === VLAN_PUSH) {
      return push(bytes, packets, writable, packet, words[at + ActionWord.B], words[at + ActionWord.C]);
    }
    const frame = packets.frame[packet];
    if (!isVlanType(ethType(bytes, frame))) return VLAN_UNCHANGED;
    if (packets.length[packet] < ETH_HEADER + VLAN_TAG) return VLAN_REFUSED;
    if (mode === VLAN_POP) return pop(bytes, packets, writable, packet);
    if (!writable.own(packet, 0)) return VLAN_NO_ROOM;
    const owned = packets.frame[packet];
    const tci = owned + ETH_HEADER + VLAN_TCI;
    putEthType(bytes, owned, words[at + ActionWord.B]);
    putU16(bytes, tci, (u16(bytes, tci) & words[at + ActionWord.D]) | words[at + ActionWord.C]);
    return VLAN_DONE;
  }
  if (mode === VLAN_POP_ETH) {
    if (isBare || isVlanType(ethType(bytes, packets.frame[packet]))) return VLAN_REFUSED;
    packets.flags[packet] |= BARE;
    return VLAN_DONE;
  }
  if (!isBare) return VLAN_REFUSED;
  if (!writable.own(packet, 0)) return VLAN_NO_ROOM;
  const frame = packets.frame[packet];
  putU32(bytes, frame, words[at + ActionWord.B]);
  putU32(bytes, frame + 4, words[at + ActionWord.C]);
  putU32(bytes, frame + 8, words[at + ActionWord.D]);
  packets.flags[packet] &= ~BARE;
  return VLAN_DONE;
}

function push(
  bytes: Uint8Array,
  packets: Packets,
  writable: Writable,
  packet: PacketIndex,
  tpid: number,
  tci: number,
): number {
  if (packets.length[packet] + VLAN_TAG > MAX_FRAME) return VLAN_REFUSED;
  if (!writable.own(packet, VLAN_TAG)) return VLAN_NO_ROOM;
  const from = packets.frame[packet];
  const to = from - VLAN_TAG;
  for (let i = 0; i < ADDRESSES; i++) bytes[to + i] = bytes[from + i];
  putU16(bytes, to + ETH_TYPE, tpid);
  putU16(bytes, to + ETH_HEADER + VLAN_TCI, tci);
  move(packets, packet, VLAN_TAG);
  return VLAN_DONE;
}

function pop(bytes: Uint8Array, packets: Packets, writable: Writable, packet: PacketIndex): number {
  if (!writable.own(packet, 0)) return VLAN_NO_ROOM;
  const from = packets.frame[packet];
  const to = from + VLAN_TAG;
  for (let i = ADDRESSES - 1; i >= 0; i--) bytes[to + i] = bytes[from + i];
  move(packets, packet, -VLAN_TAG);
  return VLAN_DONE;
}

/** The frame begins `by` bytes earlier than it did. */
function move(packets: Packets, packet: PacketIndex, by: number): void {
  packets.frame[packet] -= by;
  packets.length[packet] += by;
  packets.headroom[packet] -= by;
  if ((packets.flags[packet] & UNFINISHED) !== 0) packets.csumStart[packet] += by;
}
