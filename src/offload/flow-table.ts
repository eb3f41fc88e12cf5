/**
 * The flows of one batch, and the open run of each: open addressing with linear probing. The hash chooses where to
 * begin, the packets' own fields decide. The number of packets of a batch bounds the flows, the table has two slots
 * for each, and a new batch begins by counting up an epoch.
 */
import type { Arena } from '../memory/arena.js';
import { type PacketIndex, type Packets, SHAPE_IPV4, SHAPE_IPV6, SHAPE_TCP, SHAPE_UDP } from '../memory/packets.js';
import { IPV4_SRC } from '../wire/ipv4.js';
import { IPV6_SRC } from '../wire/ipv6.js';
import { sameBytes } from './copy-bytes.js';

const KIND = SHAPE_IPV4 | SHAPE_IPV6 | SHAPE_TCP | SHAPE_UDP;

export class FlowTable {
  /** The open run of the flow of each slot; -1: none. */
  readonly run: Int32Array;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly packet: Int32Array;
  private readonly epochs: Int32Array;
  private readonly shift: number;
  private readonly mask: number;
  private epoch = 0;

  /** For up to `flows` flows, at most 2^29. */
  constructor(arena: Arena, packets: Packets, flows: number) {
    const bits = 33 - Math.clz32(Math.max(flows, 1));
    const slots = 1 << bits;
    this.arena = arena;
    this.packets = packets;
    this.run = new Int32Array(slots);
    this.packet = new Int32Array(slots);
    this.epochs = new Int32Array(slots);
    this.shift = 32 - bits;
    this.mask = slots - 1;
  }

  /** Forgets every flow. */
  clear(): void {
    this.epoch = (this.epoch + 1) | 0;
    if (this.epoch !== 0) return;
    this.epochs.fill(0);
    this.epoch = 1;
  }

  /** The slot of the flow of packet `i`, whose ports stand whole; a flow seen for the first time has no run. */
  find(i: PacketIndex): number {
    const { packets, packet, epochs, epoch, mask } = this;
    const hash = packets.hash[i];
    let slot = Math.imul(hash, 0x9e3779b1) >>> this.shift;
    for (;;) {
      if (epochs[slot] !== epoch) {
        epochs[slot] = epoch;
        packet[slot] = i;
        this.run[slot] = -1;
        return slot;
      }
      const other = packet[slot] as PacketIndex;
      if (packets.hash[other] === hash && this.same(i, other)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private same(a: PacketIndex, b: PacketIndex): boolean {
    const { arena, packets } = this;
    if (((packets.shape[a] ^ packets.shape[b]) & KIND) !== 0) return false;
    const frameA = packets.frame[a];
    const frameB = packets.frame[b];
    if (!sameBytes(arena, frameA + packets.l4[a], frameB + packets.l4[b], 4)) return false;
    const ipA = frameA + packets.l3[a];
    const ipB = frameB + packets.l3[b];
    return (packets.shape[a] & SHAPE_IPV4) !== 0
      ? sameBytes(arena, ipA + IPV4_SRC, ipB + IPV4_SRC, 8)
      : sameBytes(arena, ipA + IPV6_SRC, ipB + IPV6_SRC, 32);
  }
}
