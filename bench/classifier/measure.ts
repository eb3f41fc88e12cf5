/**
 * One rule set measured, in a process of its own: what another set left in the heap and in the compiler's mind does not
 * count. `node measure.js KIND RULES ROUNDS` prints a line of JSON.
 */
import { pathToFileURL } from 'node:url';
import type { Lookup } from '../../src/classifier/classifier.js';
import { FlowCache } from '../../src/classifier/flow-cache/flow-cache.js';
import { KEY_WORDS } from '../../src/classifier/flow-key.js';
import { createLookup } from '../../src/classifier/open-lookup.js';
import { TupleSpaceTable } from '../../src/classifier/tuple-space/tuple-space-table.js';
import { Counters, WorkCounter } from '../../src/memory/counters.js';
import { median, type Summary, summarize } from '../statistics.js';
import { randomFrom, zipfFrom } from './random.js';
import { KINDS, RuleSet, type RuleSetKind, type Slate, slate, writeFrame } from './rule-sets.js';

const SEED = 20261122;
const PROTOCOL = 0x0800;
/** Flows of the traffic, and of those the ones that fit into the cache with room to spare. */
const FLOWS = 20_000;
const HOT = 1000;
const LOOKUPS = 102_400;
/** Look-ups timed in one go: their keys stay in the processor's first cache, where the dissector leaves one. */
const BATCH = 64;
/** Frames of a flow in a row, where trains are measured. */
const TRAIN = 16;
/** Rules written at a time, whose making is not timed. */
const CHUNK = 1000;
const EDITS = 2000;

export interface Measured {
  readonly kind: RuleSetKind;
  readonly rules: number;
  /** Tables that the look-ups go through at most. */
  readonly tables: number;
  /** Tables probed by a look-up that the cache does not answer, on average. */
  readonly probes: number;
  /** Nanoseconds a look-up: answered by the classifier alone; from the cache; from the cache within a train. */
  readonly miss: Summary;
  readonly hit: Summary;
  readonly train: Summary;
  /** Nanoseconds a look-up of traffic by Zipf's law, and how many of these the cache answered, 0 to 1. */
  readonly zipf: Summary;
  readonly hitRatio: number;
  /** A second, one after the other and published at the end. */
  readonly inserts: number;
  readonly deletes: number;
  /** A second, each published by itself: a rule taken out and put back, counted as two. */
  readonly edits: number;
  /** Of resident memory a rule, the process before the first one taken off. */
  readonly bytesPerRule: number;
  /** Of the whole process, bytes. */
  readonly resident: number;
  /** Nanoseconds that some work which is always the same took meanwhile: more where another process had the processor. */
  readonly pace: number;
}

function seconds(since: bigint): number {
  return Number(process.hrtime.bigint() - since) / 1e9;
}

function residentNow(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Loads the set and keeps one frame for every so-many-th rule. Gives rules a second. */
function load(table: TupleSpaceTable, set: RuleSet, frames: Int32Array): number {
  const random = randomFrom(SEED + 1);
  const slates: Slate[] = Array.from({ length: CHUNK }, slate);
  let spent = 0;
  let flow = 0;
  for (let done = 0; done < set.count; done += CHUNK) {
    const chunk = slates.slice(0, Math.min(CHUNK, set.count - done));
    for (const rule of chunk) {
      set.write(rule);
      for (; flow < FLOWS && flow * set.count < (rule.id + 1) * FLOWS; flow++)
        writeFrame(rule, random, frames, flow * KEY_WORDS);
    }
    const begin = process.hrtime.bigint();
    for (const rule of chunk) table.insert(rule);
    spent += seconds(begin);
  }
  const begin = process.hrtime.bigint();
  table.publish();
  return set.count / (spent + seconds(begin));
}

function betweenReadings(): number {
  const begin = process.hrtime.bigint();
  return Number(process.hrtime.bigint() - begin);
}

let found = 0;

/** What finds rules for frames, as the datapath asks it: for a flow key that was just written, and with its counters. */
class Datapath {
  private readonly frames: Int32Array;
  private readonly counters: Counters;
  private readonly keys = new Int32Array(BATCH * KEY_WORDS);
  /** Nanoseconds between two readings of the clock. */
  private readonly clock: number;

  constructor(frames: Int32Array, counters: Counters) {
    this.frames = frames;
    this.counters = counters;
    this.clock = median(Array.from({ length: 10_000 }, betweenReadings));
  }

  /**
   * Nanoseconds a look-up of the flows in this order, batch by batch. Writing the keys and reading the clock are not
   * part of it.
   */
  run(lookup: Lookup, order: Int32Array): number {
    const { frames, keys, counters } = this;
    let sum = 0;
    let spent = 0n;
    for (let from = 0; from < order.length; from += BATCH) {
      for (let n = 0; n < BATCH; n++) {
        const frame = (order[from + n] ?? 0) * KEY_WORDS;
        for (let w = 0; w < KEY_WORDS; w++) keys[n * KEY_WORDS + w] = frames[frame + w] ?? 0;
      }
      const begin = process.hrtime.bigint();
      for (let n = 0; n < BATCH; n++) {
        sum += lookup.find(keys, n * KEY_WORDS, 0, PROTOCOL, 0) + lookup.nextPosition;
        counters.work(WorkCounter.LOOKUPS, 1);
        counters.work(WorkCounter.PROBES, lookup.probes);
      }
      spent += process.hrtime.bigint() - begin;
    }
    found += sum;
    return (Number(spent) - (order.length / BATCH) * this.clock) / order.length;
  }
}

const paces: number[] = [];
const reference = new Int32Array(1024);

/** Work that keeps all of a core's units busy, so that it is slower where another thread shares them. */
function timeReference(): void {
  const begin = process.hrtime.bigint();
  let [a, b, c, d] = [1, 2, 3, 4];
  for (let n = 0; n < 50; n++) {
    for (let i = 0; i < reference.length; i += 4) {
      a = (a + (reference[i] ?? 0)) | 0;
      b = ((b ^ (reference[i + 1] ?? 0)) + i) | 0;
      c = (c + ((reference[i + 2] ?? 0) >>> 3)) | 0;
      d = (d - (reference[i + 3] ?? 0)) | 0;
      reference[i] = c ^ n;
    }
  }
  reference[1] = a ^ b ^ d;
  paces.push(Number(process.hrtime.bigint() - begin));
}

function repeated(rounds: number, once: () => number): Summary {
  for (let n = 0; n < 3; n++) once();
  return summarize(
    Array.from({ length: rounds }, () => {
      timeReference();
      return once();
    }),
  );
}

function orderOf(next: (i: number) => number): Int32Array {
  return Int32Array.from({ length: LOOKUPS }, (_, i) => next(i));
}

/** A rule that is in the table, taken from the set made again. */
function editsPerSecond(table: TupleSpaceTable, kind: RuleSetKind, rules: number): number {
  const again = new RuleSet(kind, rules, SEED);
  const some = Array.from({ length: Math.min(EDITS, rules) }, () => {
    const rule = slate();
    again.write(rule);
    return rule;
  });
  const begin = process.hrtime.bigint();
  for (const rule of some) {
    table.remove(rule.id);
    table.publish();
    table.insert(rule);
    table.publish();
  }
  return (some.length * 2) / seconds(begin);
}

function deletesPerSecond(table: TupleSpaceTable, rules: number): number {
  const count = Math.max(1, Math.min(100_000, rules >> 1));
  const step = rules / count;
  const begin = process.hrtime.bigint();
  for (let n = 0; n < count; n++) table.remove(Math.floor(n * step));
  table.publish();
  return count / seconds(begin);
}

export function measure(kind: RuleSetKind, rules: number, rounds: number): Measured {
  const frames = new Int32Array(FLOWS * KEY_WORDS).fill(1);
  const set = new RuleSet(kind, rules, SEED);
  const before = residentNow();
  const table = new TupleSpaceTable();
  const inserts = load(table, set, frames);
  const resident = residentNow();

  const plain = createLookup(table.publish());
  const counters = new Counters();
  const datapath = new Datapath(frames, counters);
  const cached = new FlowCache(counters).before(plain, 0);
  const random = randomFrom(SEED + 2);
  // Popularity must not go with a rule's place in the set.
  const ranked = Int32Array.from({ length: FLOWS }, (_, i) => i);
  for (let i = FLOWS - 1; i > 0; i--) {
    const other = random(i + 1);
    [ranked[i], ranked[other]] = [ranked[other] ?? 0, ranked[i] ?? 0];
  }
  const flow = (rank: number): number => ranked[rank] ?? 0;
  const any = orderOf(() => random(FLOWS));
  const hot = orderOf(() => flow(random(HOT)));
  const trains = orderOf((i) => flow(Math.floor(i / TRAIN) % HOT));
  const next = zipfFrom(random, FLOWS);
  const byZipf = orderOf(() => flow(next()));

  let probes = 0;
  for (const each of any) {
    plain.find(frames, each * KEY_WORDS, 0, PROTOCOL, 0);
    probes += plain.probes;
  }
  const miss = repeated(rounds, () => datapath.run(plain, any));
  const hit = repeated(rounds, () => datapath.run(cached, hot));
  const train = repeated(rounds, () => datapath.run(cached, trains));
  repeated(1, () => datapath.run(cached, byZipf));
  const hitsBefore = counters.workValue(WorkCounter.CACHE_HITS);
  const zipf = repeated(rounds, () => datapath.run(cached, byZipf));
  const hits = counters.workValue(WorkCounter.CACHE_HITS) - hitsBefore;
  const hitRatio = hits / (byZipf.length * (rounds + 3));
  const { tables } = plain.consulted(0, PROTOCOL);
  const edits = editsPerSecond(table, kind, rules);
  return {
    ...{ kind, rules, tables, probes: probes / any.length, miss, hit, train, zipf, hitRatio, inserts, edits, resident },
    bytesPerRule: (resident - before) / rules,
    deletes: deletesPerSecond(table, rules),
    pace: median(paces),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [kind = '', rules = '', rounds = ''] = process.argv.slice(2);
  const known = KINDS.find((each) => each === kind);
  if (known === undefined) throw new Error(`no rule set of kind ${kind}`);
  process.stdout.write(`${JSON.stringify(measure(known, Number(rules), Number(rounds)))}\n`);
  // So that no look-up can be left out as useless.
  if (found === 0.5) process.stderr.write('');
}
