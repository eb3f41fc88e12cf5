// Token buckets against the kernel's arithmetic, done with whole nanoseconds.
import test from 'ava';
import * as fc from 'fast-check';
import { ArrivalClock } from './arrival-clock.js';
import { BUCKET_SLAB_BYTES } from './buckets.js';
import { Buckets } from './police.js';
import { ACTION_WORDS, ActionWord, POLICE_WORDS, PoliceWord } from './program.js';

interface Rates {
  readonly rate?: number;
  readonly burst?: number;
  readonly peak?: number;
  readonly peakBurst?: number;
  readonly packets?: number;
  readonly packetBurst?: number;
  readonly overhead?: number;
  readonly mpu?: number;
  readonly isAtm?: boolean;
}

/** Rates a second, bursts in nanoseconds. */
function wordsOf(rates: Rates, bucket = 0, generation = 1): Int32Array {
  const words = new Int32Array(ACTION_WORDS + POLICE_WORDS);
  words[ActionWord.C] = bucket;
  words[ActionWord.D] = generation;
  const time = (rate = 0): number => (rate === 0 ? 0 : 1e9 / rate);
  for (const [word, value] of [
    [PoliceWord.BYTE_TIME, time(rates.rate)],
    [PoliceWord.BURST, rates.burst ?? 0],
    [PoliceWord.PEAK_BYTE_TIME, time(rates.peak)],
    [PoliceWord.PEAK_BURST, rates.peakBurst ?? 0],
    [PoliceWord.PACKET_TIME, time(rates.packets)],
    [PoliceWord.PACKET_BURST, rates.packetBurst ?? 0],
  ] as const) {
    words.set(new Int32Array(Float64Array.of(value).buffer), ACTION_WORDS + word);
  }
  words[ACTION_WORDS + PoliceWord.OVERHEAD] = rates.overhead ?? 0;
  words[ACTION_WORDS + PoliceWord.MPU] = rates.mpu ?? 0;
  words[ACTION_WORDS + PoliceWord.ATM] = rates.isAtm ? 1 : 0;
  return words;
}

/** Sets the time, in nanoseconds. */
function at(clock: ArrivalClock, now: number): void {
  clock.time[0] = now / 1e6;
  clock.begin(1);
  clock.arrive();
}

/** tcf_police_act, with rates that are whole divisors of a second. */
class Model {
  private tokens: bigint;
  private peak: bigint;
  private filled: bigint;
  private readonly rates: Required<Pick<Rates, 'rate' | 'burst' | 'peak' | 'peakBurst'>>;

  constructor(rates: Model['rates'], now: number) {
    this.rates = rates;
    this.tokens = BigInt(rates.burst);
    this.peak = BigInt(rates.peakBurst);
    this.filled = BigInt(now);
  }

  conforms(bytes: number, now: number): boolean {
    const { rate, burst, peak, peakBurst } = this.rates;
    const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
    const passed = least(BigInt(now) - this.filled, BigInt(burst));
    const tokens = least(passed + this.tokens, BigInt(burst)) - BigInt(bytes) * (1_000_000_000n / BigInt(rate));
    const peaks = peak
      ? least(passed + this.peak, BigInt(peakBurst)) - BigInt(bytes) * (1_000_000_000n / BigInt(peak))
      : 0n;
    if (tokens < 0n || peaks < 0n) return false;
    this.tokens = tokens;
    this.peak = peaks;
    this.filled = BigInt(now);
    return true;
  }
}

test('a bucket lets through what the kernel would', (t) => {
  const divisors = fc.constantFrom(1000, 8000, 125_000, 1_000_000, 125_000_000);
  fc.assert(
    fc.property(
      divisors,
      fc.integer({ min: 0, max: 2e9 }),
      fc.oneof(fc.constant(0), divisors),
      fc.integer({ min: 0, max: 1e9 }),
      fc.array(fc.tuple(fc.integer({ min: 20, max: 9000 }), fc.integer({ min: 0, max: 50_000_000 })), {
        maxLength: 60,
        size: 'max',
      }),
      (rate, burst, peak, peakBurst, packets) => {
        const clock = new ArrivalClock();
        const buckets = new Buckets(clock);
        buckets.ensure(3);
        const words = wordsOf({ rate, burst, peak, peakBurst }, 2);
        let now = 1_000_000;
        const model = new Model({ rate, burst, peak, peakBurst }, now + (packets[0]?.[1] ?? 0));
        for (const [bytes, pause] of packets) {
          now += pause;
          at(clock, now);
          t.is(buckets.conforms(words, 0, bytes), model.conforms(bytes, now));
        }
      },
    ),
    { seed: 7, numRuns: 500 },
  );
});

test('over a second a bucket gives what its rate says, and at once no more than its burst', (t) => {
  const clock = new ArrivalClock();
  const buckets = new Buckets(clock);
  buckets.ensure(1);
  const words = wordsOf({ rate: 1_000_000, burst: 10_000_000 });
  let passed = 0;
  at(clock, 0);
  while (buckets.conforms(words, 0, 1000)) passed++;
  t.is(passed, 10, '10 ms of a million bytes a second');
  passed = 0;
  for (let now = 0; now <= 1_000_000_000; now += 100_000) {
    at(clock, now);
    while (buckets.conforms(words, 0, 1000)) passed++;
  }
  t.is(passed, 1000);
});

test('a burst smaller than a batch gives its rate where the packets of the batch came one after the other', (t) => {
  // Room for 2 of the 10 packets that each batch brings, one packet's worth of time apart.
  const words = wordsOf({ rate: 1_000_000, burst: 200_000 });
  const clock = new ArrivalClock();
  const buckets = new Buckets(clock);
  buckets.ensure(1);
  let spread = 0;
  for (let batch = 0; batch < 100; batch++) {
    // Each is read when the one before is done with.
    clock.time[0] = batch + 1;
    clock.begin(10);
    clock.time[0] = batch + 2;
    clock.finish();
    for (let n = 0; n < 10; n++) {
      clock.arrive();
      if (buckets.conforms(words, 0, 100)) spread++;
    }
  }
  // Of the first batch nobody knows when it came.
  t.true(spread >= 2 + 989 && spread <= 2 + 990, `${spread}`);
  const together = wordsOf({ rate: 1_000_000, burst: 200_000 }, 0, 2);
  clock.time[0] = 0;
  clock.finish();
  let passed = 0;
  for (let batch = 100; batch < 200; batch++) {
    clock.time[0] = batch + 2;
    clock.begin(10);
    clock.time[0] = batch + 2;
    clock.finish();
    for (let n = 0; n < 10; n++) {
      clock.arrive();
      if (buckets.conforms(together, 0, 100)) passed++;
    }
  }
  t.is(passed, 200, 'what came at once gets the burst alone');
});

test('packets are counted where the rate is one of packets', (t) => {
  const clock = new ArrivalClock();
  const buckets = new Buckets(clock);
  buckets.ensure(1);
  const words = wordsOf({ packets: 1000, packetBurst: 5_000_000 });
  let passed = 0;
  for (let n = 0; n < 20; n++) if (buckets.conforms(words, 0, 60_000)) passed++;
  t.is(passed, 5);
  at(clock, 2_000_000);
  t.deepEqual(
    [1, 2, 3].map(() => buckets.conforms(words, 0, 60)),
    [true, true, false],
  );
});

test('a packet costs its overhead, the least size, and whole cells of ATM', (t) => {
  for (const [rates, bytes, cost] of [
    [{ overhead: 20 }, 100, 120],
    [{ mpu: 64 }, 20, 64],
    [{ mpu: 64, overhead: 50 }, 20, 70],
    [{ isAtm: true }, 48, 53],
    [{ isAtm: true, overhead: 1 }, 48, 106],
  ] as const) {
    const clock = new ArrivalClock();
    const buckets = new Buckets(clock);
    buckets.ensure(1);
    const enough = wordsOf({ ...rates, rate: 1_000_000, burst: cost * 1000 });
    t.true(buckets.conforms(enough, 0, bytes), `${cost}`);
    const less = wordsOf({ ...rates, rate: 1_000_000, burst: cost * 1000 - 1 }, 0, 2);
    t.false(buckets.conforms(less, 0, bytes), `less than ${cost}`);
  }
});

test('without a rate everything conforms; a new generation begins full; buckets are kept when more are made', (t) => {
  const clock = new ArrivalClock();
  const buckets = new Buckets(clock);
  buckets.ensure(1);
  t.true(buckets.conforms(wordsOf({}), 0, 1e6));
  const words = wordsOf({ rate: 1000, burst: 1_000_000_000 }, 0, 2);
  t.true(buckets.conforms(words, 0, 1000));
  t.false(buckets.conforms(words, 0, 1));
  buckets.ensure(40);
  t.false(buckets.conforms(words, 0, 1));
  t.true(buckets.conforms(wordsOf({ rate: 1000, burst: 1_000_000_000 }, 0, 3), 0, 1000));
});

test('two workers share a bucket; a packet that one has a little behind the other finds no time passed', (t) => {
  const words = wordsOf({ packets: 1000, packetBurst: 3_000_000 });
  const slab = new SharedArrayBuffer(BUCKET_SLAB_BYTES);
  const workers = [0, 1].map(() => {
    const clock = new ArrivalClock();
    const buckets = new Buckets(clock);
    buckets.attach(slab);
    buckets.ensure(1);
    return { clock, take: () => buckets.conforms(words, 0, 100) };
  });
  const [one, other] = workers;
  if (!one || !other) return;
  at(one.clock, 1e9);
  at(other.clock, 1e9 - 500_000);
  t.deepEqual([one.take(), other.take(), one.take()], [true, true, true], 'the burst is of both');
  t.deepEqual([one.take(), other.take()], [false, false]);
  at(one.clock, 1e9 + 1_000_000);
  t.deepEqual([other.take(), one.take(), other.take()], [false, true, false], 'a millisecond brings one');
});
