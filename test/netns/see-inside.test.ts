// What a running vtep shows of its packets and rules: drops, captures, lint.
//
//   host A ── datagrams ──► vxlan0 of vtep on host B ── rules ──┬── dropped
//                                │       │                      └── tap0
//                             capture  drops, lint
import { existsSync, readFileSync } from 'node:fs';
import { readCapture } from '../../src/observe/captures/capture-reader.js';
import type { DropRow } from '../../src/observe/drops.js';
import { blocks } from '../docs/markdown.js';
import { Daemon } from './daemon.js';
import { ethernet, ipv4Udp, vxlanHeader } from './frames.js';
import { rooted, twoHosts } from './rooted.js';
import { VTEP } from './topology.js';

const RULES = [
  'ip link add vxlan0 type vxlan external dstport 4789',
  'ip link set vxlan0 up',
  'ip link add tap0 type tap',
  'ip link set tap0 up',
  'tc qdisc add dev vxlan0 ingress',
  'tc qdisc add dev tap0 ingress',
  'tc filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id 4 dst_ip 10.1.0.2 action drop',
  'tc filter add dev vxlan0 ingress protocol ip pref 2 flower enc_key_id 4 action tunnel_key unset action mirred egress redirect dev tap0',
];

const frame = (to: string): string =>
  ethernet('02:00:00:00:00:02', '02:00:00:00:00:01', 0x0800) + ipv4Udp('10.1.0.1', to, Buffer.from('hello'));

rooted('drops, captures and lint of a vtep that runs', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, outer } = topology;
  const daemon = await Daemon.start(topology, RULES);
  const send = (...datagrams: string[]): Promise<string> =>
    a.do(a.tool('send-datagrams', outer.b, '4789'), `${datagrams.join('\n')}\n`);
  const dropped = vxlanHeader(4) + frame('10.1.0.2');
  const passed = vxlanHeader(4) + frame('10.1.0.3');

  // Captures: to a file until they are interrupted, as lines until a count, of one rule; then a refusal.
  const file = `${b.notes}/all.pcapng`;
  const start = async (...words: string[]): Promise<ReturnType<typeof b.start>> => {
    const process = b.start([VTEP, 'capture', ...words]);
    await process.waitFor(/vtep: capturing/);
    return process;
  };
  const whole = await start('-w', file, '--at', 'underlay-in,decap,out,drop');
  const lines = await start('--at', 'drop', 'reason', 'action-drop', '-c', '1');
  const ruled = await start('rule', 'dev', 'vxlan0', 'pref', '2', '-w', '-', '-s', '30');
  const fourth = await start('--at', 'decap', 'vni', '9');
  const fifth = await daemon.attempt('capture');
  t.deepEqual([fifth.code, fifth.stderr], [1, 'vtep: capture: 4 captures are on already: as many as there may be\n']);
  await send(dropped, passed, '0102');
  const { stdout: line, stderr: said, code } = await lines.exited;
  t.is(code, 0);
  t.regex(
    line,
    new RegExp(
      `vxlan0 drop {2}vni 4, outer ${outer.a} > ${outer.b}, rule dev vxlan0 ingress chain 0 pref 1 handle 0x1, drop action-drop: .* udp 10\\.1\\.0\\.1 port 9 > 10\\.1\\.0\\.2 port 9`,
    ),
  );
  t.regex(said, /1 captured, 0 lost\n$/);
  for (let tries = 0; (await daemon.drops())('short-vxlan-header') === 0; tries++) t.true(tries < 100);
  for (const process of [whole, ruled, fourth]) process.child.kill('SIGINT');
  t.regex((await whole.exited).stderr, /captured, 0 lost\n$/);
  t.regex((await fourth.exited).stderr, /\nvtep: 0 captured, 0 lost\n$/);
  t.is((await ruled.exited).code, 0);
  const packets = [...readCapture(new Uint8Array(readFileSync(file)))].filter(
    ({ interfaceName = '' }) => !interfaceName.endsWith('tap0 drop'),
  );
  const met = packets
    .filter(({ comment = '' }) => comment.includes('outer'))
    .map(({ interfaceName, comment }) => `${interfaceName}: ${comment?.replace(/: .*/, '')}`);
  const from = `vni 4, outer ${outer.a} > ${outer.b}`;
  t.deepEqual(
    [...met].sort(),
    [
      `tap0 out: ${from}, rule dev vxlan0 ingress chain 0 pref 2 handle 0x1`,
      `vxlan0 decap: ${from}`,
      `vxlan0 decap: ${from}`,
      `vxlan0 drop underlay: outer ${outer.a} > ${outer.b}, drop short-vxlan-header`,
      `vxlan0 drop: ${from}, rule dev vxlan0 ingress chain 0 pref 1 handle 0x1, drop action-drop`,
      `vxlan0 underlay-in: ${from}`,
      `vxlan0 underlay-in: ${from}`,
      `vxlan0 underlay-in: outer ${outer.a} > ${outer.b}`,
    ].sort(),
  );
  const out = packets.find(({ interfaceName }) => interfaceName === 'tap0 out');
  t.is(Buffer.from(out?.bytes ?? []).toString('hex'), frame('10.1.0.3'));
  const arrived = packets.find(({ interfaceName }) => interfaceName === 'vxlan0 underlay-in');
  t.is(Buffer.from(arrived?.bytes.subarray(28) ?? []).toString('hex'), dropped);
  t.is((await daemon.attempt('capture --at decap rule dev vxlan0 pref 1')).code, 1);
  t.regex((await daemon.attempt('capture rule dev vxlan0 pref 7')).stderr, /there is no rule dev vxlan0 ingress/);
  const refused = await daemon.attempt(`capture dev nix -w ${b.notes}/none.pcapng`);
  t.deepEqual([refused.code, refused.stderr], [1, 'Cannot find device "nix"\n']);
  t.false(existsSync(`${b.notes}/none.pcapng`));
  t.regex((await daemon.attempt('capture --seconds 1 --at decap')).stderr, /\nvtep: 0 captured, 0 lost\n$/);

  // Drops: the last frames with rule and tunnel, one reason alone, wrong words; and as they happen.
  const [row, ...others] = JSON.parse(await daemon.do('drops action-drop dev vxlan0 --json --last 1')) as DropRow[];
  t.is(others.length, 0);
  t.like(row, { reason: 'action-drop', device: 'vxlan0', count: 1 });
  t.like(row?.frames?.[0], {
    vni: 4,
    outer: { source: outer.a, destination: outer.b },
    rule: { dev: 'vxlan0', hook: 'ingress', chain: 0, pref: 1, handle: 1 },
    bytes: frame('10.1.0.2'),
  });
  t.regex(await daemon.do('drops --last'), /rule dev vxlan0 ingress chain 0 pref 1 handle 0x1/);
  t.regex((await daemon.attempt('drops unknown-vnl')).stderr, /did you mean "unknown-vni"/);
  t.regex((await daemon.attempt('drops --last 9')).stderr, /--last takes a number from 1 to 8, not "9"/);
  t.deepEqual((await daemon.attempt('drops dev nix')).stderr, 'Cannot find device "nix"\n');
  const watched = b.start([VTEP, 'drops', '-w', '--json', 'action-drop']);
  const told = watched.waitFor(/"reason":"action-drop","verdict":"drop","more":\d/, 20_000);
  for (let isTold = false; !isTold; ) {
    await send(dropped);
    isTold = await Promise.race([told.then(() => true), new Promise<false>((r) => setTimeout(() => r(false), 200))]);
  }
  await watched.stop();
  // A rule that is gone is still known for what it did.
  const before = (await daemon.drops())('action-drop');
  await daemon.do('tc filter del dev vxlan0 ingress protocol ip pref 1');
  await daemon.do('tc filter add dev vxlan0 ingress protocol ip pref 9 flower enc_key_id 77 action drop');
  t.regex(await daemon.do('drops action-drop --last 1'), /rule dev vxlan0 ingress chain 0 pref 1 handle 0x1/);
  t.is((await daemon.drops())('action-drop'), before);

  // Lint: nothing, then a warning when something is added, and the finding.
  t.regex(await daemon.do('lint'), /^nothing found in 2 filters$/m);
  const add = 'tc filter add dev vxlan0 ingress protocol ip pref 3 flower verbose enc_key_id 4 action drop';
  const verbose = await daemon.attempt(add);
  const [, shown = ''] =
    blocks('docs/lint.md').flatMap(({ language, lines }) => (language === 'console' ? [lines] : []))[1] ?? [];
  t.deepEqual([verbose.code, verbose.stderr], [0, `${shown.replace('pref 1', 'pref 2')}\n`]);
  t.is(
    (
      await daemon.attempt(
        'tc filter add dev vxlan0 ingress protocol ip pref 4 flower verbose enc_key_id 5 action drop',
      )
    ).stderr,
    '',
  );
  const routeless = await daemon.attempt(
    'tc filter add dev tap0 ingress protocol ip pref 1 flower verbose action tunnel_key set src_ip 192.0.2.1 dst_ip 203.0.113.9 id 4 action mirred egress redirect dev vxlan0',
  );
  t.regex(routeless.stderr, /^Warning: .*: there is no route to 203\.0\.113\.9, the dst_ip of its tunnel_key set\.\n$/);
  const found = await daemon.attempt('lint --json');
  t.is(found.code, 1);
  t.deepEqual(
    (JSON.parse(found.stdout) as { check: string; rule: { pref: number } }[]).map(({ check, rule }) => [
      check,
      rule.pref,
    ]),
    [
      ['covered', 3],
      ['no-route', 1],
    ],
  );
  t.is((await daemon.attempt('--control /nowhere lint')).code, 2);
});
