/**
 * A broadcast storm. Two hosts, each with a bridge over two tunnels to the other: a loop of layer 2, in which one broadcast
 * frame goes round for ever, in both directions, and copies itself at each turn.
 *
 *     host A, vtep                     host B, vtep
 *     br0 ─┬─ vx1 ═══ VNI 1 ═══ vx1 ─┬─ br0
 *          └─ vx2 ═══ VNI 2 ═══ vx2 ─┘
 *
 * And head-end replication: one broadcast frame for 1,000 remotes, as many such frames as the host can send.
 */
import { Daemon, startVtep } from '../../netns/daemon.js';
import { until } from '../../netns/process.js';
import { Topology } from '../../netns/topology.js';
import { linkStatistic, ping } from '../../netns/traffic.js';
import { Drops, flood, settled } from '../overload/flood.js';
import { A_TO_B, datagram } from '../overload/frames.js';
import { ask, Strain as Watch } from '../overload/strain.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

const REMOTES = 1000;
const BROADCAST = datagram({ ...A_TO_B, toMac: 'ff:ff:ff:ff:ff:ff' }, [1000, 9], Buffer.alloc(64)).toString('hex');
const QUESTIONS = [['drops'], ['bridge', 'fdb', 'show', 'dev', 'vx1']];

function endpoint(remote: string, dev: string): string[] {
  return [1, 2].flatMap((id) => [
    `ip link add vx${id} type vxlan id ${id} dstport 4789 remote ${remote} dev ${dev}`,
    `ip link set vx${id} up`,
    `ip link set vx${id} master br0`,
  ]);
}

async function storm(topology: Topology, seconds: number, brief: boolean): Promise<Figure[]> {
  const { a, b } = topology;
  await a.do('ip link del vxlan4');
  for (const host of [a, b]) {
    await host.do('ip link add br0 type bridge');
    await host.do('ip link set br0 up');
  }
  const other = await Daemon.of(a, startVtep(a, endpoint(topology.outer.b, 'va')));
  const daemon = await Daemon.start(topology, endpoint(topology.outer.a, 'vb'));
  const watch = new Watch(daemon, QUESTIONS);
  const before = await linkStatistic(b, 'vx1', 'rx_packets');
  await flood(a, 'br0', [BROADCAST], { seconds: 1, frames: 10 });
  await until(async () => (await linkStatistic(b, 'vx1', 'rx_packets')) > before + 1000, 'the storm begins');
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const turns = (await linkStatistic(b, 'vx1', 'rx_packets')) - before;
  await other.do('ip link set vx2 down');
  await settled(b, 'vx1');
  const figures = await watch.end(brief);
  await a.do('ip addr add 10.68.0.1/24 dev br0');
  await b.do('ip addr add 10.68.0.2/24 dev br0');
  const { received } = await ping(a, '10.68.0.2', { count: 1 });
  if (received !== 1) throw new Error('no answer to a ping through what is left of the loop');
  for (const each of [other, daemon]) {
    const { code } = await each.stop();
    if (code !== 0) throw new Error(`a vtep ended with ${code}`);
  }
  return [
    { value: turns, what: `frames through one tunnel that 10 became in ${seconds} s, and none when the loop was cut` },
    ...figures,
  ];
}

async function replicate(topology: Topology, seconds: number, brief: boolean): Promise<Figure[]> {
  const { b } = topology;
  // The peers are nobody, whose neighbour entries spare the kernel looking for them.
  await b.do('ip addr add 10.70.0.1/16 dev vb');
  const peers = Array.from({ length: REMOTES }, (_, n) => `10.70.${1 + (n >> 8)}.${n & 0xff}`);
  const neighbours = peers.map((peer) => `neigh replace ${peer} lladdr 02:00:00:00:70:02 dev vb nud permanent\n`);
  await b.do('ip -batch -', neighbours.join(''));
  const daemon = await Daemon.start(topology, [
    ...topology.batch,
    'ip link add vx1 type vxlan id 1 dstport 4790',
    'ip link set vx1 up',
    ...peers.map((peer) => `bridge fdb append 00:00:00:00:00:00 dev vx1 dst ${peer}`),
  ]);
  const drops = new Drops(daemon);
  const watch = new Watch(daemon, QUESTIONS);
  const before = await linkStatistic(b, 'vb', 'tx_packets');
  const flooding = flood(b, 'vx1', [BROADCAST], { seconds, frames: brief ? 100 : 0 });
  const pings = await ping(topology.a, '10.4.0.2', { count: brief ? 5 : 50 });
  const { sent } = await flooding;
  await settled(b, 'vb');
  const lost = (await drops.rows()).filter(({ device, verdict }) => device === 'vx1' && verdict === 'drop');
  const full = lost.find(({ reason }) => reason === 'tap-queue-full')?.count ?? 0;
  const dropped = lost.reduce((sum, { reason, count }) => sum + (reason === 'tap-queue-full' ? 0 : count), 0);
  const [state] = JSON.parse(await ask(daemon, ['ip', '-s', '-j', 'link', 'show', 'dev', 'vx1'])) as {
    stats64: { tx: { packets: number } };
  }[];
  const copies = state?.stats64.tx.packets ?? 0;
  if (copies + dropped !== sent * REMOTES)
    throw new Error(`${sent} frames, ${copies} datagrams sent, ${dropped} dropped`);
  const wire = (await linkStatistic(b, 'vb', 'tx_packets')) - before;
  if (wire < copies - (await linkStatistic(b, 'vb', 'tx_dropped')))
    throw new Error(`${copies} sent, ${wire} on the wire`);
  if (pings.received === 0) throw new Error('no ping was answered beside the replication');
  return [
    { value: sent, what: `broadcast frames for ${REMOTES} remotes each` },
    { value: copies, what: 'datagrams sent for them' },
    { value: dropped, what: `dropped, and ${full} by the full queue of the TAP` },
    {
      value: `${pings.received} of ${pings.sent} in ${pings.average.toFixed(1)} ms`,
      what: 'pings answered beside that',
    },
    ...(await watch.end(brief)),
  ];
}

function scenario(
  name: string,
  title: string,
  promise: string,
  strain: (topology: Topology, seconds: number, brief: boolean) => Promise<Figure[]>,
): Scenario {
  const run = async ({ brief }: Strain): Promise<readonly Figure[]> => {
    const topology = await Topology.up({ mode: 'wire' });
    try {
      return await strain(topology, brief ? 1 : 30, brief);
    } finally {
      await topology.down();
    }
  };
  return { name, title, promise, rights: 'root', run };
}

export const scenarios: readonly Scenario[] = [
  scenario(
    'storm',
    'two bridges over two tunnels between the same two vteps: a loop of layer 2',
    'memory stays, both answer, and it ends when the loop is cut',
    storm,
  ),
  scenario(
    'replication',
    'broadcast frames for 1,000 remotes each, as many as the host sends',
    'every copy is sent or counted, memory stays, and other devices have their turns',
    replicate,
  ),
];
