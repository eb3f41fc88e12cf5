/** One row: rounds of runs, in each of which every endpoint runs once, and what follows from them. */
import { type Order, turn } from './options.js';
import { DETAILS, type Details, type RowFailure, type RowResult, type Side } from './result.js';
import { type Row, unitOf } from './rows.js';
import { median, pairedRatios, summarize } from './statistics.js';

export interface Sample {
  /** In the row's unit. */
  readonly value: number;
  readonly details?: Details;
}

export interface Contender {
  readonly name: string;
  /** A run to be thrown away comes first: a just-in-time compiler has to see the work. */
  readonly warmUp: boolean;
  readonly measure: (row: Row, seconds: number) => Promise<Sample>;
}

export interface Plan {
  /** The contender that ratios are to; where it takes no part there are none. */
  readonly base: string;
  readonly runs: number;
  readonly seconds: number;
  readonly order: Order;
  /** Told before each run, with the share of the row's runs that is done, 0 to 1. */
  readonly onRun: (text: string, done: number) => void;
}

export interface Comparison {
  readonly result: RowResult;
  readonly failures: readonly RowFailure[];
}

function sideOf(samples: readonly Sample[]): Side {
  const details: { -readonly [name in keyof Details]: number } = {};
  for (const name of DETAILS) {
    const values = samples.map((sample) => sample.details?.[name]).filter((value) => value !== undefined);
    if (values.length > 0) details[name] = median(values);
  }
  return { ...summarize(samples.map(({ value }) => value)), details };
}

/**
 * A contender whose run fails is out of the row from then on, and its failure is
 * told; the others go on.
 */
export async function compare(row: Row, contenders: readonly Contender[], plan: Plan): Promise<Comparison> {
  const samples = new Map(contenders.map((contender): [Contender, Sample[]] => [contender, []]));
  const failures: RowFailure[] = [];
  const attempt = async (contender: Contender, seconds: number): Promise<Sample | undefined> => {
    try {
      return await contender.measure(row, seconds);
    } catch (error) {
      samples.delete(contender);
      const failure = error instanceof Error ? error.message : String(error);
      failures.push({ id: row.id, title: row.title, endpoint: contender.name, failure });
      return undefined;
    }
  };
  for (const contender of contenders) {
    if (!contender.warmUp) continue;
    plan.onRun(`warm-up of ${contender.name}`, 0);
    await attempt(contender, 1);
  }
  for (let round = 0; round < plan.runs; round++) {
    for (const contender of turn(plan.order, round, contenders)) {
      if (!samples.has(contender)) continue;
      plan.onRun(`round ${round + 1} of ${plan.runs}, ${contender.name}`, round / plan.runs);
      const sample = await attempt(contender, plan.seconds);
      if (sample !== undefined) samples.get(contender)?.push(sample);
    }
  }
  const sides = [...samples].map(([{ name }, list]): [string, Side] => [name, sideOf(list)]);
  const base = sides.find(([name]) => name === plan.base)?.[1];
  const rivals = base === undefined ? [] : sides.filter(([, side]) => side !== base);
  const result = {
    id: row.id,
    title: row.title,
    mode: row.mode,
    unit: unitOf(row),
    ...(row.target === undefined ? {} : { target: row.target }),
    sides: Object.fromEntries(sides),
    ratios: Object.fromEntries(
      rivals.map(([name, side]) => [name, pairedRatios(base?.values ?? [], side.values)] as const),
    ),
  };
  return { result, failures };
}
