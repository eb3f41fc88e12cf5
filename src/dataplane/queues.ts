import { MAX_DEVICES } from '../memory/counters.js';
import { NONE, type PacketIndex, type Packets } from '../memory/packets.js';

/** Queues of a device: to the host through its TAP, and into the tunnel. */
export const TO_PORT = 0;
export const TO_TUNNEL = 1;

/**
 * The output queues of one batch: per device and way a chain of packets through `Packets.next`, in order of arrival.
 * Nothing stays in them beyond the batch.
 */
export class OutputQueues {
  private readonly packets: Packets;
  private readonly head = new Int32Array(MAX_DEVICES * 2).fill(NONE);
  private readonly tail = new Int32Array(MAX_DEVICES * 2).fill(NONE);
  private readonly filled = new Int32Array(MAX_DEVICES * 2);
  private filledCount = 0;
  /** Queues that are done with, while they are written: the next one may be written in part. */
  written = 0;
  /** Packets appended since somebody set it to 0, and the queue of the last one. */
  appended = 0;
  last = 0;

  constructor(packets: Packets) {
    this.packets = packets;
  }

  /** Appends a packet to a queue of a device. */
  append(device: number, way: number, packet: PacketIndex): void {
    const queue = device * 2 + way;
    const last = this.tail[queue];
    if (last === NONE) {
      this.head[queue] = packet;
      this.filled[this.filledCount++] = queue;
    } else {
      this.packets.next[last] = packet;
    }
    this.packets.next[packet] = NONE;
    this.tail[queue] = packet;
    this.appended++;
    this.last = queue;
  }

  /** Whether a packet is the last of a queue. */
  endsWith(queue: number, packet: PacketIndex): boolean {
    return this.tail[queue] === packet;
  }

  /** Appends the chain from `first` to `last` to a queue that is not empty. */
  extend(queue: number, first: PacketIndex, last: PacketIndex): void {
    this.packets.next[this.tail[queue]] = first;
    this.tail[queue] = last;
  }

  /** Number of queues that hold something. */
  get count(): number {
    return this.filledCount;
  }

  device(n: number): number {
    return this.filled[n] >> 1;
  }

  way(n: number): number {
    return this.filled[n] & 1;
  }

  /** The first packet of the n-th queue that holds something. */
  first(n: number): PacketIndex {
    return this.head[this.filled[n]] as PacketIndex;
  }

  /** Empties every queue (their packets have been written or counted). */
  reset(): void {
    for (let n = 0; n < this.filledCount; n++) {
      this.head[this.filled[n]] = NONE;
      this.tail[this.filled[n]] = NONE;
    }
    this.filledCount = 0;
    this.written = 0;
  }
}
