// Forwarding tables and VNI filters as state: saved and made again, in transactions, and read again from a file.
import { writeFileSync } from 'node:fs';
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { VTEP } from './topology.js';

const LINES = [
  'ip link add vx4 type vxlan id 4 remote 10.0.0.9 dstport 4789 maxaddress 50',
  'ip link add vxf type vxlan external vnifilter remote 10.0.0.44 dstport 4790',
  'bridge fdb add 02:00:00:00:00:01 dev vx4 dst 10.0.0.1',
  'bridge fdb add 02:00:00:00:00:02 dev vx4 dst 10.0.0.1 port 99 vni 7 via lo static router',
  'bridge fdb append 00:00:00:00:00:00 dev vx4 dst 10.0.0.2',
  'bridge fdb append 00:00:00:00:00:00 dev vx4 dst 10.0.0.3 port 98',
  'bridge fdb del 00:00:00:00:00:00 dev vx4 dst 10.0.0.9',
  'bridge fdb add 01:00:5e:00:00:01 dev vx4 dst 10.0.0.4',
  'bridge fdb append 01:00:5e:00:00:01 dev vx4 dst 10.0.0.5',
  'bridge vni add vni 10-12,20 dev vxf',
  'bridge vni add vni 30 remote 10.0.0.7 dev vxf',
  'bridge fdb append 00:00:00:00:00:00 dev vxf dst 10.0.0.8 src_vni 30',
  'bridge fdb add 02:00:00:00:00:01 dev vxf dst 10.0.0.1 src_vni 11 extern_learn',
];

const SHOWS = ['bridge fdb show dev vx4', 'bridge fdb show dev vxf', 'bridge vni show'];
const look = (daemon: Daemon): Promise<string[]> => Promise.all(SHOWS.map((line) => daemon.do(line)));

const sorted = (shown: readonly string[]): string[][] => shown.map((text) => text.split('\n').sort());

rooted('what was saved makes the same tables and filters again', async (t) => {
  const topology = await twoHosts(t);
  const first = await Daemon.start(topology, LINES);
  const before = await look(first);
  const saved = await first.do('save');
  await first.stop();
  const second = await Daemon.start(topology, saved.trim().split('\n'));
  t.deepEqual(await look(second), before);
  t.is(await second.do('save'), saved);
});

rooted('tables and filters change with all of a batch, or not at all', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, LINES);
  const before = await look(daemon);
  const file = `${b.notes}/tables.batch`;
  const lines = [
    'bridge fdb del 02:00:00:00:00:01 dev vx4',
    'bridge fdb append 00:00:00:00:00:00 dev vx4 dst 10.0.0.77',
    'bridge vni delete vni 11 dev vxf',
    'ip link add vx5 type vxlan id 5 dstport 4789',
    'bridge fdb add 02:00:00:00:00:05 dev vx5 dst 10.0.0.5',
  ];
  writeFileSync(file, [...lines, 'bridge fdb add 02:00:00:00:00:05 dev vx5 dst 10.0.0.6'].join('\n'));
  const refused = await daemon.attempt(`-b ${file} --atomic`);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /File exists[\s\S]*Command failed .*:6[\s\S]*nothing was changed/);
  t.deepEqual(await look(daemon), before);
  const tried = await daemon.attempt(`-b ${file} --dry-run`);
  t.deepEqual([tried.code, tried.stderr], [1, refused.stderr]);
  writeFileSync(file, 'bridge vni add vni 12 dev vx4\n');
  t.regex((await daemon.attempt(`-b ${file} --dry-run`)).stderr, /^RTNETLINK answers: Operation not supported\n/);
  writeFileSync(file, lines.join('\n'));
  t.is(await daemon.do(`-b ${file} --dry-run`), lines.map((line) => `+${line}\n`).join(''));
  t.deepEqual(await look(daemon), before);
  await daemon.do(`-b ${file} --atomic`);
  const after = await look(daemon);
  t.notRegex(after[0] ?? '', /^02:00:00:00:00:01/m);
  t.regex(after[0] ?? '', /dst 10\.0\.0\.77/);
  t.is(await daemon.do('bridge fdb show dev vx5'), '02:00:00:00:00:05 dst 10.0.0.5 self permanent\n');
});

rooted('a file that is read again has the tables that it says, and a line that is wrong changes nothing', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const file = `${b.notes}/again.batch`;
  const write = (lines: readonly string[]): void => writeFileSync(file, `${lines.join('\n')}\n`);
  write(LINES);
  const daemon = await Daemon.of(b, b.start([VTEP, 'run', '-b', file]));
  const before = await look(daemon);
  write([...LINES, LINES[2] ?? '']);
  const refused = await daemon.attempt('reload');
  t.is(refused.code, 1);
  t.regex(refused.stderr, /File exists[\s\S]*Command failed .*:14/);
  t.deepEqual(await look(daemon), before);

  await daemon.do('bridge fdb add 02:00:00:00:00:77 dev vx4 dst 10.0.0.77');
  write(LINES.filter((line) => !/02:00:00:00:00:01|vni 30|src_vni/.test(line)).concat('bridge vni add vni 40 dev vxf'));
  await daemon.do('reload');
  const [classic = '', external = '', vnis = ''] = await look(daemon);
  t.notRegex(classic, /:77 |02:00:00:00:00:01/);
  t.regex(classic, /^02:00:00:00:00:02 dst 10\.0\.0\.1 port 99 vni 7 via lo self router static$/m);
  t.notRegex(external, /02:00:00:00:00:01|src_vni 30/);
  t.regex(external, /dst 10\.0\.0\.44 vni 40 src_vni 40/);
  t.regex(vnis, /10-12[\s\S]*20[\s\S]*40/);
  write(LINES);
  await daemon.do('reload');
  t.deepEqual(sorted(await look(daemon)), sorted(before));
});
