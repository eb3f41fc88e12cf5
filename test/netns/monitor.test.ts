// vtep monitor, and what the system's own monitors say of the same changes.
//
//   vtep run ── control socket ──┬── vtep tc … · vtep -b … · vtep ip …   what changes things
//      │                         └── vtep monitor …                      what is told of it
//      └── rtnetlink ── ip link set … (the system's)
import { Daemon } from './daemon.js';
import { type Background, run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { VTEP } from './topology.js';

/**
 * Starts a monitor and waits until it listens: until then, changes of a mark go unheard. What follows is told in
 * `since()`, without those of the mark.
 */
async function monitor(daemon: Daemon, argv: string[]): Promise<{ process: Background; since: () => string }> {
  const process = daemon.host.start(argv);
  for (let n = 0; process.stdout === ''; n++) {
    if (n > 100) throw new Error(`${argv.join(' ')} tells of nothing`);
    await daemon.do('tc qdisc replace dev mark clsact');
    await daemon.do('tc qdisc del dev mark clsact');
    await daemon.host.do(`ip link set dev mark mtu ${1400 + n}`);
  }
  const since = (): string =>
    process.stdout
      .replace(/^.* dev mark .*\n/gm, '')
      .replace(/^(Deleted )?\d+: mark: .*\n( .*\n)*/gm, '')
      .replace(/^\{.*"(dev|ifname)":"mark".*\n/gm, '');
  return { process, since };
}

/** Waits until a monitor has told of the end: a chain of that number. */
async function told(daemon: Daemon, { process }: { process: Background }, chain: number): Promise<void> {
  await daemon.do('tc qdisc replace dev mark clsact');
  await daemon.do(`tc chain add dev mark ingress chain ${chain}`);
  await process.waitFor(
    new RegExp(`dev mark parent ffff: chain ${chain} |"dev":"mark","parent":"ffff:","chain":${chain}`),
  );
}

rooted('what commands, batches and the host change is told as it comes in force', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, [
    'ip link add mark type tap',
    'ip link add vxlan0 type vxlan external dstport 4789',
  ]);
  const all = await monitor(daemon, [VTEP, 'monitor']);
  const json = await monitor(daemon, [VTEP, 'monitor', '-j', '-t', 'filter']);
  await daemon.do('ip tuntap add tap0 mode tap');
  await daemon.host.do('ip link set tap0 name tap9');
  const batch = [
    'tc qdisc add dev vxlan0 clsact',
    'tc filter add dev vxlan0 ingress protocol ip pref 7 flower enc_key_id 4 action mirred egress redirect dev tap9',
    'tc filter replace dev vxlan0 ingress protocol ip pref 7 handle 1 flower enc_key_id 5 action drop',
  ];
  const done = await run(daemon.host.argv([VTEP, '-b', '-']), { input: `${batch.join('\n')}\n` });
  t.is(done.code, 0, done.stderr);
  const failing = await run(daemon.host.argv([VTEP, '-b', '-', '--atomic']), {
    input: 'ip link add t1 type tap\ntc filter del dev vxlan0 ingress\nip link add lo type tap\n',
  });
  t.is(failing.code, 1);
  await daemon.do('tc filter del dev vxlan0 ingress pref 7');
  await daemon.do('ip link del tap9');
  await told(daemon, all, 5);
  await told(daemon, json, 6);

  const heads = all
    .since()
    .split('\n')
    .filter((line) => /^\S/.test(line))
    .map((line) => line.replace(/^(Deleted )?\d+: /, '$1N: ').replace(/> .*/, '>'));
  t.deepEqual(heads, [
    'N: tap0: <BROADCAST,MULTICAST>',
    'N: tap9: <BROADCAST,MULTICAST>',
    'qdisc clsact ffff: dev vxlan0 parent ffff:fff1 ',
    'added chain dev vxlan0 parent ffff: chain 0 ',
    'added filter dev vxlan0 ingress protocol ip pref 7 flower chain 0 handle 0x1 ',
    'replaced filter dev vxlan0 ingress protocol ip pref 7 flower chain 0 handle 0x1 ',
    'deleted filter dev vxlan0 ingress protocol ip pref 7 flower chain 0 ',
    'deleted chain dev vxlan0 parent ffff: chain 0 ',
    'Deleted N: tap9: <BROADCAST,MULTICAST>',
  ]);
  t.regex(all.since(), /redirect/i);
  const objects = json
    .since()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(
    objects.map(({ object, added, replaced, deleted }) => [object, added, replaced, deleted]),
    [
      ['qdisc', undefined, undefined, undefined],
      ['chain', true, undefined, undefined],
      ['filter', true, undefined, undefined],
      ['filter', undefined, true, undefined],
      ['filter', undefined, undefined, true],
      ['chain', undefined, undefined, true],
    ],
  );
  for (const { timestamp } of objects) t.regex(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
});

rooted('links are told of in the very text of ip -d monitor link, and in its order', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, ['ip link add mark type tap']);
  const own = await monitor(daemon, [VTEP, 'ip', '-d', 'monitor', 'link']);
  const host = await monitor(daemon, ['ip', '-d', 'monitor', 'link']);
  await daemon.do('ip link add tap0 mtu 1400 type tap');
  await daemon.do('ip link set tap0 up');
  await daemon.host.do('ip link add br0 type bridge');
  await daemon.host.do('ip link set tap0 master br0');
  await daemon.host.do('ip link set tap0 nomaster');
  await daemon.host.do('ip link set tap0 down');
  await daemon.host.do('ip link set tap0 name tap1');
  await daemon.host.do('ip link set tap1 address 02:00:00:00:00:77');
  await daemon.do('ip link del tap1');
  for (const { process } of [own, host]) await process.waitFor(/^Deleted \d+: tap1/m);
  const blocks = (text: string): string[] => text.split(/^(?=\S)/m).filter((block) => /: tap[01]: /.test(block));
  // The kernel says how a TAP was while it was being made, without its alias; and more of a bridge's port.
  const plain = (block: string): string =>
    block
      .replace(/persist (on|off)/, 'persist')
      .replace(/ {4}alias vtep\n/, '')
      .replace(/\n {4}bridge_slave .*(?=numtxqueues)/, '');
  const told = blocks(own.since()).map(plain);
  const heard = blocks(host.since()).map(plain);
  let at = 0;
  for (const block of told) {
    at = heard.indexOf(block, at) + 1;
    t.true(at > 0, `${block}\nis not, or not there, in\n${heard.join('')}`);
  }
  t.true(told.length >= 6, told.join(''));
  t.regex(told.join(''), /master br0/);
});

rooted('a monitor ends with Ctrl-C, with its reader, and, with a message, with its daemon', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, ['ip link add mark type tap']);
  const first = await monitor(daemon, [VTEP, 'tc', 'monitor']);
  const stopped = await first.process.stop('SIGINT');
  t.deepEqual([stopped.code, stopped.signal, stopped.stderr], [null, 'SIGINT', '']);

  const second = await monitor(daemon, [VTEP, 'tc', '-ts', 'monitor']);
  t.regex(second.process.stdout, /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\] (deleted )?qdisc clsact ffff: dev mark /);
  second.process.child.stdout?.destroy();
  for (let n = 0; second.process.running && n < 100; n++) {
    await daemon.do(`tc qdisc ${n % 2 === 0 ? 'replace' : 'del'} dev mark clsact`);
  }
  t.is((await second.process.exited).code, 141);

  const third = await monitor(daemon, [VTEP, 'monitor']);
  // What is the host's, the system's own tool tells of.
  const host = daemon.host.start([VTEP, 'ip', 'monitor', 'address', 'route']);
  for (let n = 1; host.stdout === '' && n < 200; n++) await daemon.host.do(`ip addr add 10.77.0.${n}/32 dev mark`);
  t.regex(host.stdout, /^\d+: mark +inet 10\.77\.0\.\d+\/32 /m);
  await host.stop();
  await daemon.stop();
  const ended = await third.process.exited;
  t.deepEqual([ended.code, ended.stderr], [1, 'vtep: the daemon has ended, and with it this monitor\n']);
});
