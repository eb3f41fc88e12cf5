/** One row: pairs of runs of the two endpoints, one after the other, and what follows from them. */
import type { Sample } from './measure.js';
import { type Order, testedFirst } from './options.js';
import type { RowResult, Side } from './result.js';
import { type Row, unitOf } from './rows.js';
import { pairedRatios, summarize } from './statistics.js';

export interface Contender {
  readonly name: string;
  /** A run to be thrown away comes first: a just-in-time compiler has to see the work. */
  readonly warmUp: boolean;
  readonly measure: (row: Row, seconds: number) => Promise<Sample>;
}

export interface Plan {
  readonly runs: number;
  readonly seconds: number;
  readonly order: Order;
  /** Told before each run, with the share of the row's runs that is done, 0 to 1. */
  readonly onRun: (text: string, done: number) => void;
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function sideOf(samples: readonly Sample[]): Side {
  const cpu = known(samples.map((sample) => sample.cpuSecondsPerGigabyte));
  const retransmits = known(samples.map((sample) => sample.retransmits));
  return {
    ...summarize(samples.map(({ value }) => value)),
    ...(cpu.length > 0 ? { cpuSecondsPerGigabyte: summarize(cpu) } : {}),
    ...(retransmits.length > 0 ? { retransmits } : {}),
  };
}

export async function compare(row: Row, base: Contender, tested: Contender, plan: Plan): Promise<RowResult> {
  const samples = new Map<Contender, Sample[]>([
    [base, []],
    [tested, []],
  ]);
  for (const contender of [base, tested]) {
    if (!contender.warmUp) continue;
    plan.onRun(`warm-up of ${contender.name}`, 0);
    await contender.measure(row, 1);
  }
  for (let pair = 0; pair < plan.runs; pair++) {
    for (const contender of testedFirst(plan.order, pair) ? [tested, base] : [base, tested]) {
      plan.onRun(`pair ${pair + 1} of ${plan.runs}, ${contender.name}`, pair / plan.runs);
      samples.get(contender)?.push(await contender.measure(row, plan.seconds));
    }
  }
  const [ofBase, ofTested] = [sideOf(samples.get(base) ?? []), sideOf(samples.get(tested) ?? [])];
  return {
    id: row.id,
    title: row.title,
    mode: row.mode,
    unit: unitOf(row),
    ...(row.target === undefined ? {} : { target: row.target }),
    base: ofBase,
    tested: ofTested,
    ratio: pairedRatios(ofBase.values, ofTested.values),
  };
}
