/**
 * npm run bench -- updates: rules of a running vtep change one by one, each in force before the next, while round trips
 * through it are measured. What it costs the traffic: frames lost, and the slowest of a hundred round trips beside the
 * same without updates.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Daemon } from '../../test/netns/daemon.js';
import { type Host, INNER, Topology } from '../../test/netns/topology.js';
import { Updates } from '../../test/netns/update-rules.js';
import { replaceSection } from '../files.js';
import { program } from '../measure.js';
import { Progress } from '../progress.js';
import { describeMachine, obstacle, otherWork } from '../requirements.js';
import { toJson } from '../result.js';
import { warnings } from '../table.js';
import type { PingTimes } from '../traffic/round-trips.js';
import { markdownReport, report, type UpdateResult, withinTarget } from './report.js';

const USAGE = `usage: npm run bench -- updates [OPTIONS]
Round trips through vtep while its rules change one by one.

  --updates N   single-rule updates, each in force before the next (default 100000; with --quick 10000)
  --rules N     other rules that are there (default 10000; with --quick 1000)
  --rate N      updates a second at most (default: as fast as they are answered)
  --quick
  --baseline    replaces the committed updates.json and the figures in docs/performance.md
  --help
`;

const root = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENT = `${root}docs/performance.md`;
const BEGIN = '<!-- written by npm run bench -- updates --baseline: begin -->';
const END = '<!-- written by npm run bench -- updates --baseline: end -->';

/** Round trips in one measurement; several are made until the updates are over. */
const PINGS = 5000;
/** Other rules in one request. */
const CHUNK = 5000;

async function pings(host: Host): Promise<PingTimes> {
  const printed = await host.do(program('ping', INNER[4].b, `${PINGS}`, '0'));
  return JSON.parse(printed) as PingTimes;
}

/** Rules beside those of the topology: destinations behind VNIs that nobody sends, in prefs of their own. */
async function addRules(updates: Updates, rules: number): Promise<void> {
  for (let n = 0; n < rules; n += CHUNK) {
    const lines = Array.from({ length: Math.min(CHUNK, rules - n) }, (_, i) => {
      const keys = `enc_key_id ${2_000_000 + n + i} dst_mac 02:00:00:00:00:01`;
      return `filter add dev vxlan0 parent ffff: protocol ip pref 20000 handle ${1 + n + i} flower ${keys} action drop`;
    });
    await updates.batch(lines.map((line) => line.split(' ')));
  }
}

/** Carries updates out, no faster than `rate` a second. */
async function pace(updates: Updates, count: number, rate: number): Promise<number> {
  const begin = performance.now();
  for (let done = 0; done < count; done += 10) {
    const early = begin + (done / rate) * 1000 - performance.now();
    if (early > 1) await new Promise((resolve) => setTimeout(resolve, early));
    await updates.run(Math.min(10, count - done));
  }
  return count / ((performance.now() - begin) / 1000);
}

type Figures = Omit<UpdateResult, 'date' | 'machine'>;

async function measure(count: number, rules: number, rate: number, progress: Progress): Promise<Figures> {
  progress.now('building the hosts');
  const topology = await Topology.up({ mode: 'wire' });
  try {
    const daemon = await Daemon.start(topology);
    const updates = new Updates(topology.b, 'vxlan0');
    progress.now(`adding ${rules} rules`);
    await addRules(updates, rules);
    progress.now('round trips without updates');
    await pings(topology.a);
    const before = [await pings(topology.a), await pings(topology.a), await pings(topology.a)];
    progress.now(`${count} updates`);
    let perSecond: number | undefined;
    const updated = pace(updates, count, rate).then((speed) => {
      perSecond = speed;
    });
    const during: PingTimes[] = [];
    while (perSecond === undefined)
      during.push(await Promise.race([pings(topology.a), updated.then(() => pings(topology.a))]));
    await updated;
    updates.close();
    await daemon.stop();
    return { updates: count, rules, perSecond, before, during };
  } finally {
    progress.now('removing the hosts');
    await topology.down();
    progress.clear();
  }
}

/** Gives the exit code: 1 where frames were lost or slowed down more than they may be. */
export async function benchUpdates(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      updates: { type: 'string' },
      rules: { type: 'string' },
      rate: { type: 'string' },
      quick: { type: 'boolean', default: false },
      baseline: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const reason = obstacle();
  if (reason !== undefined) {
    process.stderr.write(`${reason}\n`);
    return 1;
  }
  const [count, rules, rate] = [
    values.updates ?? (values.quick ? '10000' : '100000'),
    values.rules ?? (values.quick ? '1000' : '10000'),
    values.rate ?? '1000000',
  ].map(Number) as [number, number, number];
  const progress = new Progress(process.stdout);
  const busy = await otherWork();
  for (const warning of warnings(busy)) progress.line(warning);
  const figures = await measure(count, rules, rate, progress);
  const machine = { ...describeMachine(), otherWork: busy };
  const result = { date: new Date().toISOString(), machine, ...figures };
  process.stdout.write(report(result));
  if (values.baseline) {
    writeFileSync(`${root}bench/results/updates.json`, toJson(result));
    writeFileSync(DOCUMENT, replaceSection(readFileSync(DOCUMENT, 'utf8'), markdownReport(result), BEGIN, END));
    process.stdout.write('Written: bench/results/updates.json, docs/performance.md\n');
  }
  return withinTarget(result) ? 0 : 1;
}
