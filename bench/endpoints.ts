/**
 * The comparison of endpoints. Two hosts for each endpoint and link mode are built when the first row needs them;
 * whatever happens, test/netns/topology removes them.
 */
import { type Contender, compare } from './compare.js';
import type { EndpointKind } from './endpoints/endpoint.js';
import { writeBaseline, writeResult } from './files.js';
import { Site } from './measure.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { Progress } from './progress.js';
import { describeMachine, obstacle, otherWork } from './requirements.js';
import type { Result, RowFailure, RowResult } from './result.js';
import { duration, type Mode, omission, type Row } from './rows.js';
import { figure, ratioText, textTables, warnings } from './table.js';

/** An endpoint of this run. */
interface Participant {
  readonly kind: EndpointKind;
  readonly name: string;
  /** The hosts that stand, by link mode. */
  readonly sites: Map<Mode, Site>;
}

/** Names are the kinds; one that stands there twice gets a number: `kernel`, `kernel 2`. */
function participantsOf(kinds: readonly EndpointKind[]): Participant[] {
  return kinds.map((kind, i) => {
    const before = kinds.slice(0, i).filter((other) => other === kind).length;
    return { kind, name: before === 0 ? kind : `${kind} ${before + 1}`, sites: new Map() };
  });
}

async function siteFor({ kind, name, sites }: Participant, mode: Mode, progress: Progress): Promise<Site> {
  const standing = sites.get(mode);
  if (standing !== undefined) return standing;
  progress.now(`building the hosts of ${name} for ${mode}`);
  const site = await Site.up(kind, mode);
  sites.set(mode, site);
  return site;
}

function contenderOf(participant: Participant, progress: Progress): Contender {
  const { kind, name } = participant;
  return {
    name,
    warmUp: kind !== 'kernel' && kind !== 'ovs',
    measure: async (row, seconds) => (await siteFor(participant, row.mode, progress)).measure(row, seconds),
  };
}

/** What a row came to, in one line. */
function summaryOf({ title, unit, sides, ratios }: RowResult): string {
  const words = Object.entries(sides).map(([name, { median }]) => {
    const ratio = ratios[name];
    const share = ratio === undefined || unit === '%' ? '' : ` (${ratioText(ratio.median, unit)})`;
    return `${name} ${figure(median, unit)} ${unit}${share}`;
  });
  return `${title}: ${words.join(', ')}`;
}

/** Seconds that the rows take, warm-up included. */
function expected(rows: readonly Row[], { runs, seconds, endpoints }: Options): number {
  let sum = 0;
  for (const row of rows) {
    for (const kind of endpoints) {
      if (omission(row, kind) !== undefined) continue;
      sum += runs * duration(row, seconds);
      if (kind !== 'kernel' && kind !== 'ovs') sum += duration(row, 1);
    }
  }
  return sum;
}

async function measureAll(options: Options, progress: Progress): Promise<Result> {
  const participants = participantsOf(options.endpoints);
  const names = participants.map(({ name }) => name);
  const base = names[0] ?? '';
  const tested = names.includes('vtep') && base !== 'vtep' ? 'vtep' : (names[1] ?? '');
  progress.now('looking at the machine');
  let busy = await otherWork();
  for (const warning of warnings(busy)) progress.line(warning);
  progress.line(
    `${options.rows.length} rows, ${names.join(', ')}: about ${expected(options.rows, options).toFixed(0)} s`,
  );
  const rows: RowResult[] = [];
  const failures: RowFailure[] = [];
  try {
    for (const [i, row] of options.rows.entries()) {
      const after = expected(options.rows.slice(i + 1), options);
      const own = expected([row], options);
      const onRun = (text: string, done: number): void => {
        const left = (after + own * (1 - done)).toFixed(0);
        progress.now(`${i + 1}/${options.rows.length} ${row.title}: ${text}, ${left} s to go`);
      };
      const taking = participants.filter(({ kind }) => omission(row, kind) === undefined);
      const { runs, seconds, order } = options;
      // targets are vtep's next to the kernel
      const { target: _, ...untargeted } = row;
      const measured = options.endpoints[0] === 'kernel' && tested === 'vtep' ? row : untargeted;
      const contenders = taking.map((participant) => contenderOf(participant, progress));
      const comparison = await compare(measured, contenders, { base, runs, seconds, order, onRun });
      rows.push(comparison.result);
      failures.push(...comparison.failures);
      progress.line(summaryOf(comparison.result));
      for (const { endpoint, failure } of comparison.failures) progress.line(`  ${endpoint} FAILED: ${failure}`);
    }
    busy = Math.max(busy, await otherWork());
  } finally {
    progress.now('removing the hosts');
    await Promise.allSettled(participants.flatMap(({ sites }) => [...sites.values()]).map((site) => site.down()));
    progress.clear();
  }
  const { runs, seconds } = options;
  const date = new Date().toISOString();
  const machine = { ...describeMachine(), otherWork: busy };
  const variants = Object.fromEntries(
    participants.flatMap(({ name, sites }) => {
      const variant = [...sites.values()][0]?.variant;
      return variant === undefined ? [] : [[name, variant]];
    }),
  );
  const others = names.filter((name) => name !== base && name !== tested);
  return { version: 2, date, machine, runs, seconds, base, tested, others, variants, rows, failures };
}

/** Runs the comparison that the words of the command line ask for; gives the exit status. */
export async function compareEndpoints(words: readonly string[]): Promise<number> {
  let options: Options | 'help';
  try {
    options = parseOptions(words);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const reason = obstacle();
  if (reason !== undefined) {
    process.stderr.write(`${reason}\n`);
    return 1;
  }
  const progress = new Progress(process.stdout);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => progress.line('stopped; removing everything'));
  }
  const result = await measureAll(options, progress);
  process.stdout.write(`\n${textTables(result)}`);
  const files = writeResult(result, options.json);
  const complete = result.failures.length === 0;
  if (options.baseline && complete) writeBaseline(result);
  process.stdout.write(`Written: ${files.join(', ')}${options.baseline && complete ? ', and the baseline' : ''}\n`);
  return complete ? 0 : 1;
}
