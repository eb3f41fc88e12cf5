/**
 * Which destinations the host forwards to as it would send there itself, and with what source and hop limit. A table
 * of one slot for each hash; an answer holds for a second, and no more than so many questions are put in a second.
 * What nobody knows is not forwarded.
 */
import type { Arena } from '../../memory/arena.js';
import { TunnelWord } from '../../memory/tunnel.js';
import { ENODEV } from '../../native/errno.js';
import { ROUTE_LOOKUP_BYTES, RouteLookup } from './route-lookup.js';

const SLOTS = 256;
/** Words of a slot: family, destination and source asked for (four each), device asked for, and the answer. */
const SLOT = 16;
const SOURCE_ASKED = 5;
const DEVICE_ASKED = 9;
/** Second of the answer. */
const TOLD = 10;
/** Hop limit of the route; 0: nothing is forwarded there. */
const HOP_LIMIT = 11;
const SOURCE = 12;
/** Questions in a second. */
const BUDGET = 256;

/** Bytes of arena that the paths need. */
export const FORWARD_PATHS_BYTES = ROUTE_LOOKUP_BYTES;

/** The hop limit of packets whose route has none of its own, 1 to 255; 0: it cannot be found out. */
export type DefaultHopLimit = (family: 4 | 6) => number;

export class ForwardPaths {
  /** Whether the device that packets come in by has turned out to be gone. */
  gone = false;
  private readonly slots = new Int32Array(SLOTS * SLOT);
  private readonly lookup: RouteLookup;
  private readonly into: number;
  private readonly gateway = new Int32Array(4);
  private second = 0;
  private asked = 0;

  /** `into`: index of the device that packets to be forwarded come in by. Throws a SystemError. */
  constructor(arena: Arena, into: number) {
    this.lookup = new RouteLookup(arena);
    this.into = into;
  }

  close(): void {
    this.lookup.close();
  }

  /**
   * Whether the host forwards to the destination of the tunnel record at word `record`. True: source and TTL, where
   * the record left them to the host, have been filled in, and the TTL is at most 254.
   */
  complete(tunnels: Int32Array, record: number, hopLimit: DefaultHopLimit): boolean {
    const slot = this.find(tunnels, record, hopLimit);
    if (slot < 0) return false;
    const { slots } = this;
    const routeTtl = slots[slot + HOP_LIMIT];
    const ttl = tunnels[record + TunnelWord.TTL] || routeTtl;
    if (routeTtl === 0 || ttl > 254) return false;
    tunnels[record + TunnelWord.TTL] = ttl;
    for (let w = 0; w < 4; w++) tunnels[record + TunnelWord.SRC_IP + w] = slots[slot + SOURCE + w];
    return true;
  }

  /** The slot of a record, with an answer of this second; -1: out of questions. */
  private find(tunnels: Int32Array, record: number, hopLimit: DefaultHopLimit): number {
    const second = (performance.now() / 1000) | 0;
    if (second !== this.second) {
      this.second = second;
      this.asked = 0;
    }
    const { slots } = this;
    const slot = slotOf(tunnels, record);
    if (slots[slot + TOLD] === second && this.isOf(slot, tunnels, record)) return slot;
    if (this.asked === BUDGET) return -1;
    this.asked++;
    slots[slot] = tunnels[record + TunnelWord.FAMILY];
    for (let w = 0; w < 4; w++) {
      slots[slot + 1 + w] = tunnels[record + TunnelWord.DST_IP + w];
      slots[slot + SOURCE_ASKED + w] = tunnels[record + TunnelWord.SRC_IP + w];
    }
    slots[slot + DEVICE_ASKED] = tunnels[record + TunnelWord.IFINDEX];
    slots[slot + TOLD] = second;
    slots[slot + HOP_LIMIT] = this.ask(tunnels, record, slot, hopLimit);
    return slot;
  }

  private isOf(slot: number, tunnels: Int32Array, record: number): boolean {
    const { slots } = this;
    let difference = slots[slot] ^ tunnels[record + TunnelWord.FAMILY];
    difference |= slots[slot + DEVICE_ASKED] ^ tunnels[record + TunnelWord.IFINDEX];
    for (let w = 0; w < 4; w++) {
      difference |= slots[slot + 1 + w] ^ tunnels[record + TunnelWord.DST_IP + w];
      difference |= slots[slot + SOURCE_ASKED + w] ^ tunnels[record + TunnelWord.SRC_IP + w];
    }
    return difference === 0;
  }

  /** Puts the source into the slot and answers with the hop limit, or 0: not forwarded, or otherwise than sent. */
  private ask(tunnels: Int32Array, record: number, slot: number, hopLimit: DefaultHopLimit): number {
    const { lookup, slots, gateway } = this;
    const four = tunnels[record + TunnelWord.FAMILY] === 4;
    if (!four && isLinkLocal(tunnels[record + TunnelWord.DST_IP])) return 0;
    if (!lookup.ask(tunnels, record, tunnels[record + TunnelWord.IFINDEX], 0)) return 0;
    const { device } = lookup;
    const limit = lookup.hopLimit || hopLimit(four ? 4 : 6);
    gateway.set(lookup.gateway);
    const at = record + TunnelWord.SRC_IP;
    const chosen = (tunnels[at] | tunnels[at + 1] | tunnels[at + 2] | tunnels[at + 3]) === 0;
    if (chosen) tunnels.set(lookup.source, at);
    for (let w = 0; w < 4; w++) slots[slot + SOURCE + w] = tunnels[at + w];
    const known = (tunnels[at] | tunnels[at + 1] | tunnels[at + 2] | tunnels[at + 3]) !== 0;
    let same = known && (four || !isLinkLocal(tunnels[at])) && lookup.ask(tunnels, record, 0, this.into);
    if (lookup.errno === ENODEV) this.gone = true;
    same &&= lookup.device === device;
    for (let w = 0; w < 4; w++) same &&= lookup.gateway[w] === gateway[w];
    if (chosen) tunnels.fill(0, at, at + 4);
    return same ? limit : 0;
  }
}

/** fe80::/10, by the first word of an address. */
function isLinkLocal(word: number): boolean {
  return (word & 0xffc00000) === (0xfe800000 | 0);
}

function slotOf(tunnels: Int32Array, record: number): number {
  const at = record + TunnelWord.DST_IP;
  let hash = Math.imul(tunnels[at] ^ Math.imul(tunnels[at + 1], 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ tunnels[at + 2], 0xc2b2ae35) ^ Math.imul(tunnels[at + 3], 0x27d4eb2f);
  hash ^= Math.imul(tunnels[record + TunnelWord.SRC_IP] ^ tunnels[record + TunnelWord.SRC_IP + 3], 0x165667b1);
  hash ^= hash >>> 15;
  return (hash & (SLOTS - 1)) * SLOT;
}
