/**
 * What action sample has taken, from a worker to whoever shows it: a ring of slots in shared memory with one writer
 * and one reader. A slot is the head of a frame and a few words about it; where the reader is slower than the samples
 * come, new ones are lost, and counted by the writer.
 *
 * As long as nobody reads, nothing is written.
 */
const HEADER_WORDS = 8;
const SLOT_WORDS = 8;
/** Bytes of a frame that a slot holds. */
export const SAMPLE_BYTES = 2048;
const SLOT_BYTES = SLOT_WORDS * 4 + SAMPLE_BYTES;
const SLOTS = 512;

/** Words of the ring's header. */
const WRITTEN = 0;
const READ = 1;
const READERS = 2;

export interface Sample {
  readonly group: number;
  /** One packet in how many is sampled. */
  readonly rate: number;
  /** Device index, and whether the packet was at its egress. */
  readonly device: number;
  readonly egress: boolean;
  /** Bytes of the frame, of which `bytes` are the first. */
  readonly length: number;
  readonly bytes: Uint8Array;
}

export class SampleRing {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly u8: Uint8Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(HEADER_WORDS * 4 + SLOTS * SLOT_BYTES);
    this.words = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
  }

  /** Writer: the first `wanted` bytes of the frame of `length` bytes at `from`. False where there is no room. */
  write(
    from: Uint8Array,
    frame: number,
    length: number,
    wanted: number,
    group: number,
    rate: number,
    device: number,
    egress: boolean,
  ): boolean {
    if (Atomics.load(this.words, READERS) === 0) return true;
    const written = Atomics.load(this.words, WRITTEN);
    if (((written - Atomics.load(this.words, READ)) | 0) >= SLOTS) return false;
    const at = slotAt(written);
    const bytes = wanted < SAMPLE_BYTES ? wanted : SAMPLE_BYTES;
    const word = at >> 2;
    this.words[word] = group;
    this.words[word + 1] = rate;
    this.words[word + 2] = device;
    this.words[word + 3] = egress ? 1 : 0;
    this.words[word + 4] = length;
    this.words[word + 5] = bytes;
    const to = at + SLOT_WORDS * 4;
    for (let i = 0; i < bytes; i++) this.u8[to + i] = from[frame + i];
    Atomics.store(this.words, WRITTEN, (written + 1) | 0);
    return true;
  }

  /** Reader: from now on samples are kept, until `close`. */
  open(): void {
    Atomics.store(this.words, READ, Atomics.load(this.words, WRITTEN));
    Atomics.store(this.words, READERS, 1);
  }

  close(): void {
    Atomics.store(this.words, READERS, 0);
  }

  /** Reader: the oldest sample that has not been read, copied; undefined where there is none. */
  read(): Sample | undefined {
    const read = Atomics.load(this.words, READ);
    if (read === Atomics.load(this.words, WRITTEN)) return undefined;
    const at = slotAt(read);
    const word = at >> 2;
    const bytes = this.words[word + 5] ?? 0;
    const sample: Sample = {
      group: (this.words[word] ?? 0) >>> 0,
      rate: (this.words[word + 1] ?? 0) >>> 0,
      device: this.words[word + 2] ?? 0,
      egress: this.words[word + 3] === 1,
      length: this.words[word + 4] ?? 0,
      bytes: Uint8Array.from(this.u8.subarray(at + SLOT_WORDS * 4, at + SLOT_WORDS * 4 + bytes)),
    };
    Atomics.store(this.words, READ, (read + 1) | 0);
    return sample;
  }
}

function slotAt(count: number): number {
  return HEADER_WORDS * 4 + (count & (SLOTS - 1)) * SLOT_BYTES;
}
