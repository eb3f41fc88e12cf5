/**
 * Token buckets (net/sched/act_police.c). Time is what costs: a bucket holds nanoseconds, time fills it, and a packet
 * takes what its bytes last at the rate. The clock is read once a batch; what came in while the batch before it was
 * worked on is taken to have come evenly in that time, so that a burst smaller than what a batch brings gives its rate
 * too. No packet is ever ahead of the clock, so over time a bucket never gives more than its rate and its burst; at
 * once it may give what its rate brings in the time of one batch besides.
 *
 * A bucket belongs to the worker. Its parameters are copied out of the shared words when it is first used, or used
 * again by a new action: then it begins full.
 */
import type { ArrivalClock } from './arrival-clock.js';
import { ACTION_WORDS, ActionWord, PoliceWord } from './program.js';

const BUCKET = 16;
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
  private state = new Float64Array(0);
  private readonly clock: ArrivalClock;
  /** Two words as the double that they are. */
  private readonly double = new Float64Array(1);
  private readonly halves = new Int32Array(this.double.buffer);

  constructor(clock: ArrivalClock) {
    this.clock = clock;
  }

  /** Makes sure that buckets below `count` exist. Not for the hot path. */
  ensure(count: number): void {
    if (count * BUCKET <= this.state.length) return;
    const grown = new Float64Array(Math.max(count * BUCKET, this.state.length * 2));
    grown.set(this.state);
    this.state = grown;
  }

  /** Whether a packet of `bytes` bytes conforms now to the police action at `words[at]`. */
  conforms(words: Int32Array, at: number, bytes: number): boolean {
    const { now } = this.clock;
    const bucket = words[at + ActionWord.C] * BUCKET;
    const { state } = this;
    if (state[bucket + GENERATION] !== words[at + ActionWord.D]) this.begin(words, at, bucket);
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

  private begin(words: Int32Array, at: number, bucket: number): void {
    const { state } = this;
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
