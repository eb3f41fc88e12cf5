/** A thousand peers, each with a thousand VNIs: a million tunnels at one device, by rules, by a filter of VNIs, by tables. */

import { Daemon } from '../../netns/daemon.js';
import { Topology } from '../../netns/topology.js';
import { linkStatistic } from '../../netns/traffic.js';
import { Drops, flood, settled } from '../overload/flood.js';
import { A_TO_B, datagram, type Endpoints, encapsulated, linkMac, SINK_PORT, VNI_AT } from '../overload/frames.js';
import { ask, pidOf, residentMib } from '../overload/strain.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

const PEERS = 1000;
const VNIS = 1000;
const RATE = 40_000;

const peer = (n: number): string => `10.99.${n >> 8}.${n & 0xff}`;
/** A station behind each peer. */
const station = (n: number): string =>
  `02:99:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 0xff).toString(16).padStart(2, '0')}`;

/** A frame from each peer: the tunnel's VNI is left to the flood. */
function frames(outer: Endpoints, to: string): string[] {
  return Array.from({ length: PEERS }, (_, n) => {
    const frame = datagram({ ...A_TO_B, fromMac: station(n), toMac: to }, [1000 + n, SINK_PORT], Buffer.alloc(18));
    return encapsulated({ ...outer, from: peer(n) }, 50_000 + n, 0, frame).toString('hex');
  });
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ mode: 'wire' });
  const { a, b } = topology;
  try {
    await b.do('ip route add 10.99.0.0/16 dev vb');
    const outer = { from: '', to: topology.outer.b, fromMac: await linkMac(a, 'va'), toMac: await linkMac(b, 'vb') };
    const daemon = await Daemon.start(topology, [
      'ip link add vxlan0 type vxlan external dstport 4789',
      'ip link add vxf type vxlan external vnifilter dstport 4790',
      `bridge vni add vni 1-${VNIS} dev vxf`,
      ...['ip tuntap add tap0 mode tap', 'ip link set tap0 up', 'ip link set vxlan0 up', 'ip link set vxf up'],
      'tc qdisc add dev vxlan0 clsact',
      ...Array.from(
        { length: PEERS },
        (_, n) => `tc filter add dev vxlan0 ingress protocol ip pref 1 flower enc_src_ip ${peer(n)} action continue`,
      ),
      ...Array.from(
        { length: VNIS },
        (_, n) =>
          `tc filter add dev vxlan0 ingress protocol ip pref 2 flower enc_key_id ${n + 1} action mirred egress redirect dev tap0`,
      ),
    ]);
    const drops = new Drops(daemon);
    const pid = pidOf(daemon);
    const before = residentMib(pid);
    const count = brief ? 20_000 : PEERS * VNIS;
    const vary = { at: VNI_AT, bytes: 3, first: 1, count: VNIS, every: brief ? 20 : PEERS };
    say('rules');
    const { sent } = await flood(a, 'va', frames(outer, 'ff:ff:ff:ff:ff:ff'), {
      seconds: 90,
      frames: count,
      vary,
      rate: RATE,
    });
    await settled(b, 'tap0');
    const overflow = sum(await drops.since(), 'socket-overflow');
    const delivered = await linkStatistic(b, 'tap0', 'rx_packets');
    const rules = await counts(daemon);
    const ofPeers = rules.slice(0, PEERS);
    const ofVnis = rules.slice(PEERS);
    if (delivered + overflow !== sent)
      throw new Error(`${sent} sent, ${delivered} delivered, ${overflow} lost by the queue`);
    for (const each of [ofPeers, ofVnis]) {
      const total = each.reduce((one, other) => one + other, 0);
      if (total !== delivered) throw new Error(`${total} counted by ${each.length} rules, ${delivered} delivered`);
      const most = sent / each.length;
      if (Math.max(...each) > most || (overflow === 0 && Math.min(...each) < most))
        throw new Error(`rules counted ${Math.min(...each)} to ${Math.max(...each)} where each sent ${most}`);
    }
    say('a filter of VNIs');
    const other = frames(outer, 'ff:ff:ff:ff:ff:ff').map((frame) => toPort(frame, 4790));
    const filtered = await flood(a, 'va', other, { seconds: 90, frames: count, vary, rate: RATE });
    await settled(b, 'vxf');
    const lost = sum(await drops.since(), 'socket-overflow') - overflow;
    const ofFilter = await vniCounts(daemon);
    const received = ofFilter.reduce((one, each) => one + each, 0);
    if (received + lost !== filtered.sent || ofFilter.length !== VNIS)
      throw new Error(
        `${filtered.sent} sent, ${received} counted by ${ofFilter.length} VNIs, ${lost} lost by the queue`,
      );
    const after = residentMib(pid);
    return [
      { value: brief ? count : PEERS * VNIS, what: 'tunnels (peer and VNI), a frame of each by rules and by a filter' },
      { value: delivered, what: `delivered by ${PEERS + VNIS} rules, each of which counted its own` },
      { value: received, what: `received by a filter of ${VNIS} VNIs, which counted each` },
      { value: overflow + lost, what: 'lost by a full queue' },
      { value: `${before.toFixed(0)}, then ${after.toFixed(0)}`, what: 'MiB resident' },
    ];
  } finally {
    await topology.down();
  }
}

function sum(rows: readonly { reason: string; count: number }[], reason: string): number {
  return rows.reduce((total, row) => total + (row.reason === reason ? row.count : 0), 0);
}

/** The frame for another UDP port: no checksum covers that. */
function toPort(frame: string, port: number): string {
  return frame.slice(0, 72) + port.toString(16).padStart(4, '0') + frame.slice(76);
}

/** Packets of the first action of each filter, in order. */
async function counts(daemon: Daemon): Promise<number[]> {
  const text = await ask(daemon, ['tc', '-s', 'filter', 'show', 'dev', 'vxlan0', 'ingress']);
  return [...text.matchAll(/Sent \d+ bytes (\d+) pkt/g)].map(([, packets]) => Number(packets));
}

async function vniCounts(daemon: Daemon): Promise<number[]> {
  const text = await ask(daemon, ['bridge', '-s', 'vni', 'show', 'dev', 'vxf']);
  return [...text.matchAll(/RX: bytes \d+ pkts (\d+)/g)].map(([, packets]) => Number(packets));
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'many-peers',
    title: '1,000 peers with 1,000 VNIs each, at an external device with rules and at one with a filter',
    promise: 'every frame is delivered and counted by the rule of its peer and that of its VNI, to the frame',
    rights: 'root',
    run,
  },
];
