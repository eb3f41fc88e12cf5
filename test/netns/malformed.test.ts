// Datagrams that no honest peer sends, from a plain UDP socket on host A: each is counted under its reason, delivered
// nowhere, and the daemon goes on.
import type { ExecutionContext } from 'ava';
import { Daemon } from './daemon.js';
import { ethernet, ipv4Udp, vxlanHeader } from './frames.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, MAC_A, MAC_B, type Topology } from './topology.js';
import { linkStatistic, ping } from './traffic.js';

const PAYLOAD = new Uint8Array(32).fill(0x5a);
/** A whole frame, as the rule of the topology would deliver it. */
const FRAME = ethernet(MAC_B, MAC_A, 0x0800) + ipv4Udp(INNER[4].a, INNER[4].b, PAYLOAD);
/** An EtherType for local experiments (IEEE 802), which nothing on host B listens to. */
const EXPERIMENTAL = 0x88b5;

interface Case {
  readonly title: string;
  readonly reason: string;
  readonly datagrams: readonly string[];
}

const reservedBits: readonly string[] = [
  ...[0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80].map((bit) => vxlanHeader(4, { flags: 0x08 | bit }) + FRAME),
  ...Array.from({ length: 24 }, (_, bit) => vxlanHeader(4, { reserved24: 2 ** bit }) + FRAME),
  ...Array.from({ length: 8 }, (_, bit) => vxlanHeader(4, { reserved8: 2 ** bit }) + FRAME),
];

const CASES: readonly Case[] = [
  {
    title: 'a payload of 0 to 7 bytes',
    reason: 'short-vxlan-header',
    datagrams: Array.from({ length: 8 }, (_, length) => vxlanHeader(4).slice(0, length * 2)),
  },
  {
    title: 'a header without the I flag',
    reason: 'no-vni-flag',
    datagrams: [vxlanHeader(4, { flags: 0 }) + FRAME],
  },
  { title: 'any one of the 39 reserved bits set', reason: 'reserved-bits', datagrams: reservedBits },
  { title: 'a VNI that no rule names', reason: 'unmatched', datagrams: [vxlanHeader(5) + FRAME] },
  { title: 'a header and no frame', reason: 'no-inner-frame', datagrams: [vxlanHeader(4)] },
  {
    title: 'an inner frame of 1 to 13 bytes',
    reason: 'short-inner-frame',
    datagrams: Array.from({ length: 13 }, (_, i) => vxlanHeader(4) + FRAME.slice(0, (i + 1) * 2)),
  },
  {
    title: 'an inner IPv4 header that is cut short',
    reason: 'short-inner-ip',
    datagrams: [0, 1, 19].map((length) => vxlanHeader(4) + FRAME.slice(0, (14 + length) * 2)),
  },
  {
    title: 'an inner IPv6 header that is cut short',
    reason: 'short-inner-ip',
    datagrams: [vxlanHeader(4) + ethernet(MAC_B, MAC_A, 0x86dd) + '60'.padEnd(78, '0')],
  },
];

async function send({ a, outer }: Topology, datagrams: readonly string[]): Promise<void> {
  await a.do(a.tool('send-datagrams', outer.b, '4789'), `${datagrams.join('\n')}\n`);
}

/**
 * Sends a good frame and waits until it has come out of tap0: then everything sent before it has been dealt with, as
 * one socket keeps the order of its datagrams.
 */
async function settled(t: ExecutionContext, topology: Topology): Promise<void> {
  t.is((await ping(topology.a, INNER[4].b, { count: 1 })).received, 1, 'the daemon still forwards');
}

for (const { title, reason, datagrams } of CASES) {
  rooted(`${title} is counted as ${reason} and does no harm`, async (t) => {
    const topology = await twoHosts(t);
    const daemon = await Daemon.start(topology);
    await send(topology, datagrams);
    await settled(t, topology);
    t.is((await daemon.drops())(reason), datagrams.length);
    t.is(await linkStatistic(topology.b, 'tap0', 'rx_packets'), 1, 'only the ping was delivered');
    t.true(daemon.process.running);
  });
}

rooted('an inner frame whose source is the MAC of the vxlan device is counted as own-source-mac', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  const [link] = JSON.parse(await topology.b.do('ip -j link show dev vxlan0')) as { address: string }[];
  t.truthy(link);
  await send(topology, [vxlanHeader(4) + ethernet(MAC_B, link?.address ?? '', EXPERIMENTAL) + '00'.repeat(46)]);
  await settled(t, topology);
  t.is((await daemon.drops())('own-source-mac'), 1);
});

rooted('VNI 0 and VNI 2^24-1 are valid where a rule names them', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  const frame = ethernet(MAC_B, MAC_A, EXPERIMENTAL) + '00'.repeat(46);
  const vnis = [0, 2 ** 24 - 1];
  for (const [i, vni] of vnis.entries()) {
    await daemon.do(
      `tc filter add dev vxlan0 parent ffff: protocol all prio ${10 + i} flower enc_key_id ${vni} action mirred egress redirect dev tap0`,
    );
  }
  await send(
    topology,
    vnis.map((vni) => vxlanHeader(vni) + frame),
  );
  await settled(t, topology);
  t.is(await linkStatistic(topology.b, 'tap0', 'rx_packets'), 3);
  const redirects = (await daemon.actions('vxlan0')).filter((action) => action.text.startsWith('mirred'));
  t.deepEqual(
    redirects.map(({ packets, bytes }) => [packets, bytes]),
    [
      [1, 84],
      [1, 46],
      [1, 46],
    ],
  );
  t.is((await daemon.drops())('unmatched'), 0);
});

rooted('an inner frame of exactly 14 bytes passes', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  await daemon.do(
    'tc filter add dev vxlan0 parent ffff: protocol all prio 9 flower enc_key_id 4 action mirred egress redirect dev tap0',
  );
  await send(topology, [vxlanHeader(4) + ethernet(MAC_B, MAC_A, EXPERIMENTAL)]);
  await settled(t, topology);
  t.is(await linkStatistic(topology.b, 'tap0', 'rx_packets'), 2);
});

rooted('ten thousand datagrams of random bytes leave the daemon as it was', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  // xorshift32, seeded: the same bytes in every run
  let state = 0x9e3779b9;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const datagrams = Array.from({ length: 10_000 }, (_, i) => {
    const bytes = Buffer.from(i % 2 === 0 ? '' : vxlanHeader(4) + FRAME, 'hex');
    if (bytes.length === 0) return Buffer.from(Array.from({ length: random(120) }, () => random(256))).toString('hex');
    for (let flips = random(6); flips >= 0; flips--) bytes[random(bytes.length)] = random(256);
    return bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length).toString('hex');
  });
  await send(topology, datagrams);
  await settled(t, topology);
  t.true(daemon.process.running);
  const finished = await daemon.stop();
  t.is(finished.code, 0);
});
