// `vtep run --tunnel-gso`: super-frames are handed to the kernel whole, which forwards and cuts them. What appears on
// the wire is what appears without it, and where the host cannot do it, or no more, everything goes on without.
import { createHash } from 'node:crypto';
import { release } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { isAtLeast } from '../../src/io/probe/kernel-release.js';
import { blocks } from '../docs/markdown.js';
import { Daemon } from './daemon.js';
import { type Captured, vxlanDatagrams } from './outer-header.js';
import { rooted, twoHosts } from './rooted.js';
import { pattern } from './tools/pattern.js';
import { INNER, type Topology } from './topology.js';
import { checksumErrors, iperf, linkStatistic, ping, streamIsIntact } from './traffic.js';

const GSO = ['--tunnel-gso'];
const PORT = 4789;
const TAP = 'vtepgso0';

/** Where the kernel has no such thing the tests are left out. */
const able = isAtLeast(release(), [6, 17, 0])
  ? rooted
  : (title: string, body: (t: ExecutionContext) => Promise<void>) =>
      test.serial.skip(`${title} (needs Linux 6.17)`, body);

/** How many packets the host has taken for forwarding. */
function forwarded({ b }: Topology): Promise<number> {
  return linkStatistic(b, TAP, 'rx_packets');
}

for (const mode of ['super', 'wire'] as const) {
  for (const underlay of [4, 6] as const) {
    able(`ping and TCP pass both ways, and super-frames go whole: ${mode}, IPv${underlay} underlay`, async (t) => {
      const topology = await twoHosts(t, { mode, underlay, inner: '46' });
      const { a, b } = topology;
      const daemon = await Daemon.start(topology, topology.batch, GSO);
      t.notRegex(daemon.process.stderr, /tunnel-gso/);
      const trials = await forwarded(topology);
      t.is((await ping(b, INNER[4].a)).received, 3);
      t.is(await forwarded(topology), trials, 'nothing but super-frames, and what follows them');
      for (const [to, back] of [
        [INNER[4].b, INNER[4].a],
        [INNER[6].b, INNER[6].a],
      ] as const) {
        const before = await linkStatistic(b, TAP, 'rx_bytes');
        t.true((await iperf(a, b, to)).bytes > 1e6);
        const { bytes } = await iperf(a, b, to, { reverse: true });
        const whole = (await linkStatistic(b, TAP, 'rx_bytes')) - before;
        t.true(bytes > 1e6 && whole > bytes * 0.9, `${whole} bytes of ${bytes} went whole`);
        t.true(await streamIsIntact(b, a, back, 32e6));
      }
      t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 });
    });
  }
}

interface Row {
  readonly title: string;
  readonly underlay?: 6;
  /** Options of the device, and words of tunnel_key set. */
  readonly options?: string;
  readonly set?: string;
  readonly checksum?: Captured['outer']['checksum'];
}

const ROWS: readonly Row[] = [
  { title: 'defaults' },
  { title: 'TOS and TTL', options: 'tos 0x48 ttl 17' },
  { title: 'what the inner header says', options: 'tos inherit ttl inherit' },
  { title: 'a TTL that leaves no room for a hop', options: 'ttl 255' },
  { title: 'df set', options: 'df set' },
  { title: 'no checksum', set: 'nocsum', checksum: 'zero' },
  { title: 'a range of source ports', options: 'srcport 5000 5008' },
  { title: 'defaults over IPv6', underlay: 6 },
  {
    title: 'TOS, TTL and a flow label over IPv6',
    underlay: 6,
    options: 'local LOCAL tos 0x48 ttl 17 flowlabel 0xabcde',
  },
  { title: 'no checksum over IPv6', underlay: 6, set: 'nocsum', checksum: 'zero' },
];

/** Lengths handed to the kernel in turn: super-frames, single datagrams, and more than goes whole. */
const LENGTHS = [30_000, 700, 1200, 2400, 65_460, 500, 3600, 41];
const SIZE = 1200;

/** The datagrams that become of them. */
function expected(): Buffer[] {
  const bytes = Uint8Array.from({ length: LENGTHS.reduce((sum, length) => sum + length, 0) }, (_, i) => pattern(i));
  const datagrams: Buffer[] = [];
  let start = 0;
  for (const length of LENGTHS) {
    for (let at = 0; at < length; at += SIZE)
      datagrams.push(Buffer.from(bytes.subarray(start + at, start + Math.min(at + SIZE, length))));
    start += length;
  }
  return datagrams;
}

/** What the wire carries of these datagrams when vtep's host sends them. */
async function onTheWire(topology: Topology, { options = '', set = '' }: Row, more: string[]): Promise<Captured[]> {
  const { a, b, outer } = topology;
  const words = options.replace('LOCAL', outer.b);
  const lines = topology.batch.map((line) =>
    /^ip link add .*type vxlan/.test(line) ? `${line} ${words}` : line.replace(/ dst_port \d+/, `$& ${set}`),
  );
  const daemon = await Daemon.start(topology, lines, more);
  const capture = a.start(a.tool('raw-frames', 'capture', 'va'));
  await capture.waitFor(/capturing/);
  const last = expected().at(-1)?.toString('hex') ?? '';
  await b.do(b.tool('send-segmented', INNER[4].a, '7000', String(SIZE), ...LENGTHS.map(String)));
  await capture.waitFor(new RegExp(`${last}\\n`), 10_000);
  await capture.stop('SIGTERM');
  await daemon.stop();
  return vxlanDatagrams(capture.stdout.split('\n').slice(0, -1), PORT);
}

/** Length and hash: to show how long texts differ takes minutes. */
function digest(bytes: Uint8Array): string {
  return `${bytes.length} ${createHash('sha1').update(bytes).digest('hex')}`;
}

/** Outer headers without the source port, and inner frames without IP ids, source port and what sums these up. */
function comparable({ outer: { sourcePort: _, ...outer }, inner }: Captured) {
  const frame = Buffer.from(inner, 'hex');
  for (const [at, bytes] of [
    [18, 2],
    [24, 2],
    [34, 2],
    [40, 2],
  ] as const)
    frame.fill(0, at, at + bytes);
  return { outer, inner: digest(frame) };
}

/** Whether the checksum of an inner UDP datagram over IPv4 is right. */
function isWhole(inner: string): boolean {
  const frame = Buffer.from(inner, 'hex');
  const pseudo = Buffer.concat([frame.subarray(26, 34), Buffer.of(0, 17), frame.subarray(38, 40), frame.subarray(34)]);
  let sum = 0;
  for (let at = 0; at < pseudo.length; at += 2) sum += ((pseudo[at] ?? 0) << 8) | (pseudo[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}

async function sameOnTheWire(t: ExecutionContext, topology: Topology, row: Row): Promise<void> {
  const { title } = row;
  const ordinary = await onTheWire(topology, row, []);
  const whole = await onTheWire(topology, row, GSO);
  t.deepEqual(
    whole.map(({ inner }) => digest(Buffer.from(inner.slice(84), 'hex'))),
    expected().map(digest),
    `${title}: every datagram, in the order in which they were sent`,
  );
  t.deepEqual(whole.map(comparable), ordinary.map(comparable), title);
  t.true(
    whole.every(({ inner }) => isWhole(inner)),
    title,
  );
  t.deepEqual([...new Set(whole.map(({ outer }) => outer.checksum))], [row.checksum ?? 'right'], title);
  t.is(new Set(whole.map(({ outer }) => outer.sourcePort)).size, 1, `${title}: one flow has one source port`);
  if (row.options?.startsWith('srcport'))
    t.true(whole.every(({ outer: { sourcePort } }) => sourcePort >= 5000 && sourcePort < 5008));
}

for (const underlay of [4, 6] as const) {
  const rows = ROWS.filter((row) => (row.underlay ?? 4) === underlay);
  const titles = rows.map(({ title }) => title).join('; ');
  able(`the wire carries what it carries without --tunnel-gso, in the same order: ${titles}`, async (t) => {
    const topology = await twoHosts(t, { mode: 'wire', underlay });
    await topology.a.offloads('va', 'gro off');
    for (const row of rows) await sameOnTheWire(t, topology, row);
  });
}

able('datagrams of one flow arrive in order, cut by the kernel, by vtep or not at all', async (t) => {
  const topology = await twoHosts(t, { mode: 'super' });
  const { a, b } = topology;
  await Daemon.start(topology, topology.batch, GSO);
  const before = await forwarded(topology);
  const datagrams = expected();
  const sink = a.start(a.tool('datagram-sink', INNER[4].a, '7000', String(datagrams.length)));
  await sink.waitFor(/listening/);
  await b.do(b.tool('send-segmented', INNER[4].a, '7000', String(SIZE), ...LENGTHS.map(String)));
  const late = setTimeout(() => sink.child.kill(), 5_000);
  const { stdout } = await sink.exited;
  clearTimeout(late);
  t.deepEqual(stdout.trim().split('\n').slice(1), datagrams.map(digest));
  // Three super-frames, and the single datagrams behind the first; not the one that is too long.
  t.is((await forwarded(topology)) - before, 7);
});

able('a host that keeps what is forwarded is told of, and vtep works without', async (t) => {
  const topology = await twoHosts(t, { mode: 'super' });
  await topology.b.do(`ip rule add iif ${TAP} prohibit`);
  const daemon = await Daemon.start(topology, topology.batch, GSO);
  const [shown] = blocks('docs/underlays.md').filter(({ language }) => language === 'text');
  t.true(daemon.process.stderr.split('\n').includes(shown?.lines.join('\n') ?? ''), daemon.process.stderr);
  t.true((await iperf(topology.b, topology.a, INNER[4].a)).bytes > 1e6);
});

able('where its TAP is taken away vtep says so once and goes on without', async (t) => {
  const topology = await twoHosts(t, { mode: 'super' });
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, topology.batch, GSO);
  const before = await forwarded(topology);
  t.true(await streamIsIntact(b, a, INNER[4].a, 8e6));
  t.true((await forwarded(topology)) > before);
  await b.do(`ip link del ${TAP}`);
  t.true(await streamIsIntact(b, a, INNER[4].a, 8e6));
  await daemon.process.waitFor(/--tunnel-gso: its TAP fails: .*; super-frames go through the sockets from now on/);
  t.is(daemon.process.stderr.match(/tunnel-gso/g)?.length, 1);
});
