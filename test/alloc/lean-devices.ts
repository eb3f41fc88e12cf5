/** Devices in memory that allocate nothing per packet, unless told to. */
import type { FramePort, Underlay } from '../../src/io/device.js';
import type { Arena } from '../../src/memory/arena.js';
import { type Packets, UNFINISHED } from '../../src/memory/packets.js';
import type { ReceivedDatagrams, Slots } from '../../src/memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';
import type { DatagramVector, FrameVector } from '../../src/memory/vectors.js';

/** Frames or datagrams side by side in the arena, handed out over and over. */
export class Stock {
  readonly offset: Int32Array;
  readonly length: Int32Array;
  readonly count: number;
  private readonly u8: Uint8Array;

  constructor(arena: Arena, frames: readonly Uint8Array[]) {
    this.u8 = arena.u8;
    this.count = frames.length;
    this.length = Int32Array.from(frames, (frame) => frame.length);
    this.offset = Int32Array.from(frames, (frame) => {
      const at = arena.alloc(frame.length);
      arena.u8.set(frame, at);
      return at;
    });
  }

  /** Copies item `n` to an arena offset and returns its length. */
  copy(n: number, to: number): number {
    const offset = this.offset[n] ?? 0;
    const length = this.length[n] ?? 0;
    this.u8.copyWithin(to, offset, offset + length);
    return length;
  }
}

export class LeanUnderlay implements Underlay {
  readonly receiveFds: readonly number[] = [-1];
  /** Datagrams sent. */
  sent = 0;
  /** One allocation for each message received: what the test must be able to see. */
  wasteful = false;
  waste: { readonly message: number } | undefined;
  private readonly stock: Stock;

  constructor(stock: Stock) {
    this.stock = stock;
  }

  receive(_which: number, batch: ReceivedDatagrams): number {
    const { tunnels } = batch;
    for (let i = 0; i < this.stock.count; i++) {
      const record = i * TUNNEL_WORDS;
      tunnels.fill(0, record, record + TUNNEL_WORDS);
      tunnels[record + TunnelWord.FAMILY] = 4;
      const at = batch.slots.data(i);
      batch.offset[i] = at;
      batch.length[i] = this.stock.copy(i, at);
      batch.segmentSize[i] = 0;
      batch.truncated[i] = 0;
      if (this.wasteful) this.waste = { message: i };
    }
    batch.count = this.stock.count;
    batch.overflow = 0;
    return batch.count;
  }

  send(vector: DatagramVector): number {
    for (let m = 0; m < vector.count; m++) {
      vector.errno[m] = 0;
      this.sent += vector.segments[m] ?? 0;
    }
    return 1;
  }
}

/** It is given super-frames as they are. */
export class WholeUnderlay extends LeanUnderlay {
  takesSuperFrames(): boolean {
    return true;
  }
}

export class LeanPort implements FramePort {
  readonly fd = -1;
  readonly short = 0;
  readonly malformed = 0;
  /** Frames written, as segments. */
  written = 0;
  /** One boxed number for each frame read: the least that there is to be seen. */
  boxing = false;
  readonly boxed: unknown[] = [''];
  private readonly stock: Stock;

  /** Every frame of the stock has a TCP checksum to finish; those of more than 1,514 bytes are super-frames. */
  constructor(stock: Stock) {
    this.stock = stock;
  }

  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number {
    const count = Math.min(limit, this.stock.count);
    for (let i = 0; i < count; i++) {
      const at = slots.data(firstSlot + i);
      const length = this.stock.copy(i, at);
      const packet = packets.take(at, length);
      packets.flags[packet] = UNFINISHED;
      packets.csumStart[packet] = 34;
      packets.csumOffset[packet] = 16;
      if (this.boxing) this.boxed[0] = i + 0.5;
      if (length <= 1514) continue;
      packets.gsoType[packet] = 1;
      packets.gsoSize[packet] = 1398;
    }
    return count;
  }

  write(vector: FrameVector): void {
    for (let f = 0; f < vector.count; f++) {
      vector.errno[f] = 0;
      this.written += vector.segments[f] ?? 0;
    }
  }
}
