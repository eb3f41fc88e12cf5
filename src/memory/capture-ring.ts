/**
 * Captured packets from a worker to the control thread: a ring of bytes in shared memory with one writer and one reader.
 * A record is a fixed head of words, then the bytes that are kept, and never goes round the end. Where the reader is
 * slower than the packets come, new ones are lost, and counted.
 */
import { HAS_RECEIVED, HAS_TRANSMIT } from './drop-ring.js';
import { TUNNEL_WORDS } from './tunnel.js';

/** Bytes of packets and their heads that a ring holds: a power of two. */
const RING_BYTES = 4 * 1024 * 1024;
const RING_AT = 64;
/** Words of the ring's own head: positions count bytes, modulo 2^32; LOST counts packets. */
const WRITTEN = 0;
const READ = 1;
const LOST = 2;

/** Words of a record's head. The time is a double. */
export const CaptureWord = {
  /** Bytes of the record, or SKIP where the rest of the ring is left out. */
  SIZE: 0,
  /** A CapturePoint. */
  POINT: 1,
  DEVICE: 2,
  /** Number of the reason, or -1. */
  REASON: 3,
  /** Id of the rule, or -1. */
  RULE: 4,
  LENGTH: 5,
  KEPT: 6,
  /** A FrameKind. */
  KIND: 7,
  TIME: 8,
  /** HAS_RECEIVED, HAS_TRANSMIT. */
  RECORDS: 10,
  RECEIVED: 12,
  TRANSMIT: 12 + TUNNEL_WORDS,
} as const;
const HEAD_WORDS = 12 + 2 * TUNNEL_WORDS;
const HEAD_BYTES = HEAD_WORDS * 4;
const SKIP = -1;

/** Where a packet is seen. */
export const CapturePoint = { UNDERLAY_IN: 0, DECAP: 1, HOST: 2, OUT: 3, UNDERLAY_OUT: 4, DROP: 5 } as const;

/** The longest packet that can be kept whole. */
export const LONGEST_CAPTURE = 131_072;

export interface CaptureRecord {
  /** A CapturePoint. */
  readonly point: number;
  /** Device index. */
  readonly device: number;
  readonly reason: number;
  readonly rule: number;
  /** Bytes that the packet had; `bytes` are the first of them. */
  readonly length: number;
  /** A FrameKind. */
  readonly kind: number;
  /** Milliseconds since the epoch, with a fraction. */
  readonly time: number;
  readonly received?: Int32Array;
  readonly transmit?: Int32Array;
  readonly bytes: Uint8Array;
}

export class CaptureRing {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  private readonly u8: Uint8Array;
  private readonly times: Float64Array;
  private at = 0;
  private size = 0;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(RING_AT + RING_BYTES);
    this.words = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
    this.times = new Float64Array(this.buffer);
  }

  /** Packets that found no room, modulo 2^32. */
  get lost(): number {
    return Atomics.load(this.words, LOST) >>> 0;
  }

  /**
   * Writer: a record with room for `kept` bytes, the index of its first word; -1 where there is no room, which is
   * counted. Its words and bytes are to be filled, and told by `end`.
   */
  begin(kept: number, time: number): number {
    const size = (HEAD_BYTES + kept + 7) & -8;
    let written = this.words[WRITTEN];
    const offset = written & (RING_BYTES - 1);
    const rest = RING_BYTES - offset;
    const skipped = rest < size ? rest : 0;
    const free = RING_BYTES - ((written - Atomics.load(this.words, READ)) | 0);
    if (skipped + size > free) {
      Atomics.add(this.words, LOST, 1);
      return -1;
    }
    if (skipped > 0) {
      this.words[(RING_AT + offset) >> 2] = SKIP;
      written = (written + skipped) | 0;
    }
    this.at = written;
    this.size = size;
    const word = (RING_AT + (written & (RING_BYTES - 1))) >> 2;
    this.words[word + CaptureWord.SIZE] = size;
    this.words[word + CaptureWord.KEPT] = kept;
    this.words[word + CaptureWord.RECORDS] = 0;
    this.times[(word + CaptureWord.TIME) >> 1] = time;
    return word;
  }

  /** Writer: `length` bytes of the record's, from its byte `to` on. */
  put(word: number, to: number, from: Uint8Array, at: number, length: number): void {
    const target = word * 4 + HEAD_BYTES + to;
    // The view is garbage, but copying by the byte takes ten times as long; and only who captures pays.
    if (length > 64) this.u8.set(from.subarray(at, at + length), target);
    else for (let n = 0; n < length; n++) this.u8[target + n] = from[at + n];
  }

  /** Writer: the record is whole. */
  end(): void {
    Atomics.store(this.words, WRITTEN, (this.at + this.size) | 0);
  }

  /** Makes it as a new one. Nobody may write to it meanwhile. */
  empty(): void {
    for (const word of [WRITTEN, READ, LOST]) Atomics.store(this.words, word, 0);
  }

  /** Reader: the oldest record that has not been read, copied; undefined where there is none. */
  read(): CaptureRecord | undefined {
    const written = Atomics.load(this.words, WRITTEN);
    let read = Atomics.load(this.words, READ);
    if (read === written) return undefined;
    let word = (RING_AT + (read & (RING_BYTES - 1))) >> 2;
    if (this.words[word] === SKIP) {
      read = (read + RING_BYTES - (read & (RING_BYTES - 1))) | 0;
      word = RING_AT >> 2;
    }
    const record = this.copy(word);
    Atomics.store(this.words, READ, (read + (this.words[word] ?? 0)) | 0);
    return record;
  }

  private copy(start: number): CaptureRecord {
    const word = (at: number): number => this.words[start + at] ?? 0;
    const tunnel = (at: number): Int32Array => this.words.slice(start + at, start + at + TUNNEL_WORDS);
    const records = word(CaptureWord.RECORDS);
    const at = start * 4 + HEAD_BYTES;
    return {
      point: word(CaptureWord.POINT),
      device: word(CaptureWord.DEVICE),
      reason: word(CaptureWord.REASON),
      rule: word(CaptureWord.RULE),
      length: word(CaptureWord.LENGTH),
      kind: word(CaptureWord.KIND),
      time: this.times[(start + CaptureWord.TIME) >> 1] ?? 0,
      ...((records & HAS_RECEIVED) !== 0 && { received: tunnel(CaptureWord.RECEIVED) }),
      ...((records & HAS_TRANSMIT) !== 0 && { transmit: tunnel(CaptureWord.TRANSMIT) }),
      bytes: Uint8Array.from(this.u8.subarray(at, at + word(CaptureWord.KEPT))),
    };
  }
}
