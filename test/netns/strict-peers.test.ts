// --strict-peers over each underlay: host A sends from addresses that are peers' and from others.

import { blocks } from '../docs/markdown.js';
import { Daemon } from './daemon.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { chunk } from './spoofed.js';

const PORTS = { udp: 4790, raw: 4791, pcap: 4792 } as const;
/** Senders: one that a rule names by its prefix, one that --peer names, and one that nobody does. */
const RULES = '192.0.2.33';
const LISTED = '198.51.100.7';
const STRANGER = '203.0.113.9';
const MAC = '02:00:00:00:00:77';

rooted('strangers are counted and nothing of theirs is taken, over udp, raw and pcap', async (t) => {
  const topology = await twoHosts(t);
  const { a, b, outer } = topology;
  for (const address of [RULES, LISTED, STRANGER]) {
    await a.do(`ip addr add ${address}/32 dev lo`);
    await b.do(`ip route add ${address}/32 via ${outer.a}`);
  }
  await b.do('sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vb.rp_filter=0');
  await b.do('ip addr add 192.168.1.99/24 dev vb');
  const devices = (Object.keys(PORTS) as (keyof typeof PORTS)[]).flatMap((kind) => [
    `ip link add ${kind}0 type vxlan external dstport ${PORTS[kind]}${kind === 'udp' ? '' : ` dev vb underlay ${kind}`}`,
    `ip link set ${kind}0 up`,
    `tc qdisc add dev ${kind}0 clsact`,
    `tc filter add dev ${kind}0 ingress protocol all pref 1 flower enc_src_ip 192.0.2.0/24 action pass`,
  ]);
  const documented = blocks('docs/strict-peers.md').find(({ language }) => language === 'batch')?.lines ?? [];
  const lines = [
    ...documented,
    ...devices,
    `ip link add vx5 type vxlan id 5 local ${outer.b} remote ${RULES} dstport 4793`,
    'ip link set vx5 up',
  ];
  const daemon = await Daemon.start(topology, lines, ['--strict-peers', '--peer', '198.51.100.0/24']);
  const counts = async (device: string, reason: string): Promise<number> => {
    const rows = JSON.parse(await daemon.do('drops --json')) as { device: string; reason: string; count: number }[];
    return rows.find((row) => row.device === device && row.reason === reason)?.count ?? 0;
  };
  const reach = (device: string, reason: string, count: number): Promise<void> =>
    until(async () => (await counts(device, reason)) === count, `${device}: ${count} ${reason}`);

  // What the page shows: 192.168.1.14 is within the prefix that its filter names.
  await chunk(a, { from: outer.a, to: outer.b, port: 4789, vni: 4, count: 3 });
  await chunk(a, { from: STRANGER, to: outer.b, port: 4789, vni: 4, count: 2 });
  await reach('vxlan0', 'action-pass', 3);
  await reach('vxlan0', 'unknown-peer', 2);

  for (const [kind, port] of Object.entries(PORTS)) {
    const device = `${kind}0`;
    await chunk(a, { from: RULES, to: outer.b, port, vni: 4, count: 5 });
    await reach(device, 'action-pass', 5);
    await chunk(a, { from: LISTED, to: outer.b, port, vni: 4, count: 4 });
    await reach(device, 'unmatched', 4);
    await chunk(a, { from: STRANGER, to: outer.b, port, vni: 4, count: 7 });
    await reach(device, 'unknown-peer', 7);
    t.is(await counts(device, 'action-pass'), 5);
    if (kind !== 'udp') continue;
    // A filter more, and the stranger is a peer; without it he is a stranger again.
    await daemon.do(
      `tc filter add dev ${device} ingress protocol all pref 2 flower enc_src_ip ${STRANGER} action pass`,
    );
    await chunk(a, { from: STRANGER, to: outer.b, port, vni: 4, count: 2 });
    await reach(device, 'action-pass', 7);
    await daemon.do(`tc filter del dev ${device} ingress pref 2`);
    await chunk(a, { from: STRANGER, to: outer.b, port, vni: 4, count: 1 });
    await reach(device, 'unknown-peer', 8);
  }

  // A classic device: its remote is a peer, the forwarding table makes more, and nothing is learned from strangers.
  await chunk(a, { from: STRANGER, to: outer.b, port: 4793, vni: 5, count: 3, mac: MAC });
  await reach('vx5', 'unknown-peer', 3);
  t.notRegex(await daemon.do('bridge fdb show dev vx5'), new RegExp(MAC));
  await chunk(a, { from: RULES, to: outer.b, port: 4793, vni: 5, count: 1, mac: MAC });
  await reach('vx5', 'unmatched', 1);
  t.regex(await daemon.do('bridge fdb show dev vx5'), new RegExp(`${MAC} dst ${RULES}`));
  await chunk(a, { from: RULES, to: '192.168.1.99', port: 4793, vni: 5, count: 2 });
  await reach('vx5', 'other-destination', 2);
  await daemon.do(`bridge fdb append 00:00:00:00:00:00 dev vx5 dst ${STRANGER}`);
  await chunk(a, { from: STRANGER, to: outer.b, port: 4793, vni: 5, count: 1 });
  await reach('vx5', 'unmatched', 2);
  await daemon.do(`bridge fdb del 00:00:00:00:00:00 dev vx5 dst ${STRANGER}`);
  await chunk(a, { from: STRANGER, to: outer.b, port: 4793, vni: 5, count: 1 });
  await reach('vx5', 'unknown-peer', 4);
});
