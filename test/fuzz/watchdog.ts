/**
 * Notices inputs that never end. A loop that does not end keeps its thread from noticing anything, so another thread looks
 * on: it is told of every input through shared memory. Where one takes longer than PATIENCE_MS it is written down as a
 * finding, and the process ends with 1.
 */
import { Worker } from 'node:worker_threads';

/** Bytes of the longest input and of the longest name. */
const LONGEST = 1 << 20;
const NAME = 64;
/** Words: inputs begun, bytes of the present one (-1: none), bytes of its target's name. */
const WORDS = 3;
const BEGUN = 0;
const LENGTH = 1;
const NAME_LENGTH = 2;

export interface WatchdogData {
  readonly shared: SharedArrayBuffer;
  readonly folder: string;
  readonly patience: number;
}

const PATIENCE_MS = 20_000;

export class Watchdog {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly worker: Worker;
  private name = '';

  /** `folder`: where findings go. */
  constructor(folder: string, patience = PATIENCE_MS) {
    const shared = new SharedArrayBuffer(WORDS * 4 + NAME + LONGEST);
    this.words = new Int32Array(shared, 0, WORDS);
    this.bytes = new Uint8Array(shared, WORDS * 4);
    this.words[LENGTH] = -1;
    const data: WatchdogData = { shared, folder, patience };
    this.worker = new Worker(new URL('./watchdog-worker.js', import.meta.url), { workerData: data });
    this.worker.unref();
  }

  /** An input of a target begins. */
  watch(name: string, input: Uint8Array): void {
    const { words, bytes } = this;
    if (name !== this.name) {
      this.name = name;
      words[NAME_LENGTH] = Buffer.from(bytes.buffer, bytes.byteOffset, NAME).write(name);
    }
    bytes.set(input.subarray(0, LONGEST), NAME);
    words[LENGTH] = Math.min(input.length, LONGEST);
    Atomics.add(words, BEGUN, 1);
  }

  /** The last one has ended. */
  rest(): void {
    Atomics.store(this.words, LENGTH, -1);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

/** What the other thread does, each second: gives the input that does not end, or nothing. */
export class Onlooker {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private begun = -1;
  private since = Date.now();
  private readonly patience: number;

  constructor({ shared, patience }: WatchdogData) {
    this.words = new Int32Array(shared, 0, WORDS);
    this.bytes = new Uint8Array(shared, WORDS * 4);
    this.patience = patience;
  }

  look(): { readonly name: string; readonly input: Uint8Array } | undefined {
    const begun = Atomics.load(this.words, BEGUN);
    const length = Atomics.load(this.words, LENGTH);
    if (begun !== this.begun || length < 0) {
      this.begun = begun;
      this.since = Date.now();
      return undefined;
    }
    if (Date.now() - this.since < this.patience) return undefined;
    const name = Buffer.from(this.bytes.slice(0, this.words[NAME_LENGTH])).toString();
    return { name, input: this.bytes.slice(NAME, NAME + length) };
  }
}
