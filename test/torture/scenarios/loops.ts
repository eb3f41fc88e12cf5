/**
 * What would go round for ever. A tunnel whose peer is behind itself; one whose datagrams come back through a TAP of vtep's
 * own and rules that send them into it again; filters that mirror to each other. Each frame's turns are counted, and end.
 */
import { Daemon } from '../../netns/daemon.js';
import { INNER, Topology } from '../../netns/topology.js';
import { ping } from '../../netns/traffic.js';
import { Drops, flood, settled } from '../overload/flood.js';
import { A_TO_B, datagram, linkMac, tunnelFlows } from '../overload/frames.js';
import { Strain as Watch } from '../overload/strain.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** Addresses that are behind devices of vtep's. */
const BEHIND_ITSELF = '10.66.0.2';
const BEHIND_TAP = '10.67.0.2';
/** Datagrams that vtep hands to the kernel as one, at most. */
const BUNDLE = 64;

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ mode: 'wire' });
  const { a, b } = topology;
  try {
    const mirrors = (to: string): string =>
      Array.from({ length: 6 }, () => `action mirred egress mirror dev ${to}`).join(' ');
    const daemon = await Daemon.start(topology, [
      ...topology.batch,
      `ip link add vx5 type vxlan id 5 dstport 4791 remote ${BEHIND_ITSELF}`,
      'ip link set vx5 up',
      'ip addr add 10.66.0.1/24 dev vx5',
      `ip neigh replace ${BEHIND_ITSELF} lladdr 02:00:00:00:66:02 dev vx5 nud permanent`,
      // What vx6 sends is routed to tapl, whose rules send it into vx6 again.
      `ip link add vx6 type vxlan external dstport 4792`,
      'ip link set vx6 up',
      ...['ip tuntap add tapl mode tap', 'ip link set tapl mtu 1450 up', 'ip addr add 10.67.0.1/24 dev tapl'],
      `ip neigh replace ${BEHIND_TAP} lladdr 02:00:00:00:67:02 dev tapl nud permanent`,
      'tc qdisc add dev tapl clsact',
      `tc filter add dev tapl ingress protocol ip pref 1 flower action tunnel_key set id 6 src_ip 10.67.0.1 dst_ip ${BEHIND_TAP} dst_port 4792 action mirred egress redirect dev vx6`,
      // Two TAPs that mirror to each other, six times each; reached by what comes in with another VNI.
      ...['ip tuntap add m0 mode tap', 'ip tuntap add m1 mode tap', 'ip link set m0 up', 'ip link set m1 up'],
      ...['tc qdisc add dev m0 clsact', 'tc qdisc add dev m1 clsact'],
      `tc filter add dev m0 egress protocol ip pref 1 flower ${mirrors('m1')} action drop`,
      `tc filter add dev m1 egress protocol ip pref 1 flower ${mirrors('m0')} action drop`,
      `tc filter add dev vxlan0 ingress protocol ip pref 9 flower enc_key_id 9 ${mirrors('m0')} action drop`,
    ]);
    const drops = new Drops(daemon);
    const of = async (device: string, reason: string): Promise<number> =>
      (await drops.rows()).find((row) => row.device === device && row.reason === reason)?.count ?? 0;

    say('a peer behind itself');
    const named = await daemon.attempt(`bridge fdb add 02:00:00:00:00:09 dev vx5 dst ${BEHIND_ITSELF}`);
    if (named.code !== 255 || !named.stderr.includes(`the way to ${BEHIND_ITSELF} leads through vx5 itself`))
      throw new Error(`a destination behind the device was taken: ${named.code} ${named.stderr}`);
    const watch = new Watch(daemon);
    const seconds = brief ? 0.5 : 15;
    const own = datagram({ ...A_TO_B, toMac: '02:00:00:00:66:02' }, [1000, 9], Buffer.alloc(64)).toString('hex');
    const itself = await flood(b, 'vx5', [own], { seconds });
    await settled(b, 'vx5');
    const circular = await of('vx5', 'route-loop');
    if (circular !== itself.sent) throw new Error(`${itself.sent} sent, ${circular} counted as a loop of the route`);

    say('a way back through a TAP');
    const round = datagram({ ...A_TO_B, toMac: '02:00:00:00:67:02' }, [1000, 9], Buffer.alloc(64)).toString('hex');
    const alone = 20;
    await flood(b, 'tapl', [round], { seconds: 5, frames: alone, rate: 200 });
    await settled(b, 'tapl');
    const [toTunnel] = await daemon.actions('tapl');
    const turns = (toTunnel?.packets ?? 0) / alone;
    if (turns !== 5 || (await of('vx6', 'nested-tunnels')) !== alone)
      throw new Error(`a frame went round ${turns} times, ${await of('vx6', 'nested-tunnels')} of ${alone} were ended`);
    await drops.reset();
    const nested = await flood(b, 'tapl', [round], { seconds });
    await settled(b, 'tapl');
    // Each frame is one datagram at any time, and has one end. The queue of the TAP counts a bundle of them as one.
    const ends = (await drops.since()).filter(
      ({ device, verdict }) => /^(vx6|tapl)$/.test(device) && verdict === 'drop',
    );
    const endsBy = (...reasons: string[]): number =>
      ends.reduce((sum, { reason, count }) => sum + (reasons.includes(reason) ? count : 0), 0);
    const ended = endsBy('nested-tunnels');
    const full = endsBy('tap-queue-full');
    const lost = ends.reduce((sum, { count }) => sum + count, 0) - ended - full;
    if (ended + lost > nested.sent || ended + lost + full * BUNDLE < nested.sent)
      throw new Error(`${nested.sent} sent, ${ended} ended, ${lost} lost by others, ${full} by the queue of the TAP`);

    say('mirrors that mirror to each other');
    const outer = {
      from: topology.outer.a,
      to: topology.outer.b,
      fromMac: await linkMac(a, 'va'),
      toMac: await linkMac(b, 'vb'),
    };
    const bombs = tunnelFlows(outer, 1, A_TO_B, 9);
    await flood(a, 'va', bombs, { seconds: 5, frames: 10, rate: 100 });
    await settled(b, 'vb');
    const copies =
      (await of('m0', 'mirred-copies')) + (await of('m1', 'mirred-copies')) + (await of('vxlan0', 'mirred-copies'));
    const bomb = await flood(a, 'va', bombs, { seconds, rate: 500 });
    await settled(b, 'vb');
    if (copies === 0) throw new Error('no copy too many was counted');
    const { received } = await ping(topology.a, INNER[4].b, { count: 1 });
    if (received !== 1) throw new Error('no answer to a ping afterwards');
    return [
      { value: circular, what: 'frames for a peer behind the device itself, each counted as route-loop' },
      { value: turns, what: 'turns of a frame that comes back through a TAP' },
      {
        value: nested.sent,
        what: `of such sent in a flood: ${[ended, lost, full].map((count) => count.toLocaleString('en-US')).join(', ')} ended as nested-tunnels, by a full socket, by the full queue of the TAP (which counts up to 64 as one)`,
      },
      { value: bomb.sent + 10, what: 'frames mirrored to and fro, 256 copies of each at most' },
      { value: copies, what: 'copies that were not made of the first 10' },
      ...(await watch.end(brief)),
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'loops',
    title: 'tunnels that lead into themselves, and filters that mirror to each other',
    promise: 'each frame ends after so many turns, under a reason; vtep answers, and other traffic goes on',
    rights: 'root',
    run,
  },
];
