// Batch files for a running daemon, beside the real tc: the same stops, numbers and exit codes.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from './daemon.js';
import { type Finished, run, until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { VTEP } from './topology.js';

/** DEV and KIND are put in: flower for vtep, u32 for the kernel, which may have no flower. */
const file = `# comment

filter add dev DEV ingress pref 1 protocol ip KIND
filter add dev DEV ingress pref 1 protocol ip bogus
filter add dev DEV ingress pref 2 protocol ipv6 \\
  KIND
filter add dev nodev ingress KIND
qdisc add dev DEV ingress
foo bar
-s qdisc show dev DEV ingress
filter del dev DEV ingress pref 9
`;

const failures = ({ stderr }: Finished): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('Command failed'));

rooted('a batch stops where the real tc stops, and with -force goes on as it does', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  await Daemon.start(topology, ['ip link add tap0 type tap', 'tc qdisc add dev tap0 ingress']);
  await b.do('tc qdisc add dev vb ingress');
  const ours = file.replaceAll('DEV', 'tap0').replaceAll('KIND', 'flower action drop');
  const theirs = file.replaceAll('DEV', 'vb').replaceAll('KIND', 'u32 match u32 0 0');
  for (const options of ['-b -', '-force -batch -']) {
    const real = await run(b.argv(['tc', ...options.split(' ')]), { input: theirs });
    const mine = await run(b.argv([VTEP, 'tc', ...options.split(' ')]), { input: ours });
    t.is(mine.code, real.code, options);
    t.deepEqual(failures(mine), failures(real), options);
    t.is(mine.stdout, real.stdout, options);
    t.true(failures(mine).length > 0);
    await b.do('tc filter del dev vb ingress');
    await b.do(`${VTEP} tc filter del dev tap0 ingress`);
  }
  const none = ['-b', '/nonexistent/file'];
  const [real, mine] = await Promise.all([run(b.argv(['tc', ...none])), run(b.argv([VTEP, 'tc', ...none]))]);
  t.deepEqual([mine.code, mine.stderr, mine.stdout], [real.code, real.stderr, real.stdout]);
});

rooted('vtep -b takes lines of all three tools; what was done before a failure stays', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, []);
  const input = [
    'ip link add tap0 type tap',
    'tc qdisc add dev tap0 clsact',
    'bridge fdb show dev lo',
    'tc filter add dev tap0 ingress pref 5 protocol ip flower action drop',
    'tc filter add dev tap0 ingress pref 5 protocol ip flower action drop',
    'ip link del tap0',
  ].join('\n');
  const ended = await run(b.argv([VTEP, '-b', '-']), { input });
  t.is(ended.code, 1);
  t.regex(ended.stderr, /^RTNETLINK answers: File exists\n[^\n]*\nCommand failed -:5\n$/);
  t.regex(await daemon.do('tc filter show dev tap0 ingress'), /pref 5 flower chain 0 handle 0x1/);
});

rooted('ten thousand filters from one batch are all there, and all shown', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, ['ip link add tap0 type tap', 'tc qdisc add dev tap0 ingress']);
  const input = Array.from(
    { length: 10_000 },
    (_, n) => `filter add dev tap0 ingress pref 1 protocol ip flower enc_key_id ${n + 1} action drop`,
  ).join('\n');
  const ended = await run(b.argv([VTEP, 'tc', '-b', '-']), { input });
  t.deepEqual([ended.code, ended.stdout, ended.stderr], [0, '', '']);
  const shown = await daemon.do('tc filter show dev tap0 ingress');
  const ids = [...shown.matchAll(/enc_key_id (\d+)/g)].map(([, id]) => Number(id));
  t.deepEqual(
    ids,
    Array.from({ length: 10_000 }, (_, n) => n + 1),
  );
});

rooted('whoever is neither root nor the daemon’s user is refused, whatever the mode of the socket', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const folder = mkdtempSync(join(tmpdir(), 'vtep-peer-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const path = join(folder, 'x.sock');
  const daemon = b.start([VTEP, 'run', '--control', path]);
  await daemon.waitFor(/^vtep: ready/m);
  chmodSync(path, 0o666);
  const ask = [
    "const s = require('node:net').connect(process.argv[1]);",
    's.on("error", () => {}); s.pipe(process.stdout);',
    "s.write(JSON.stringify({ argv: ['drops'] }) + '\\n');",
  ].join('');
  const other = await run(['setpriv', '--reuid', '65534', '--clear-groups', process.execPath, '-e', ask, path]);
  t.is(other.stdout, '{"err":"vtep: user 65534 may not give commands to a vtep of user 0\\n"}\n{"exit":1}\n');
  const own = await run(b.argv(['env', `VTEP_CONTROL=${path}`, VTEP, 'drops']));
  t.is(own.code, 0, own.stderr);
});

rooted('vtep -b --atomic carries out all of a file or nothing, and --dry-run says what it would change', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, [
    'ip link add tap0 type tap',
    'tc qdisc add dev tap0 ingress',
    'tc filter add dev tap0 ingress pref 1 protocol ip flower enc_key_id 1 action drop',
  ]);
  const transact = (options: string, lines: readonly string[]): Promise<Finished> =>
    run(b.argv([VTEP, '-b', '-', ...options.split(' ')]), { input: lines.join('\n') });
  const lines = [
    'ip link add tap1 type tap',
    'tc filter del dev tap0 ingress pref 1',
    'tc filter add dev tap0 ingress pref 1 protocol ip flower enc_key_id 2 action mirred egress redirect dev tap1',
    'ip addr add 10.9.9.9/24 dev tap1',
  ];
  const before = await daemon.do('tc filter show dev tap0 ingress');
  const failing = await transact('--atomic', [...lines, '# and', 'tc filter add dev tap0 ingress flower frob']);
  t.is(failing.code, 1);
  t.regex(failing.stderr, /^What is "frob"\?.*Command failed -:6\nvtep: nothing was changed\n$/s);
  const taken = await transact('--atomic', ['ip link add tap1 type tap', 'ip link add vb type tap']);
  t.regex(taken.stderr, /Command failed -:2\nvtep: nothing was changed\n$/s);
  const dry = await transact('--dry-run', lines);
  t.deepEqual(
    [dry.code, dry.stderr, dry.stdout.replace(/ index \d+/g, '')],
    [
      0,
      '',
      [
        '+ip link add tap1 type tap',
        '-tc filter add dev tap0 ingress protocol ip pref 1 chain 0 handle 1 flower enc_key_id 1 action gact drop',
        '+tc filter add dev tap0 ingress protocol ip pref 1 chain 0 handle 1 flower enc_key_id 2 ' +
          'action mirred egress redirect dev tap1',
        '+ip addr add 10.9.9.9/24 dev tap1',
        '',
      ].join('\n'),
    ],
  );
  t.is(await daemon.do('tc filter show dev tap0 ingress'), before);
  t.not((await b.attempt('ip link show dev tap1')).code, 0, 'no device was left');
  const whole = await transact('--atomic', lines);
  t.deepEqual([whole.code, whole.stdout, whole.stderr], [0, '', '']);
  t.regex(await daemon.do('tc filter show dev tap0 ingress'), /enc_key_id 2.*to device tap1/s);
  t.regex(await b.do('ip addr show dev tap1'), /10\.9\.9\.9/);
});

rooted(
  'an atomic batch shares actions, makes chains, changes, deletes and sets up devices, or does nothing',
  async (t) => {
    const topology = await twoHosts(t);
    const { b } = topology;
    const daemon = await Daemon.start(topology, [
      'ip link add tap0 type tap',
      'ip link add tap1 type tap',
      'ip link add vxlan0 type vxlan external dstport 4789',
      'tc qdisc add dev tap0 ingress',
      'tc qdisc add dev tap1 clsact',
      'tc filter add dev tap1 ingress protocol ip pref 1 flower action mirred egress redirect dev tap0',
    ]);
    const batch = (lines: readonly string[], ...options: string[]): Promise<Finished> =>
      run(b.argv([VTEP, '-b', '-', ...options]), { input: lines.join('\n') });
    const shows = [
      'ip -d link show',
      'tc filter show dev tap0 ingress',
      'tc filter show dev tap1 ingress',
      'tc chain show dev tap0 ingress',
      'tc actions ls action gact',
      'tc qdisc show',
    ];
    const look = (): Promise<string[]> => Promise.all(shows.map((line) => daemon.do(line)));
    const lines = [
      'tc actions add action gact drop index 5',
      'tc chain add dev tap0 ingress chain 7',
      'ip link set dev vxlan0 type vxlan ttl 9',
      'ip link add tap9 mtu 1400 type tap',
      'tc filter add dev tap0 ingress protocol ip pref 1 flower indev tap9 action gact index 5',
      'ip link set dev tap0 mtu 1300 address 02:00:00:00:00:aa',
      'ip link del tap1',
      'ip link set vxlan0 up',
    ];
    const isUp = async (): Promise<boolean> => (await b.do('ip link show type veth')).includes(' state UP ');
    await until(isUp, 'the underlay has its carrier');
    const before = await look();
    for (const bad of [
      'ip link set tap0 mtu 1',
      // The kernel has set the address by the time that it refuses the MTU.
      'ip link set vxlan0 address 02:00:00:00:00:bb mtu 1',
      'ip link set tap9 alias x address 01:00:00:00:00:01',
    ]) {
      const refused = await batch([...lines, bad], '--atomic');
      t.is(refused.code, 1);
      t.regex(
        refused.stderr,
        /^RTNETLINK answers.*Command failed -:9\nvtep: nothing was changed\n$|^Error: mtu less than/s,
      );
      t.deepEqual(await look(), before);
      t.deepEqual((await b.do('ss -Hlnu sport = 4789')).trim(), '', 'no socket was left');
    }
    const whole = await batch(lines, '--atomic');
    t.deepEqual([whole.code, whole.stdout, whole.stderr], [0, '', '']);
    t.regex(await daemon.do('tc actions get action gact index 5'), /action drop.*index 5 ref 2 bind 1/s);
    t.regex(await daemon.do('tc chain show dev tap0 ingress'), /chain 7/);
    t.regex(await daemon.do('ip -d link show dev vxlan0'), /UP.*vxlan external.* ttl 9 /s);
    t.regex(await daemon.do('ip link show dev tap0'), /mtu 1300.*02:00:00:00:00:aa/s);
    t.not((await b.attempt('ip link show dev tap1')).code, 0);
    t.regex(await b.do('ss -Hlnu sport = 4789'), /4789/);
  },
);
