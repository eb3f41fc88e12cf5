/**
 * What is known of the ways to the peers: how large a packet may be, which interface it leaves by, and whether a peer is
 * this host itself. A table of
 * one slot for each hash; what it holds is asked anew after a second, and no more than so many questions are put in
 * a second, so that no traffic can turn into system calls. A way that nothing is known of counts as wide open: the
 * kernel then fragments or refuses, as it does anyway.
 */
import type { Routes } from '../io/device.js';
import { TunnelWord } from '../memory/tunnel.js';

const SLOTS = 1024;
/** Words of a slot: family, destination (four), MTU, flags, source (four), second of the answer, interface out. */
const SLOT = 13;
const MTU = 5;
const FLAGS = 6;
const SOURCE = 7;
const TOLD = 11;
const DEVICE = 12;
const KNOWN = 1;
const LOCAL = 2;
/** Questions in a second. */
const BUDGET = 256;

/** Outer IP, UDP, VXLAN and inner Ethernet header. */
const OVERHEAD_IPV4 = 50;
const OVERHEAD_IPV6 = 70;

export const NO_LIMIT = 0x7fffffff;

export class UnderlayPaths {
  private readonly slots = new Int32Array(SLOTS * SLOT);
  private routes: Routes | null = null;
  private second = 0;
  private asked = 0;

  /** Whom to ask; null: nothing is known of any way. */
  use(routes: Routes | null): void {
    this.routes = routes;
    this.slots.fill(0);
  }

  get now(): number {
    return this.second;
  }

  /** The time, in seconds (32 bits, from wherever): once a batch. */
  set now(second: number) {
    if (second === this.second) return;
    this.second = second;
    this.asked = 0;
  }

  /** Bytes of the largest inner IP packet on the way to the destination of a record; NO_LIMIT where nobody knows. */
  limit(tunnels: Int32Array, record: number): number {
    const slot = this.find(tunnels, record);
    if (slot < 0 || (this.slots[slot + FLAGS] & KNOWN) === 0) return NO_LIMIT;
    return this.slots[slot + MTU] - (tunnels[record + TunnelWord.FAMILY] === 4 ? OVERHEAD_IPV4 : OVERHEAD_IPV6);
  }

  /** Whether the destination of a record is an address of this host. */
  isLocal(tunnels: Int32Array, record: number): boolean {
    const slot = this.find(tunnels, record);
    return slot >= 0 && (this.slots[slot + FLAGS] & LOCAL) !== 0;
  }

  /** Index of the interface that datagrams to the destination of a record leave by; 0 where nobody knows. */
  device(tunnels: Int32Array, record: number): number {
    const slot = this.find(tunnels, record);
    return slot < 0 ? 0 : this.slots[slot + DEVICE];
  }

  /** Word `w` of the source address that the host would choose, 0 where it is not known. */
  source(tunnels: Int32Array, record: number, w: number): number {
    const slot = this.find(tunnels, record);
    return slot < 0 ? 0 : this.slots[slot + SOURCE + w];
  }

  /** Something about this way is not as it was: ask at the next occasion. */
  forget(tunnels: Int32Array, record: number): void {
    this.slots[slotOf(tunnels, record)] = 0;
  }

  private find(tunnels: Int32Array, record: number): number {
    if (this.routes === null) return -1;
    const { slots } = this;
    const slot = slotOf(tunnels, record);
    const destination = record + TunnelWord.DST_IP;
    const same =
      slots[slot] === tunnels[record + TunnelWord.FAMILY] &&
      slots[slot + 1] === tunnels[destination] &&
      slots[slot + 2] === tunnels[destination + 1] &&
      slots[slot + 3] === tunnels[destination + 2] &&
      slots[slot + 4] === tunnels[destination + 3];
    if (same && slots[slot + TOLD] === this.second) return slot;
    // Out of questions: an old answer is better than none.
    if (this.asked === BUDGET) return same ? slot : -1;
    this.asked++;
    this.ask(this.routes, tunnels, record, slot);
    return slot;
  }

  private ask(routes: Routes, tunnels: Int32Array, record: number, slot: number): void {
    const { slots } = this;
    slots[slot] = tunnels[record + TunnelWord.FAMILY];
    for (let w = 0; w < 4; w++) slots[slot + 1 + w] = tunnels[record + TunnelWord.DST_IP + w];
    slots[slot + TOLD] = this.second;
    const known = routes.ask(tunnels, record);
    slots[slot + FLAGS] = known ? (routes.local ? KNOWN | LOCAL : KNOWN) : 0;
    slots[slot + MTU] = known ? routes.mtu : 0;
    slots[slot + DEVICE] = known ? routes.device : 0;
    for (let w = 0; w < 4; w++) slots[slot + SOURCE + w] = known ? routes.source[w] : 0;
  }
}

function slotOf(tunnels: Int32Array, record: number): number {
  const at = record + TunnelWord.DST_IP;
  let hash = Math.imul(tunnels[at] ^ Math.imul(tunnels[at + 1], 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ tunnels[at + 2], 0xc2b2ae35) ^ Math.imul(tunnels[at + 3], 0x27d4eb2f);
  hash ^= hash >>> 15;
  return (hash & (SLOTS - 1)) * SLOT;
}
