// Multicast groups: three endpoints on one segment, two of the kernel's and vtep, without knowing of each other.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import type { Host } from './topology.js';
import { iperf, ping } from './traffic.js';

const UNDERLAY = {
  4: { group: '239.1.1.9', address: (n: number) => `192.168.7.${n}/24` },
  6: { group: 'ff05::9', address: (n: number) => `fd07::${n}/64` },
} as const;

/** Joins a host to the segment that the bridge of `segment` is, as u0. */
async function join(host: Host, segment: Host, n: number, address: string): Promise<void> {
  await segment.do(`ip link add s${n} type veth peer name u0 netns ${host.namespace}`);
  await segment.do(`ip link set s${n} master br0 up`);
  if (address.includes(':')) await host.do('sysctl -q net.ipv6.conf.u0.disable_ipv6=0 net.ipv6.conf.u0.accept_dad=0');
  await host.do('ip link set u0 up');
  await host.do(`ip addr add ${address} dev u0${address.includes(':') ? ' nodad' : ''}`);
}

for (const family of [4, 6] as const) {
  const { group, address } = UNDERLAY[family];
  const options = `type vxlan id 9 dstport 4789 group ${group} dev u0`;

  rooted(`endpoints find each other through a group and then speak directly (IPv${family})`, async (t) => {
    const topology = await twoHosts(t);
    t.timeout(120_000);
    const { a, b } = topology;
    await a.do('ip link del vxlan4');
    const c = await topology.addHost('c');
    const segment = await topology.addHost('d');
    await segment.do('ip link add br0 type bridge mcast_snooping 0');
    await segment.do('ip link set br0 up');
    for (const [n, host] of [a, b, c].entries()) await join(host, segment, n + 1, address(n + 1));
    for (const [n, host] of [
      [1, a],
      [3, c],
    ] as const) {
      await host.do(`ip link add vx9 address 02:00:00:00:09:0${n} mtu 1400 ${options}`);
      await host.do('ip link set vx9 up');
      await host.do(`ip addr add 10.9.0.${n}/24 dev vx9`);
    }
    const daemon = await Daemon.start(topology, [
      `ip link add vx9 address 02:00:00:00:09:02 mtu 1400 ${options}`,
      // One more in the same group, on the same port.
      `ip link add vx8 mtu 1400 type vxlan id 8 dstport 4789 group ${group} dev u0`,
      'ip link set vx9 up',
      'ip link set vx8 up',
      'ip addr add 10.9.0.2/24 dev vx9',
    ]);
    const members = (): Promise<string> => b.do('ip maddr show dev u0');
    t.true((await members()).includes(group));
    t.is((await ping(a, '10.9.0.2')).received, 3);
    t.is((await ping(b, '10.9.0.3')).received, 3);
    t.is((await ping(c, '10.9.0.1')).received, 3);
    t.true((await iperf(b, c, '10.9.0.3')).bytes > 1e6);
    const peer = (n: number): string => (address(n).split('/')[0] ?? '').replace('.', '\\.');
    const shown = await daemon.do('bridge fdb show dev vx9');
    t.regex(shown, new RegExp(`^02:00:00:00:09:01 dst ${peer(1)} self $`, 'm'));
    t.regex(shown, new RegExp(`^02:00:00:00:09:03 dst ${peer(3)} self $`, 'm'));
    t.regex(shown, new RegExp(`^00:00:00:00:00:00 dst ${group} via u0 self permanent$`, 'm'));
    t.is((await daemon.drops())('own-source-mac'), 0, 'what it sent to the group does not come back');

    await daemon.do('ip link set vx8 down');
    t.true((await members()).includes(group), 'the other device is still in it');
    t.is((await ping(a, '10.9.0.2')).received, 3);
    await daemon.do('ip link set vx9 down');
    t.false((await members()).includes(group));
  });
}
