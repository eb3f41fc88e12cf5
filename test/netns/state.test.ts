// What was counted and learned goes on behind a restart: vtep run --state, vtep save --state.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Daemon, startVtep } from './daemon.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, MAC_A, MAC_B, type Topology } from './topology.js';
import { linkStatistic, ping } from './traffic.js';

/** A classic device that floods what it has not learned to both addresses of host A. */
function classic({ outer }: Topology, second: string): string[] {
  return [
    `ip link add vx4 type vxlan id 4 dstport 4789 local ${outer.b}`,
    `bridge fdb append 00:00:00:00:00:00 dev vx4 dst ${outer.a}`,
    `bridge fdb append 00:00:00:00:00:00 dev vx4 dst ${second}`,
    'tc qdisc add dev vx4 clsact',
    'tc filter add dev vx4 ingress protocol ip pref 1 flower action pass',
    `ip link set vx4 address ${MAC_B} up`,
    `ip addr add ${INNER[4].b}/24 dev vx4`,
    `ip neigh replace ${INNER[4].a} lladdr ${MAC_A} dev vx4 nud permanent`,
  ];
}

async function learned(daemon: Daemon): Promise<{ used: number; updated: number } | undefined> {
  const found = new RegExp(`^${MAC_A} .* used (\\d+)/(\\d+)`, 'm').exec(await daemon.do('bridge -s fdb show dev vx4'));
  return found ? { used: Number(found[1]), updated: Number(found[2]) } : undefined;
}

rooted(
  'behind a restart under traffic counters go on, learned addresses keep their age, and nothing is flooded',
  async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    const second = topology.outer.a.replace(/\d+$/, '77');
    await a.do(`ip addr add ${second}/24 dev va`);
    const state = `${b.notes}/state.json`;
    const lines = classic(topology, second);
    const start = (): Promise<Daemon> => Daemon.of(b, startVtep(b, lines, ['--state', state]));
    const first = await start();
    t.false(existsSync(state), 'the first start finds none, and that is no failure');
    t.is((await ping(a, INNER[4].b)).received, 3);
    const [before] = await first.actions('vx4');
    t.not(await learned(first), undefined);
    const running = ping(a, INNER[4].b, { count: 200, interval: 0.02 });
    const { stderr, code } = await first.stop();
    t.is(code, 0);
    t.regex(stderr, /^vtep: stopped: \d+ datagrams received/m);
    const saved = JSON.parse(readFileSync(state, 'utf8')) as {
      actions: { ages: object }[];
      fdb: { mac: string; updated: number; used: number }[];
    };
    for (const entry of saved.fdb) if (entry.mac === MAC_A) Object.assign(entry, { updated: 1000, used: 1000 });
    for (const { ages } of saved.actions) Object.assign(ages, { installed: 5000, firstUsed: 4000, used: 3000 });
    writeFileSync(state, JSON.stringify(saved));
    await a.do('ip link set vxlan4 down'); // nothing that refreshes the entry comes now
    const daemon = await start();
    t.regex(daemon.process.stderr, /state\.json: 1 device, 1 action and 2 forwarding entries go on from there$/m);
    const age = await learned(daemon);
    t.true(age !== undefined && age.updated >= 100 && age.updated < 115, JSON.stringify(age));
    const times = /installed (\d+) sec used (\d+) sec firstused (\d+) sec/.exec(
      await daemon.do('tc -s filter show dev vx4 ingress'),
    );
    const seconds = times?.slice(1).map(Number) ?? [];
    t.true(
      seconds.every((value, n) => value >= (n === 0 ? 500 : n === 1 ? 300 : 400) && value < 515),
      `${seconds}`,
    );
    t.is(seconds.length, 3);
    const [after] = await daemon.actions('vx4');
    t.true((after?.packets ?? 0) >= (before?.packets ?? 0), `${before?.packets} … ${after?.packets}`);
    t.true((before?.packets ?? 0) >= 3);

    await a.do('ip link set vxlan4 up');
    await a.do(`ip neigh replace ${INNER[4].b} lladdr ${MAC_B} dev vxlan4 nud permanent`);
    await running;
    const arrived = await linkStatistic(a, 'vxlan4', 'rx_packets');
    const { received } = await ping(b, INNER[4].a, { count: 5 });
    t.is(received, 5);
    t.is(await linkStatistic(a, 'vxlan4', 'rx_packets'), arrived + 5, 'to one address, and not to both');
    t.is((await daemon.stop()).code, 0);
  },
);

rooted('a file that is no state stops the start before anything is made, and stays as it is', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const file = `${b.notes}/other`;
  writeFileSync(file, 'ip link add tap9 type tap\n');
  const { code, stderr } = await startVtep(b, topology.batch, ['--state', file]).exited;
  t.is(code, 1);
  t.regex(stderr, /other: this is no state that vtep save --state has written; remove it to begin anew\n$/);
  t.is(readFileSync(file, 'utf8'), 'ip link add tap9 type tap\n');
});

rooted(
  'save --state says what was counted so far, to a file or to whoever reads; a state that cannot be kept is said',
  async (t) => {
    const topology = await twoHosts(t);
    const { b } = topology;
    const process = startVtep(b, topology.batch, ['--state', `${b.notes}/nowhere/state`]);
    const daemon = await Daemon.of(b, process);
    await ping(topology.a, INNER[4].b);
    const file = `${b.notes}/saved`;
    await daemon.do(`save --state ${file}`);
    const batch = await daemon.do('save');
    const [saved, printed] = [readFileSync(file, 'utf8'), await daemon.do('save --state')].map(
      (text) => JSON.parse(text) as { actions: { kind: string; counters: { packets?: number } }[]; devices: object[] },
    );
    t.deepEqual(saved?.devices, printed?.devices ?? []);
    t.deepEqual(
      saved?.actions.map(({ kind, counters }) => [kind, counters.packets]),
      [
        ['tunnel_key', 3],
        ['mirred', 3],
        ['tunnel_key', 3],
        ['mirred', 3],
      ],
    );
    t.is(await daemon.do('save'), batch);
    const { code, stderr } = await daemon.stop();
    t.is(code, 1);
    t.regex(stderr, /nowhere\/state: No such file or directory/);
    await until(async () => !(await b.do('ip link')).includes('tap0'), 'its devices are gone all the same');
  },
);
