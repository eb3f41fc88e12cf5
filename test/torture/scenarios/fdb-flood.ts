/** A million source addresses at a device that learns: eight times what the table holds. */
import { Daemon } from '../../netns/daemon.js';
import { until } from '../../netns/process.js';
import { Topology } from '../../netns/topology.js';
import { Drops, flood, settled } from '../overload/flood.js';
import { A_TO_B, datagram, encapsulated, INNER_SOURCE_AT, linkMac } from '../overload/frames.js';
import { ask, pidOf, residentMib, Strain as Watch } from '../overload/strain.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** Entries of all devices together (docs/differences.md). */
const BOUND = 131_072;
/** Stations that were there before. */
const KNOWN = 500;
const STATIC = '02:00:00:00:00:07';

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ mode: 'wire' });
  const { a, b } = topology;
  try {
    const outer = {
      ...{ from: topology.outer.a, to: topology.outer.b },
      ...{ fromMac: await linkMac(a, 'va'), toMac: await linkMac(b, 'vb') },
    };
    const daemon = await Daemon.start(topology, [
      `ip link add vx4 type vxlan id 4 dstport 4789 remote ${outer.from}`,
      'ip link set vx4 up',
      `bridge fdb add ${STATIC} dev vx4 dst 192.168.1.99 static`,
    ]);
    const drops = new Drops(daemon);
    const pid = pidOf(daemon);
    const inner = datagram({ ...A_TO_B, toMac: await linkMac(b, 'vx4') }, [1000, 9], Buffer.alloc(18));
    const frame = encapsulated(outer, 50_000, 4, inner).toString('hex');
    const vary = { at: INNER_SOURCE_AT + 2, bytes: 4, every: 1 };
    const entries = async (): Promise<string[]> =>
      (await ask(daemon, ['bridge', 'fdb', 'show', 'dev', 'vx4'])).trim().split('\n');
    say(`${KNOWN} stations`);
    await flood(a, 'va', [frame], { seconds: 5, frames: KNOWN, vary: { ...vary, first: 0, count: KNOWN } });
    await settled(b, 'vx4');
    const known = (await entries()).map((line) => line.split(' ', 1)[0] ?? '');
    if (known.length !== KNOWN + 2) throw new Error(`${known.length} entries of ${KNOWN} stations`);

    say('a flood of addresses');
    const count = brief ? 150_000 : 1_000_000;
    const watch = new Watch(daemon, [['drops'], ['ip', '-s', 'link', 'show', 'dev', 'vx4']]);
    const first = 0x10000000;
    const { sent } = await flood(a, 'va', [frame], {
      seconds: 60,
      frames: count,
      vary: { ...vary, first, count },
      rate: brief ? 60_000 : 0,
    });
    await settled(b, 'vx4');
    const counted = await drops.rows();
    const of = (reason: string): number => counted.find((row) => row.reason === reason)?.count ?? 0;
    const begin = performance.now();
    const table = await entries();
    const took = performance.now() - begin;
    const there = new Set(table.map((line) => line.split(' ', 1)[0] ?? ''));
    const forgotten = known.filter((mac) => !there.has(mac));
    if (forgotten.length > 0) throw new Error(`${forgotten.length} stations were forgotten for others`);
    if (!table.some((line) => line.startsWith(`${STATIC} dst 192.168.1.99 `)))
      throw new Error('the static entry was moved');
    const learned = table.length - known.length;
    if (table.length > BOUND) throw new Error(`${table.length} entries`);
    if (learned + of('fdb-full') + of('socket-overflow') !== sent)
      throw new Error(
        `${sent} sent, ${learned} learned, ${of('fdb-full')} not, ${of('socket-overflow')} lost by the queue`,
      );
    say('until all is forgotten');
    await daemon.do('ip link set vx4 type vxlan ageing 1');
    await until(async () => (await entries()).length === 2, 'what is silent is forgotten', 20_000);
    const strained = await watch.end(brief);
    return [
      { value: sent, what: 'source addresses' },
      { value: learned, what: `learned beside ${KNOWN} stations, which all stayed` },
      { value: of('fdb-full'), what: 'not learned (fdb-full)' },
      { value: of('socket-overflow'), what: 'lost by a full queue' },
      { value: `${took.toFixed(0)} ms`, what: `to list ${table.length} entries` },
      ...strained,
      { value: residentMib(pid).toFixed(0), what: 'MiB at the end, with all of them forgotten' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'fdb-flood',
    title: 'a million source addresses at a device that learns',
    promise:
      'the table is bounded, nobody known is forgotten for another, each address not learned is counted, and all go when silent',
    rights: 'root',
    run,
  },
];
