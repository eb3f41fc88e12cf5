/**
 * npm run bench: vtep next to the kernel's VXLAN device, in one run. Two hosts for each endpoint and link mode are
 * built when the first row needs them; whatever happens, test/netns/topology removes them.
 */
import { benchClassifier } from './classifier/main.js';
import { type Contender, compare } from './compare.js';
import { writeBaseline, writeResult } from './files.js';
import { Site } from './measure.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { Progress } from './progress.js';
import { describeMachine, obstacle, otherWork } from './requirements.js';
import type { Result, RowFailure, RowResult } from './result.js';
import { duration, type Mode, type Row } from './rows.js';
import { figure, ratioText, textTable, warnings } from './table.js';

/** The hosts that stand, by link mode: those of the base and those of the endpoint under test. */
type Sites = Map<Mode, readonly [Site, Site]>;

async function sitesFor(
  mode: Mode,
  sites: Sites,
  options: Options,
  progress: Progress,
): Promise<readonly [Site, Site]> {
  const standing = sites.get(mode);
  if (standing !== undefined) return standing;
  progress.now(`building the hosts for ${mode}`);
  const [base, tested] = options.endpoints;
  const first = await Site.up(base, mode);
  try {
    const pair = [first, await Site.up(tested, mode)] as const;
    sites.set(mode, pair);
    return pair;
  } catch (error) {
    await first.down();
    throw error;
  }
}

function contender(site: Site, name: string): Contender {
  return { name, warmUp: site.kind === 'vtep', measure: (row, seconds) => site.measure(row, seconds) };
}

function summaryOf({ title, unit, base, tested, ratio }: RowResult, names: readonly [string, string]): string {
  const side = (name: string, median: number): string => `${name} ${figure(median, unit)} ${unit}`;
  return `${title}: ${side(names[0], base.median)}, ${side(names[1], tested.median)}, ratio ${ratioText(ratio.median, unit)}`;
}

/** Seconds that the rows take, warm-up included. */
function expected(rows: readonly Row[], { runs, seconds }: Options): number {
  return rows.reduce((sum, row) => sum + runs * 2 * duration(row, seconds) + duration(row, 1), 0);
}

async function measureAll(options: Options, progress: Progress): Promise<Result> {
  const [kind, testedKind] = options.endpoints;
  const names = [kind, kind === testedKind ? `${testedKind} again` : testedKind] as const;
  progress.now('looking at the machine');
  let busy = await otherWork();
  for (const warning of warnings(busy)) progress.line(warning);
  progress.line(`${options.rows.length} rows, about ${expected(options.rows, options).toFixed(0)} s`);
  const sites: Sites = new Map();
  const rows: RowResult[] = [];
  const failures: RowFailure[] = [];
  try {
    for (const [i, row] of options.rows.entries()) {
      const [all, after] = [i, i + 1].map((from) => expected(options.rows.slice(from), options)) as [number, number];
      try {
        const [base, tested] = await sitesFor(row.mode, sites, options, progress);
        const onRun = (text: string, done: number): void => {
          const left = (after + (all - after) * (1 - done)).toFixed(0);
          progress.now(`${i + 1}/${options.rows.length} ${row.title}: ${text}, ${left} s to go`);
        };
        const { runs, seconds, order } = options;
        const plan = { runs, seconds, order, onRun };
        // targets are vtep's
        const { target: _, ...untargeted } = row;
        const measured = kind === 'kernel' && testedKind === 'vtep' ? row : untargeted;
        const result = await compare(measured, contender(base, names[0]), contender(tested, names[1]), plan);
        rows.push(result);
        progress.line(summaryOf(result, names));
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error);
        failures.push({ id: row.id, title: row.title, failure });
        progress.line(`${row.title}: FAILED: ${failure}`);
      }
    }
    busy = Math.max(busy, await otherWork());
  } finally {
    progress.now('removing the hosts');
    await Promise.allSettled([...sites.values()].flat().map((site) => site.down()));
    progress.clear();
  }
  const { runs, seconds } = options;
  const date = new Date().toISOString();
  const machine = { ...describeMachine(), otherWork: busy };
  return { version: 1, date, machine, runs, seconds, base: names[0], tested: names[1], rows, failures };
}

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  if (first === 'classifier') return benchClassifier(rest);
  let options: Options | 'help';
  try {
    options = parseOptions(process.argv.slice(2));
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
  process.stdout.write(`\n${textTable(result)}`);
  const files = writeResult(result, options.json);
  const complete = result.failures.length === 0;
  if (options.baseline && complete) writeBaseline(result);
  process.stdout.write(`Written: ${files.join(', ')}${options.baseline && complete ? ', and the baseline' : ''}\n`);
  return complete ? 0 : 1;
}

process.exit(await main()); // not waiting for runs that a row has given up
