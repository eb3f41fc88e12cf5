/**
 * A port whose other side is a function of this process: what leaves through the device is handed to it in batches,
 * and what it is given comes in on the device. No descriptor, no system call.
 */
import type { FramePort } from '../io/device.js';
import { VNET_HEADER_BYTES } from '../io/device.js';
import { NONE, type Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import type { Slots } from '../memory/received.js';
import type { FrameVector } from '../memory/vectors.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import type { FrameReader } from './frame-reader.js';
import { FrameRing } from './frame-ring.js';
import type { VectorBatch } from './vector-batch.js';

/** What stands behind a port: the function, the reader of frames, and whoever is to know of trouble. */
export interface PortOwner {
  readonly reader: FrameReader;
  /** Throws what the function throws. */
  transmit(batch: VectorBatch): void;
  failed(error: unknown): void;
}

export class ProcessPort implements FramePort {
  readonly fd = -1;
  short = 0;
  malformed = 0;
  /** undefined: nobody takes what leaves. */
  owner: PortOwner | undefined;
  private readonly ring: FrameRing;

  /** `bytes`: room for frames that have not come in yet. */
  constructor(bytes: number) {
    this.ring = new FrameRing(bytes);
  }

  /** A frame to come in; false where there is no room. */
  push(frame: Uint8Array): boolean {
    return this.ring.push(frame);
  }

  get isEmpty(): boolean {
    return this.ring.count === 0;
  }

  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number {
    const { ring, owner } = this;
    if (owner === undefined) return 0;
    let frames = 0;
    for (let reads = 0; reads < limit && firstSlot + frames < slots.count; reads++) {
      const length = ring.first;
      if (length < 0 || packets.count === packets.capacity) break;
      if (length < ETH_HEADER || length > slots.size) {
        if (length < ETH_HEADER) this.short++;
        else this.malformed++;
        ring.drop();
        continue;
      }
      const at = slots.data(firstSlot + frames);
      ring.shift(owner.reader.memory, at);
      if (packets.take(at, length) === NONE) break;
      frames++;
    }
    return frames;
  }

  write(vector: FrameVector): void {
    const { owner } = this;
    if (owner === undefined) {
      vector.errno.fill(-REASON['process-unread'], 0, vector.count);
      return;
    }
    const { reader } = owner;
    vector.errno.fill(0, 0, vector.count);
    for (let from = 0; from < vector.count; ) {
      const batch = reader.read(vector, from, VNET_HEADER_BYTES);
      const { count } = batch;
      try {
        owner.transmit(batch);
      } catch (error) {
        vector.errno.fill(-REASON['action-failed'], from, from + count);
        owner.failed(error);
      } finally {
        batch.end();
      }
      from += count;
    }
  }
}
