// ip link show: vtep's devices among the host's, held against the system's ip.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER } from './topology.js';
import { ping } from './traffic.js';

rooted('a TAP is shown as the system’s ip shows it, in every layout', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, [
    'ip link add tap0 txqueuelen 77 type tap',
    'ip link set dev tap0 mtu 1400 up',
    'ip link add br0 type bridge',
    'ip link set dev tap0 master br0 group 5 promisc on',
    'ip link property add dev tap0 altname longer altname another',
  ]);
  for (const options of ['', '-d', '-s', '-d -s -s', '-j', '-d -j', '-s -s -d -j', '-d -s -j -p']) {
    // What the host sends into it meanwhile (neighbours looked for) is counted by both.
    const line = `ip ${options} link show dev tap0`;
    const shown = async (): Promise<string[]> => [await daemon.do(line), await b.do(line)];
    let [ours, system] = await shown();
    for (let tries = 0; tries < 10 && ours !== system; tries++) [ours, system] = await shown();
    // ip prints the details of a bridge's port, which are the bridge's.
    const withoutPort = system
      ?.replace(/\n {4}bridge_slave .* addrgenmode/s, ' addrgenmode')
      .replace(/(persist \w+) +\n? *addrgenmode/, '$1 addrgenmode');
    if (!options.includes('-d')) t.is(ours, system, line);
    else if (!options.includes('-j')) t.is(ours, withoutPort, line);
    else t.true(ours?.includes('"info_kind"'), line);
  }
  t.is(await daemon.do('ip link show longer'), await b.do('ip link show longer'));
});

rooted('a vxlan device is shown as one, with the tunnel’s counters, among the host’s links', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  const [shown] = JSON.parse(await daemon.do('ip -j -d -s link show vxlan0'));
  t.like(shown, { ifname: 'vxlan0', linkinfo: { info_kind: 'vxlan', info_data: { external: true, port: 4789 } } });
  // Without the Ethernet header, as the kernel's device counts.
  const counted = (side: { packets: number; bytes: number }): boolean => side.packets >= 3 && side.bytes >= 3 * 84;
  t.true(counted(shown.stats64.rx) && counted(shown.stats64.tx), JSON.stringify(shown.stats64));

  const names = (text: string): string[] => JSON.parse(text).map((link: { ifname: string }) => link.ifname);
  t.deepEqual(names(await daemon.do('ip -j link show')), names(await b.do('ip -j link show')));
  t.deepEqual(names(await daemon.do('ip -j link show type vxlan')), ['vxlan0']);
  t.deepEqual(names(await daemon.do('ip -j link show type tun')), ['tap0']);
  t.is(await daemon.do('ip link show lo'), await b.do('ip link show lo'));
  t.regex(
    await daemon.do('ip -d link'),
    /\d: lo: [\s\S]*\n\d+: vxlan0: [\s\S]*\n {4}vxlan external id 0 [\s\S]*\n {4}tun type tap /,
  );
});

rooted('a TAP that leaves its bridge stays, and its filters', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, [
    'ip link add tap0 type tap',
    'tc qdisc add dev tap0 clsact',
    'tc filter add dev tap0 ingress flower action drop',
    'ip link add br0 type bridge',
  ]);
  const shown = await daemon.do('tc filter show dev tap0 ingress');
  for (const words of ['master br0', 'nomaster', 'master br0', 'nomaster up']) {
    await topology.b.do(`ip link set tap0 ${words}`);
  }
  t.is(await daemon.do('tc filter show dev tap0 ingress'), shown);
  t.notRegex(daemon.process.stderr, /is gone/);
});

rooted('what can change of a vxlan device changes, and the rest is refused as the kernel refuses it', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  await daemon.do('ip link set dev vxlan0 mtu 1400 type vxlan ttl 7 df set ageing 60');
  t.regex(await daemon.do('ip -d link show vxlan0'), /mtu 1400 [\s\S]* ttl 7 df set ageing 60 /);
  for (const [words, code, said] of [
    ['dev vxlan0 type vxlan dstport 99', 2, 'Error: Cannot change port.\n'],
    ['dev tap0 type vxlan ttl 7', 2, 'RTNETLINK answers: Operation not supported\n'],
    ['dev no0 type vxlan ttl 7', 1, 'Cannot find device "no0"\n'],
  ] as const) {
    const { code: exit, stderr } = await daemon.attempt(`ip link set ${words}`);
    t.deepEqual([exit, stderr], [code, said], words);
  }
  await daemon.do('ip link set dev vxlan0 type vxlan local 192.168.1.13');
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  const strange = await daemon.attempt('ip link set dev vxlan0 type vxlan local 192.168.1.14');
  t.deepEqual([strange.code, strange.stderr], [2, 'RTNETLINK answers: Cannot assign requested address\n']);
  t.regex(await daemon.do('ip -d link show vxlan0'), / local 192\.168\.1\.13 /);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('a device finds its lower one again that was deleted and made anew, when it is set up', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const lower = async (): Promise<void> => {
    await b.do('ip link add d0 type veth peer name d1');
    await b.do('ip link set d0 up');
    await b.do('ip addr add 10.8.0.1/24 dev d0');
  };
  await lower();
  const daemon = await Daemon.start(topology, [
    'ip link add vx4 type vxlan id 4 remote 10.8.0.2 dev d0 dstport 4700',
    'ip link set vx4 up',
  ]);
  const shown = (): Promise<string> => daemon.do('bridge fdb show dev vx4');
  t.regex(await shown(), /^00:00:00:00:00:00 dst 10\.8\.0\.2 via d0 self permanent$/m);
  await b.do('ip link del d0');
  await b.do('ip link add other type veth peer name other1'); // the kernel may give the index to another one
  await lower();
  await daemon.do('ip link set vx4 down');
  await daemon.do('ip link set vx4 up');
  t.deepEqual(
    (await shown())
      .split('\n')
      .filter((line) => line.startsWith('00:'))
      .map((line) => line.trim()),
    ['00:00:00:00:00:00 dst 10.8.0.2 via d0 self permanent'],
  );
});
