// VXLAN-GPE: IP packets without Ethernet between the kernel's device and vtep's.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { checksumErrors, ping, streamIsIntact } from './traffic.js';

const VNI = 7;
const FAR = '10.7.0.2';
const MAC = '02:00:00:00:00:99';

for (const underlay of [4, 6] as const) {
  rooted(`VXLAN-GPE talks to the kernel's both ways, over IPv${underlay}`, async (t) => {
    const topology = await twoHosts(t, { underlay });
    const { a, b, outer } = topology;
    await a.do('ip link add gpe0 type vxlan external gpe dstport 4790');
    await a.do('ip link set gpe0 mtu 1400 up');
    await a.do(`ip addr add ${FAR}/24 dev gpe0`);
    const family = underlay === 4 ? 'ip' : 'ip6';
    await a.do(`ip route add 10.7.0.1/32 encap ${family} id ${VNI} dst ${outer.b} src ${outer.a} csum dev gpe0`);
    const daemon = await Daemon.start(topology, [
      `ip link add vxlan0 type vxlan external gpe local ${outer.b}`,
      'ip link add tap0 type tap',
      'ip link set vxlan0 up',
      'ip link set tap0 mtu 1400 up',
      'tc qdisc add dev tap0 ingress',
      `tc filter add dev tap0 ingress protocol ip flower action tunnel_key set src_ip ${outer.b} dst_ip ${outer.a} id ${VNI} action mirred egress redirect dev vxlan0`,
    ]);
    // What comes in is for the device's own stack; what goes out is routed to the TAP that leads into the tunnel.
    await b.do('ip addr add 10.7.0.1/32 dev vxlan0');
    await b.do(`ip route add ${FAR}/32 dev tap0 src 10.7.0.1`);
    await b.do(`ip neigh replace ${FAR} lladdr ${MAC} dev tap0`);
    for (const size of [56, 1300]) {
      t.is((await ping(b, FAR, { size })).received, 3);
      t.is((await ping(a, '10.7.0.1', { size })).received, 3);
    }
    // Long streams: bundles, super-frames and checksums left open, none of which may reach the IP packet's new header.
    t.true(await streamIsIntact(a, b, '10.7.0.1', 8e6));
    t.true(await streamIsIntact(b, a, FAR, 8e6));
    t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 });
    t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 });
    t.is((await daemon.drops())('gpe-bundle'), 0);
  });
}
