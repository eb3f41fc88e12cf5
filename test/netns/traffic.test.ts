// Real traffic over every combination of offloads that people meet.
//
// VTEP_TEST_ENDPOINT=kernel puts a kernel VXLAN device in vtep's place: what fails then is the test's fault, or the
// kernel's.
import { createHash } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { pattern } from './tools/pattern.js';
import { INNER, type Topology, type TopologyOptions } from './topology.js';
import { checksumErrors, iperf, lose, ping, streamIsIntact, tcpExtension } from './traffic.js';

const kernel = process.env.VTEP_TEST_ENDPOINT === 'kernel';

function hosts(t: ExecutionContext, options?: TopologyOptions): Promise<Topology> {
  return twoHosts(t, { ...options, endpoint: kernel ? 'kernel' : 'none' });
}

async function start(topology: Topology): Promise<void> {
  if (!kernel) await Daemon.start(topology);
}

async function noChecksumErrors(t: ExecutionContext, { a, b }: Topology): Promise<void> {
  t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 }, 'host A');
  t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 }, 'host B');
}

/** ping, TCP both ways, and no segment that a stack had to refuse. */
async function carriesTraffic(
  t: ExecutionContext,
  topology: Topology,
  to: string = INNER[4].b,
  back: string = INNER[4].a,
) {
  const { a, b } = topology;
  t.is((await ping(a, to)).received, 3);
  t.is((await ping(b, back)).received, 3);
  const receive = await iperf(a, b, to);
  const transmit = await iperf(a, b, to, { reverse: true });
  t.true(receive.bytes > 1e6, `received ${receive.bytes} bytes`);
  t.true(transmit.bytes > 1e6, `transmitted ${transmit.bytes} bytes`);
  await noChecksumErrors(t, topology);
}

type Setting = (topology: Topology) => Promise<void>;

interface Case {
  readonly title: string;
  readonly mode: 'super' | 'wire';
  /** Set before vtep starts. */
  readonly before?: Setting;
  /** Set while it runs, one after the other, and taken back: each is a case of its own. */
  readonly live?: readonly { readonly what: string; readonly set: Setting; readonly takeBack: Setting }[];
}

const CASES: readonly Case[] = [
  {
    title: 'plain veth: super-frames and unfinished checksums',
    mode: 'super',
    live: [
      {
        what: 'offloads off on the peer’s underlay only',
        set: ({ a }) => a.offloads('va', 'tx off'),
        takeBack: ({ a }) => a.offloads('va', 'tx on'),
      },
      {
        what: 'offloads off inside the peer’s tunnel',
        set: ({ a }) => a.offloads('vxlan4', 'tx off'),
        takeBack: ({ a }) => a.offloads('vxlan4', 'tx on'),
      },
      {
        what: 'checksum offload off on the TAP',
        set: ({ b, dev }) => b.offloads(dev, 'tx off'),
        takeBack: ({ b, dev }) => b.offloads(dev, 'tx on'),
      },
      {
        what: 'segmentation offload off on the TAP',
        set: ({ b, dev }) => b.offloads(dev, 'gso off tso off'),
        takeBack: ({ b, dev }) => b.offloads(dev, 'gso on tso on'),
      },
    ],
  },
  {
    title: 'packets of wire size with real checksums',
    mode: 'wire',
    live: [
      {
        what: 'and everything off on the TAP',
        set: ({ b, dev }) => b.offloads(dev, 'tx off gso off'),
        takeBack: ({ b, dev }) => b.offloads(dev, 'tx on gso on'),
      },
    ],
  },
  { title: 'wire size, no GRO on the underlay', mode: 'wire', before: ({ b }) => b.offloads('vb', 'gro off') },
  { title: 'offloads off on vtep’s underlay only', mode: 'super', before: ({ b }) => b.offloads('vb', 'tx off') },
];

for (const { title, mode, before, live = [] } of CASES) {
  rooted(`ping and TCP pass both ways: ${[title, ...live.map(({ what }) => what)].join('; ')}`, async (t) => {
    const topology = await hosts(t, { mode });
    await before?.(topology);
    await start(topology);
    await carriesTraffic(t, topology);
    for (const { what, set, takeBack } of live) {
      t.log(what);
      await set(topology);
      await carriesTraffic(t, topology);
      await takeBack(topology);
    }
  });
}

for (const mode of ['super', 'wire'] as const) {
  rooted(`every byte of a TCP stream arrives as it was sent, ${mode}`, async (t) => {
    const topology = await hosts(t, { mode });
    await start(topology);
    t.true(await streamIsIntact(topology.a, topology.b, INNER[4].b, 64e6));
    t.true(await streamIsIntact(topology.b, topology.a, INNER[4].a, 64e6));
  });

  rooted(`four TCP streams at once pass both ways, ${mode}`, async (t) => {
    const topology = await hosts(t, { mode });
    await start(topology);
    const { a, b } = topology;
    t.true((await iperf(a, b, INNER[4].b, { parallel: 4 })).bytes > 1e6);
    t.true((await iperf(a, b, INNER[4].b, { parallel: 4, reverse: true })).bytes > 1e6);
    await noChecksumErrors(t, topology);
  });

  rooted(`iperf3 -u passes both ways, ${mode}`, async (t) => {
    const topology = await hosts(t, { mode });
    await start(topology);
    const { a, b } = topology;
    for (const reverse of [false, true]) {
      const result = await iperf(a, b, INNER[4].b, { udp: true, bandwidth: '10M', length: 1400, reverse });
      t.true(result.packets > 500, `${result.packets} datagrams`);
      t.true(result.lost <= result.packets / 10, `${result.lost} of ${result.packets} lost`);
    }
    await noChecksumErrors(t, topology);
  });

  rooted(`inner IPv6 passes both ways, neighbour discovery included, ${mode}`, async (t) => {
    const topology = await hosts(t, { mode, inner: '6', neighbours: 'arp' });
    await start(topology);
    await carriesTraffic(t, topology, INNER[6].b, INNER[6].a);
    t.true(await streamIsIntact(topology.a, topology.b, INNER[6].b, 16e6));
  });

  rooted(`an IPv6 underlay carries inner IPv4 and IPv6, ${mode}`, async (t) => {
    const topology = await hosts(t, { mode, underlay: 6, inner: '46' });
    await start(topology);
    await carriesTraffic(t, topology);
    await carriesTraffic(t, topology, INNER[6].b, INNER[6].a);
  });

  rooted(`TCP with SACK and timestamps recovers from loss on both hosts, every byte intact, ${mode}`, async (t) => {
    const topology = await hosts(t, { mode });
    const { a, b } = topology;
    // else a loss is one of whole bundles
    if (mode === 'wire') await Promise.all([a.offloads('va', 'gro off'), b.offloads('vb', 'gro off')]);
    await start(topology);
    await Promise.all([lose(a, 'va', 0.005), lose(b, 'vb', 0.005)]);
    t.true((await iperf(a, b, INNER[4].b)).retransmits > 0);
    t.true((await iperf(a, b, INNER[4].b, { reverse: true })).retransmits > 0);
    t.true((await tcpExtension(a, 'TCPSackRecovery')) > 0);
    t.true((await tcpExtension(b, 'TCPSackRecovery')) > 0);
    t.true(await streamIsIntact(a, b, INNER[4].b, 16e6));
    t.true(await streamIsIntact(b, a, INNER[4].a, 16e6));
    await noChecksumErrors(t, topology);
  });
}

rooted('pings of every kind of size come back: empty, full MTU, and in fragments', async (t) => {
  const topology = await hosts(t);
  await start(topology);
  for (const size of [0, 1, 1422, 1423, 8000]) {
    t.is((await ping(topology.a, INNER[4].b, { size })).received, 3, `${size} bytes`);
    t.is((await ping(topology.b, INNER[4].a, { size })).received, 3, `${size} bytes, back`);
  }
});

rooted('datagrams that the sender had cut by UDP_SEGMENT arrive with their boundaries, both ways', async (t) => {
  const topology = await hosts(t);
  const { a, b } = topology;
  await start(topology);
  const bytes = Uint8Array.from({ length: 35_000 }, (_, i) => pattern(i));
  const expected: string[] = [];
  for (let start = 0; start < bytes.length; start += 1200) {
    const datagram = bytes.subarray(start, start + 1200);
    expected.push(`${datagram.length} ${createHash('sha1').update(datagram).digest('hex')}`);
  }
  const ways = [
    { from: a, to: b, address: INNER[4].b },
    { from: b, to: a, address: INNER[4].a },
  ];
  for (const { from, to, address } of ways) {
    const sink = to.start(to.tool('datagram-sink', address, '7000', String(expected.length)));
    await sink.waitFor(/listening/);
    await from.do(from.tool('send-segmented', address, '7000', '1200', String(bytes.length)));
    const late = setTimeout(() => sink.child.kill(), 5_000);
    const { stdout } = await sink.exited;
    clearTimeout(late);
    t.deepEqual(stdout.trim().split('\n').slice(1), expected, `to ${address}`);
  }
});
