/**
 * Control side of a chain's list of tuples, in order of their first rules: cut into runs, so that a tuple that moves costs
 * the runs that it leaves and enters and a list of runs, not a list of all tuples. Which tuples move is noted as rules
 * come and go; they are put into order once a publication.
 */
import { RUN_TUPLES, RunWord, runWords, TupleItem } from './layout.js';
import type { SharedWords } from './shared-words.js';
import type { Tuple } from './tuple.js';

/** Neighbours that have no more than this together become one. */
const FEW = RUN_TUPLES >> 1;

export interface Run {
  readonly tuples: Tuple[];
  /** Where it stands in shared words; 0: nowhere yet, or not as it is now. */
  at: number;
}

export class TupleRuns {
  private readonly runs: Run[] = [];
  /** Tuples that may stand elsewhere than they belong, or nowhere. */
  private readonly displaced = new Set<Tuple>();
  /** Words of runs that are no more, not yet told to shared words. */
  private outdated = 0;

  get count(): number {
    return this.runs.length;
  }

  /** Most words that `write` takes. */
  get wordsToWrite(): number {
    return this.runs.reduce((sum, { at, tuples }) => sum + (at === 0 ? runWords(tuples.length) : 0), 0);
  }

  /** A tuple is new, or its first rule is another. */
  displace(tuple: Tuple): void {
    this.displaced.add(tuple);
  }

  /** A tuple is as it was written no more, where it stands. */
  touch(tuple: Tuple): void {
    if (tuple.run !== undefined) this.outdate(tuple.run);
  }

  delete(tuple: Tuple): void {
    this.displaced.delete(tuple);
    this.takeOut(tuple);
  }

  /** Forgets the words it knew. */
  reset(): void {
    for (const run of this.runs) run.at = 0;
    this.outdated = 0;
  }

  /** Puts every tuple where it belongs. */
  settle(): void {
    for (const tuple of this.displaced) {
      this.takeOut(tuple);
      tuple.settle();
    }
    for (const tuple of this.displaced) this.putIn(tuple);
    this.displaced.clear();
    this.merge();
  }

  /** Writes the runs that are not what stands there, then the offsets of all from word `at` on. */
  write(shared: SharedWords, at: number): void {
    const { words } = shared;
    shared.release(this.outdated);
    this.outdated = 0;
    let to = at;
    for (const run of this.runs) {
      if (run.at === 0) run.at = writeRun(shared, run.tuples);
      words[to++] = run.at;
    }
  }

  private outdate(run: Run): void {
    if (run.at !== 0) this.outdated += runWords(run.tuples.length);
    run.at = 0;
  }

  private takeOut(tuple: Tuple): void {
    const { run } = tuple;
    if (run === undefined) return;
    tuple.run = undefined;
    this.outdate(run);
    // It is found where it stands: its place in order may be another by now.
    if (run.tuples.length === 1) this.runs.splice(this.runs.indexOf(run), 1);
    else run.tuples.splice(run.tuples.indexOf(tuple), 1);
  }

  private putIn(tuple: Tuple): void {
    const { runs } = this;
    // The last run that does not begin behind the tuple.
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBehind(runs[middle].tuples[0], tuple)) high = middle;
      else low = middle + 1;
    }
    const which = Math.max(low - 1, 0);
    if (runs.length === 0) runs.push({ tuples: [], at: 0 });
    const run = runs[which];
    this.outdate(run);
    const before = run.tuples.findIndex((other) => isBehind(other, tuple));
    run.tuples.splice(before < 0 ? run.tuples.length : before, 0, tuple);
    tuple.run = run;
    if (run.tuples.length <= RUN_TUPLES) return;
    const upper: Run = { tuples: run.tuples.splice(RUN_TUPLES >> 1), at: 0 };
    for (const moved of upper.tuples) moved.run = upper;
    runs.splice(which + 1, 0, upper);
  }

  private merge(): void {
    const { runs } = this;
    for (let i = 1; i < runs.length; i++) {
      const [first, second] = [runs[i - 1], runs[i]];
      if (first.tuples.length + second.tuples.length > FEW) continue;
      this.outdate(first);
      this.outdate(second);
      for (const tuple of second.tuples) tuple.run = first;
      first.tuples.push(...second.tuples);
      runs.splice(i--, 1);
    }
  }
}

function isBehind(tuple: Tuple, other: Tuple): boolean {
  return tuple.minPref > other.minPref || (tuple.minPref === other.minPref && tuple.minSequence > other.minSequence);
}

function writeRun(shared: SharedWords, tuples: readonly Tuple[]): number {
  const { words } = shared;
  const run = shared.alloc(runWords(tuples.length));
  words[run + RunWord.COUNT] = tuples.length;
  let item = run + RunWord.ITEMS;
  for (const tuple of tuples) {
    words[item + TupleItem.PROTOCOL] = tuple.group.protocol;
    words[item + TupleItem.MIN_PREF] = tuple.minPref;
    words[item + TupleItem.MIN_SEQUENCE] = tuple.minSequence;
    words[item + TupleItem.MASK] = tuple.maskAt;
    words[item + TupleItem.SLOTS] = tuple.slots;
    words[item + TupleItem.SLOT_COUNT] = tuple.slotCount;
    words[item + TupleItem.DST_RANGE] = tuple.dstRange;
    words[item + TupleItem.SRC_RANGE] = tuple.srcRange;
    words[item + TupleItem.NEEDS] = tuple.needs;
    words[item + TupleItem.MORE_NEEDS] = tuple.moreNeeds;
    item += TupleItem.WORDS;
  }
  return run;
}
