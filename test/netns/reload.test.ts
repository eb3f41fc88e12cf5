// SIGHUP and vtep reload: the running daemon becomes what its file says, and what did not change goes on.
import { writeFileSync } from 'node:fs';
import { type ActionCount, Daemon } from './daemon.js';
import type { Background } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, type Topology, VTEP } from './topology.js';
import { ping } from './traffic.js';

class Reloading {
  readonly daemon: Daemon;
  private readonly file: string;
  private readonly process: Background;

  private constructor(daemon: Daemon, file: string, process: Background) {
    this.daemon = daemon;
    this.file = file;
    this.process = process;
  }

  static async start({ b }: Topology, lines: readonly string[]): Promise<Reloading> {
    const file = `${b.notes}/reload.batch`;
    writeFileSync(file, `${lines.join('\n')}\n`);
    const daemon = await Daemon.of(b, b.start([VTEP, 'run', '-b', file]));
    return new Reloading(daemon, file, daemon.process);
  }

  write(lines: readonly string[]): void {
    writeFileSync(this.file, `${lines.join('\n')}\n`);
  }

  get name(): string {
    return this.file;
  }

  hup(): void {
    this.process.child.kill('SIGHUP');
  }
}

const counted = ({ text, packets }: ActionCount): string => `${text} ${packets}`;

rooted('traffic through filters that stay loses nothing, and their counters go on', async (t) => {
  const topology = await twoHosts(t);
  const { a } = topology;
  const extra = (id: number, pref = 9): string =>
    `tc filter add dev vxlan0 ingress protocol ip pref ${pref} flower enc_key_id ${id} action drop`;
  const lines = [...topology.batch, extra(900), extra(901)];
  const reloading = await Reloading.start(topology, lines);
  const { daemon } = reloading;
  await ping(a, INNER[4].b);
  const before = await daemon.actions('vxlan0');
  const handles = (text: string): string[] => text.match(/pref 9 .*handle \S+/g) ?? [];
  const running = ping(a, INNER[4].b, { count: 60, interval: 0.02 });
  for (let n = 0; n < 5; n++) {
    // One goes, others come, in other masks and prefs, and once in front of all.
    reloading.write([...lines.slice(0, -2), extra(901), extra(910 + n), `${extra(950 + n, 20 + n)} index ${90 + n}`]);
    reloading.hup();
    await daemon.process.waitFor(new RegExp(`(vtep: reloaded\\s*){${n + 1}}`), 15_000);
  }
  const { received } = await running;
  t.is(received, 60, 'not one frame was lost');
  const after = await daemon.actions('vxlan0');
  const packets = (counts: readonly ActionCount[]): number => counts.reduce((sum, each) => sum + each.packets, 0);
  t.true(packets(after) >= packets(before) + 60, `${before.map(counted)} … ${after.map(counted)}`);
  const shown = await daemon.do('tc filter show dev vxlan0 ingress');
  t.deepEqual(handles(shown).length, 2);
  t.regex(handles(shown).join('\n'), /handle 0x2/, 'the one that stayed keeps its handle');
  t.regex(shown, /pref 24 .*enc_key_id 954/s);
  t.notRegex(shown, /enc_key_id (900|953)\n/);
});

rooted('a file with a mistake changes nothing, and is named with its line', async (t) => {
  const topology = await twoHosts(t);
  const reloading = await Reloading.start(topology, topology.batch);
  const { daemon } = reloading;
  const before = await daemon.do('save');
  for (const [bad, said] of [
    ['tc filter add dev vxlan0 ingress flower frob', 'What is "frob"'],
    ['tc filter add dev nodev ingress flower action drop', 'Cannot find device "nodev"'],
    ['ip link add vb type tap', 'RTNETLINK answers: File exists'],
    ['ip link set tap0 mtu 1', 'mtu'],
    ['foo', 'a line begins with ip, tc or bridge, not "foo"'],
  ] as const) {
    reloading.write([...topology.batch.slice(0, -1), 'ip link add tap9 type tap', bad]);
    const { code, stderr } = await daemon.attempt('reload');
    t.is(code, 1, bad);
    t.true(stderr.includes(said), stderr);
    t.true(stderr.includes(`Command failed ${reloading.name}:${topology.batch.length + 1}\n`), stderr);
    t.true(stderr.endsWith('vtep: nothing was changed\n'), stderr);
    t.is(await daemon.do('save'), before);
  }
  reloading.hup();
  await daemon.process.waitFor(/vtep: nothing was changed/);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('devices come, change, are made anew and go as the file says; the host’s lines may be said again', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const lines = [
    'ip link add vxlan5 type vxlan external dstport 4795',
    'ip link add tap5 type tap',
    'ip link add tap6 type tap',
    'tc qdisc add dev tap5 clsact',
    'tc filter add dev tap5 ingress protocol ip pref 1 flower action mirred egress redirect dev vxlan5',
    'ip addr add 10.5.0.1/24 dev tap5',
    'ip link add br5 type bridge',
    'ip link set tap5 up',
    'ip link set vxlan5 up',
  ];
  const reloading = await Reloading.start(topology, lines);
  const { daemon } = reloading;
  const ifindex = async (name: string): Promise<number> =>
    (JSON.parse(await b.do(`ip -j link show dev ${name}`)) as { ifindex: number }[])[0]?.ifindex ?? 0;
  const before = [await ifindex('tap5'), await ifindex('vxlan5')];
  reloading.write(
    lines
      .map((line) => line.replace('external dstport 4795', 'external dstport 4795 ttl 7'))
      .filter((line) => !/tap6/.test(line)),
  );
  const changed = await daemon.attempt('reload');
  t.deepEqual([changed.code, changed.stderr], [0, '']);
  t.deepEqual([await ifindex('tap5'), await ifindex('vxlan5')], before, 'both live on');
  t.regex(await daemon.do('ip -d link show dev vxlan5'), /UP.* ttl 7 /s);
  t.not((await b.attempt('ip link show dev tap6')).code, 0);

  const other = lines.map((line) => line.replace('4795', '4796').replace('tap6', 'tap7 mtu 1400'));
  reloading.write(other);
  const remade = await daemon.attempt('reload');
  t.is(remade.code, 0, remade.stderr);
  t.regex(remade.stderr, /^vtep: vxlan5 is made anew: [^\n]*\n$/);
  t.regex(await daemon.do('ip -d link show dev vxlan5'), /UP.*dstport 4796/s);
  t.regex(await b.do('ss -Hlnu'), /:4796 /);
  t.notRegex(await b.do('ss -Hlnu'), /:4795 /);
  t.regex(await b.do('ip link show dev tap7'), /mtu 1400/);
  t.regex(await daemon.do('tc filter show dev tap5 ingress'), /device vxlan5/);
  t.regex(await b.do('ip addr show dev tap5'), /10\.5\.0\.1/);

  // What was typed since goes; an empty file is an empty daemon.
  await daemon.do('ip link add tap8 type tap');
  reloading.write(['# nothing']);
  t.is((await daemon.attempt('reload')).code, 0);
  t.is(await daemon.do('tc qdisc show ingress'), '');
  t.is((await daemon.do('save')).match(/^ip link/gm), null);
});

rooted('without a file a reload is refused, and SIGHUP changes nothing', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.of(b, b.start([VTEP, 'run']));
  await daemon.do('ip link add tap0 type tap');
  const { code, stderr } = await daemon.attempt('reload');
  t.deepEqual(
    [code, stderr],
    [1, 'vtep: there is no file that this vtep could read again (it was started without one)\n'],
  );
  daemon.process.child.kill('SIGHUP');
  await daemon.process.waitFor(/no file that this vtep could read again/);
  await daemon.do('ip link show dev tap0');
});

rooted('SIGHUP of a terminal that was closed ends the daemon', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const terminal = b.start(['script', '-qec', `${VTEP} run`, '/dev/null']);
  await terminal.waitFor(/^vtep: ready/m);
  terminal.child.kill('SIGKILL');
  const deadline = Date.now() + 10_000;
  while ((await b.attempt(`${VTEP} drops`)).code === 0 && Date.now() < deadline);
  t.not((await b.attempt(`${VTEP} drops`)).code, 0);
});
