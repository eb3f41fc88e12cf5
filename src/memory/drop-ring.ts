/**
 * The last frames of each reason, from a worker to whoever shows them: for every reason a ring of a few slots in shared
 * memory, one writer, any number of readers. The writer goes round and never waits; a slot has a sequence number that is
 * odd while it is written, so that a reader tells a whole slot from one that changed under its eyes, and leaves that out.
 */
import { REASON_NUMBERS } from './reason-names.js';
import { TUNNEL_WORDS } from './tunnel.js';

/** Frames that are kept of each reason, and bytes of each. */
export const DROP_FRAMES = 8;
export const DROP_BYTES = 128;

/** Words of a slot. The time is a double. */
export const DropWord = {
  SEQUENCE: 0,
  DEVICE: 1,
  /** Id of the rule whose actions the frame met last; -1: none. */
  RULE: 2,
  /** Bytes that the frame had, and how many of them are kept. */
  LENGTH: 3,
  KEPT: 4,
  /** A FrameKind. */
  KIND: 5,
  TIME: 6,
  /** Which of the records below there are: HAS_RECEIVED, HAS_TRANSMIT. */
  RECORDS: 8,
  RECEIVED: 16,
  TRANSMIT: 16 + TUNNEL_WORDS,
} as const;
const BYTES_AT = (16 + 2 * TUNNEL_WORDS) * 4;
const SLOT_BYTES = BYTES_AT + DROP_BYTES;
const SLOT_WORDS = SLOT_BYTES / 4;

/** What the bytes are: none that are known, an Ethernet frame, a UDP payload that should begin with a VXLAN header. */
export const FrameKind = { NONE: 0, FRAME: 1, DATAGRAM: 2 } as const;

/** The record that the frame was received with, the one that it was to be sent with. */
export const HAS_RECEIVED = 1;
export const HAS_TRANSMIT = 2;

/** Words before the slots; even, for times are doubles. */
const COUNTS = REASON_NUMBERS + (REASON_NUMBERS % 2);
const TOTAL = COUNTS * 4 + REASON_NUMBERS * DROP_FRAMES * SLOT_BYTES;

/** A frame that was kept. */
export interface KeptFrame {
  /** Number of the reason. */
  readonly reason: number;
  /** Device index. */
  readonly device: number;
  readonly rule: number;
  readonly length: number;
  /** A FrameKind. */
  readonly kind: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Tunnel records of TUNNEL_WORDS words. */
  readonly received?: Int32Array;
  readonly transmit?: Int32Array;
  readonly bytes: Uint8Array;
}

export class DropRing {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly u8: Uint8Array;
  private readonly times: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(TOTAL);
    this.words = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
    this.times = new Float64Array(this.buffer);
  }

  /** Writer: the next slot of a reason, begun: the index of its first word. What is written to it is told by `end`. */
  begin(reason: number, time: number): number {
    const count = this.words[reason];
    const slot = COUNTS + (reason * DROP_FRAMES + (count & (DROP_FRAMES - 1))) * SLOT_WORDS;
    // Odd from here on; it is already where a thread has died over this slot.
    Atomics.store(this.words, slot + DropWord.SEQUENCE, this.words[slot + DropWord.SEQUENCE] | 1);
    this.times[(slot + DropWord.TIME) >> 1] = time;
    this.words[slot + DropWord.RECORDS] = 0;
    return slot;
  }

  /** Writer: of a frame of `whole` bytes there are `length` at `from`, of which the slot keeps what it has room for. */
  keep(slot: number, bytes: Uint8Array, from: number, length: number, whole: number): void {
    const kept = length < DROP_BYTES ? length : DROP_BYTES;
    const to = slot * 4 + BYTES_AT;
    const { u8 } = this;
    for (let n = 0; n < kept; n++) u8[to + n] = bytes[from + n];
    this.words[slot + DropWord.LENGTH] = whole;
    this.words[slot + DropWord.KEPT] = kept;
  }

  /** Writer: the slot is whole. */
  end(reason: number, slot: number): void {
    Atomics.add(this.words, slot + DropWord.SEQUENCE, 1);
    Atomics.add(this.words, reason, 1);
  }

  /** Reader: what is kept of a reason, the newest first, copied. */
  read(reason: number): KeptFrame[] {
    const count = Atomics.load(this.words, reason) >>> 0;
    const frames: KeptFrame[] = [];
    for (let back = 1; back <= Math.min(count, DROP_FRAMES); back++) {
      const slot = COUNTS + (reason * DROP_FRAMES + ((count - back) & (DROP_FRAMES - 1))) * SLOT_WORDS;
      const before = Atomics.load(this.words, slot + DropWord.SEQUENCE);
      const frame = this.copy(reason, slot);
      if (before % 2 === 0 && Atomics.load(this.words, slot + DropWord.SEQUENCE) === before) frames.push(frame);
    }
    return frames;
  }

  private copy(reason: number, slot: number): KeptFrame {
    const word = (at: number): number => this.words[slot + at] ?? 0;
    const record = (at: number): Int32Array => this.words.slice(slot + at, slot + at + TUNNEL_WORDS);
    const records = word(DropWord.RECORDS);
    const at = slot * 4 + BYTES_AT;
    return {
      reason,
      device: word(DropWord.DEVICE),
      rule: word(DropWord.RULE),
      length: word(DropWord.LENGTH),
      kind: word(DropWord.KIND),
      time: this.times[(slot + DropWord.TIME) >> 1] ?? 0,
      ...((records & HAS_RECEIVED) !== 0 && { received: record(DropWord.RECEIVED) }),
      ...((records & HAS_TRANSMIT) !== 0 && { transmit: record(DropWord.TRANSMIT) }),
      bytes: Uint8Array.from(this.u8.subarray(at, at + Math.min(word(DropWord.KEPT), DROP_BYTES))),
    };
  }
}
