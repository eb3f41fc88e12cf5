// Host B routes what comes out of the tunnel on to host C, over a link with a smaller MTU than the tunnel's.
//
//   host A ── vxlan ── host B (vtep) ── veth, MTU 1300 ── host C
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { iperf } from './traffic.js';

for (const mode of ['super', 'wire'] as const) {
  rooted(`TCP goes on over a smaller MTU behind the TAP, IPv4 and IPv6, ${mode}`, async (t) => {
    const topology = await twoHosts(t, { mode, inner: '46' });
    const { a, b } = topology;
    const c = await topology.addHost('c');
    await c.do(['sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6']);
    await b.do(`ip link add vr mtu 1300 type veth peer name vc netns ${c.namespace}`);
    await b.do(['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding']);
    for (const [host, dev, n] of [
      [b, 'vr', 1],
      [c, 'vc', 2],
    ] as const) {
      await host.do(`ip addr add 10.8.0.${n}/24 dev ${dev}`);
      await host.do(`ip link set ${dev} up`);
      await host.do(`ip addr add fd08::${n}/64 dev ${dev} nodad`);
    }
    await Daemon.start(topology);
    await a.do('ip route add 10.8.0.0/24 via 10.4.0.2');
    await a.do('ip route add fd08::/64 via fd04::2');
    await c.do('ip route add 10.4.0.0/24 via 10.8.0.1');
    await c.do('ip route add fd04::/64 via fd08::1');
    // A megabyte is more than what gets through before the first word of the router.
    t.true((await iperf(a, c, '10.8.0.2')).bytes > 5e6);
    t.true((await iperf(a, c, 'fd08::2')).bytes > 5e6);
  });
}
