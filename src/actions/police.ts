/**
 * Token buckets (net/sched/act_police.c). Time is what costs: a bucket holds nanoseconds, time fills it, and a packet
 * takes what its bytes last at the rate. The clock is read once a batch; what came in while the batch before it was
 * worked on is taken to have come evenly in that time, so that a burst smaller than what a batch brings gives its rate
 * too. No packet is ever ahead of the clock, so over time a bucket never gives more than its rate and its burst; at
 * once it may give what its rate brings in the time of one batch besides.
 *
 * A bucket belongs to all workers, each of which locks it for a packet: the rate is that of the action, whichever
 * worker a packet meets it on. Their clocks are one, but a packet may be a little behind what another worker has seen:
 * then no time has passed. Parameters are copied out of the shared words when a bucket is first used, or used again by
 * a new action: then it begins full.
 */
import { LOCK_WORDS, SharedLock } from '../memory/shared-lock.js';
import type { ArrivalClock } from './arrival-clock.js';
import { BUCKET_SLAB_BYTES, BUCKETS_OF_SLAB } from './buckets.js';
import { ACTION_WORDS, ActionWord, PoliceWord } from './program.js';

const BUCKET = 16;
const SLAB_BITS = Math.log2(BUCKETS_OF_SLAB);
/** Columns of a bucket: nanoseconds, but for the generation. */
const TOKENS = 0;
const PEAK_TOKENS = 1;
const PACKET_TOKENS = 2;
const FILLED = 3;
const GENERATION = 4;
const BYTE_TIME = 5;
const BURST = 6;
const PEAK_BYTE_TIME = 7;
const PEAK_BURST = 8;
const PACKET_TIME = 9;
const PACKET_BURST = 10;

const ATM_CELL = 53;
const ATM_PAYLOAD = 48;

export class Buckets {
  private readonly slabs: Float64Array[] = [];
  private readonly locks: SharedLock[] = [];
  private readonly clock: ArrivalClock;
  /** Two words as the double that they are. */
  private readonly double = new Float64Array(1);
  private readonly halves = new Int32Array(this.double.buffer);

  constructor(clock: ArrivalClock) {
    this.clock = clock;
  }

  /** Takes BUCKETS_OF_SLAB more buckets, of BUCKET_SLAB_BYTES of shared memory. */
  attach(slab: SharedArrayBuffer): void {
    this.slabs.push(new Float64Array(slab));
    this.locks.push(new SharedLock(new Int32Array(slab), (BUCKET_SLAB_BYTES >> 2) - LOCK_WORDS));
  }

  /** Makes sure that buckets below `count` exist: those that nobody gave are nobody else's. Not for the hot path. */
  ensure(count: number): void {
    while (this.slabs.length * BUCKETS_OF_SLAB < count) this.attach(new SharedArrayBuffer(BUCKET_SLAB_BYTES));
  }

  /** Whether a packet of `bytes` bytes conforms now to the police action at `words[at]`. */
  conforms(words: Int32Array, at: number, bytes: number): boolean {
    const number = words[at + ActionWord.C];
    const lock = this.locks[number >> SLAB_BITS];
    lock.exclude();
    const result = this.take(words, at, bytes, this.slabs[number >> SLAB_BITS], number & (BUCKETS_OF_SLAB - 1));
    lock.admit();
    return result;
  }

  /** Whether the police action at `words[at]` has any rate: else it is the length alone that counts. */
  hasRate(words: Int32Array, at: number): boolean {
    const from = at + ACTION_WORDS;
    return (
      (words[from + PoliceWord.BYTE_TIME] |
        words[from + PoliceWord.BYTE_TIME + 1] |
        words[from + PoliceWord.PACKET_TIME] |
        words[from + PoliceWord.PACKET_TIME + 1]) !==
      0
    );
  }

  private take(words: Int32Array, at: number, bytes: number, state: Float64Array, row: number): boolean {
    const bucket = row * BUCKET;
    if (state[bucket + GENERATION] !== words[at + ActionWord.D]) this.begin(words, at, state, bucket);
    const now = Math.max(this.clock.now, state[bucket + FILLED]);
    const byteTime = state[bucket + BYTE_TIME];
    const packetTime = state[bucket + PACKET_TIME];
    if (byteTime === 0 && packetTime === 0) return true;
    const passed = now - state[bucket + FILLED];
    let tokens = 0;
    let peak = 0;
    let packets = 0;
    if (byteTime > 0) {
      const burst = state[bucket + BURST];
      const cost = costOf(words, at, bytes);
      tokens = Math.min(Math.min(passed, burst) + state[bucket + TOKENS], burst) - cost * byteTime;
      const peakByteTime = state[bucket + PEAK_BYTE_TIME];
      if (peakByteTime > 0) {
        const peakBurst = state[bucket + PEAK_BURST];
        peak = Math.min(Math.min(passed, burst) + state[bucket + PEAK_TOKENS], peakBurst) - cost * peakByteTime;
      }
    } else {
      const burst = state[bucket + PACKET_BURST];
      packets = Math.min(Math.min(passed, burst) + state[bucket + PACKET_TOKENS], burst) - packetTime;
    }
    if (tokens < 0 || peak < 0 || packets < 0) return false;
    state[bucket + FILLED] = now;
    state[bucket + TOKENS] = tokens;
    state[bucket + PEAK_TOKENS] = peak;
    state[bucket + PACKET_TOKENS] = packets;
    return true;
  }

  private begin(words: Int32Array, at: number, state: Float64Array, bucket: number): void {
    const from = at + ACTION_WORDS;
    state[bucket + BYTE_TIME] = this.read(words, from + PoliceWord.BYTE_TIME);
    state[bucket + BURST] = this.read(words, from + PoliceWord.BURST);
    state[bucket + PEAK_BYTE_TIME] = this.read(words, from + PoliceWord.PEAK_BYTE_TIME);
    state[bucket + PEAK_BURST] = this.read(words, from + PoliceWord.PEAK_BURST);
    state[bucket + PACKET_TIME] = this.read(words, from + PoliceWord.PACKET_TIME);
    state[bucket + PACKET_BURST] = this.read(words, from + PoliceWord.PACKET_BURST);
    state[bucket + TOKENS] = state[bucket + BURST];
    state[bucket + PEAK_TOKENS] = state[bucket + PEAK_BURST];
    state[bucket + PACKET_TOKENS] = state[bucket + PACKET_BURST];
    state[bucket + FILLED] = this.clock.now;
    state[bucket + GENERATION] = words[at + ActionWord.D];
  }

  private read(words: Int32Array, at: number): number {
    this.halves[0] = words[at];
    this.halves[1] = words[at + 1];
    return this.double[0];
  }
}

/** What a packet counts as on its link (psched_l2t_ns). */
function costOf(words: Int32Array, at: number, bytes: number): number {
  const from = at + ACTION_WORDS;
  const length = Math.max(bytes + words[from + PoliceWord.OVERHEAD], words[from + PoliceWord.MPU]);
  return words[from + PoliceWord.ATM] === 0 ? length : Math.ceil(length / ATM_PAYLOAD) * ATM_CELL;
}
