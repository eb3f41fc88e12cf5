/**
 * The groups that a batch falls into, in the order of their first packets: each becomes what is written for it. A
 * group of several packets is a run, to be merged into one super-frame.
 */
import type { PacketIndex } from '../memory/packets.js';

export class Runs {
  readonly capacity: number;
  readonly head: Int32Array;
  readonly tail: Int32Array;
  /** Packets of the group. */
  readonly count: Int32Array;
  /** Transport payload of all packets. */
  readonly payloadBytes: Int32Array;
  /** Transport payload of the first packet: none is longer. */
  readonly segmentBytes: Int32Array;
  /** 1: the checksums of the first packet were found right. Nobody looks until a second one wants to join. */
  readonly headIntact: Int32Array;
  /** The packet behind each within its run, by packet. */
  readonly link: Int32Array;
  used = 0;

  constructor(capacity: number, packetCapacity: number) {
    this.capacity = capacity;
    this.head = new Int32Array(capacity);
    this.tail = new Int32Array(capacity);
    this.count = new Int32Array(capacity);
    this.payloadBytes = new Int32Array(capacity);
    this.segmentBytes = new Int32Array(capacity);
    this.headIntact = new Int32Array(capacity);
    this.link = new Int32Array(packetCapacity);
  }

  /** A new group, of packet `i`; returns its number. */
  open(i: PacketIndex, payloadBytes: number): number {
    const r = this.used;
    this.used = r + 1;
    this.head[r] = i;
    this.tail[r] = i;
    this.count[r] = 1;
    this.payloadBytes[r] = payloadBytes;
    this.segmentBytes[r] = payloadBytes;
    this.headIntact[r] = 0;
    return r;
  }

  append(r: number, i: PacketIndex, payloadBytes: number): void {
    this.link[this.tail[r]] = i;
    this.tail[r] = i;
    this.count[r] += 1;
    this.payloadBytes[r] += payloadBytes;
  }
}
