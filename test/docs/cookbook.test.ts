// docs/cookbook.md: each recipe, run as it stands between host A, the kernel's, and host B.
import test, { type ExecutionContext } from 'ava';
import { Daemon } from '../netns/daemon.js';
import { FrameStation } from '../netns/frame-station.js';
import { openVswitchMissing, startOpenVswitchDaemons } from '../netns/open-vswitch.js';
import { until } from '../netns/process.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import type { Host, Topology } from '../netns/topology.js';
import { ping } from '../netns/traffic.js';
import { blocks } from './markdown.js';
import { Typist } from './typist.js';

const PAGE = blocks('docs/cookbook.md');

function linesOf(file: string): readonly string[] {
  const found = PAGE.find((block) => block.file === file);
  if (!found) throw new Error(`the cookbook has no ${file}`);
  return found.lines.filter((line) => line !== '');
}

/** The two hosts of the page, without the tunnel that the topology has made on host A. */
async function hosts(t: ExecutionContext): Promise<Topology> {
  const topology = await twoHosts(t, { neighbours: 'arp' });
  t.deepEqual(topology.outer, { a: '192.168.1.14', b: '192.168.1.13' });
  await topology.a.do('ip link del vxlan4');
  return topology;
}

async function type(host: Host, lines: readonly string[]): Promise<void> {
  for (const line of lines) await host.do(line);
}

async function answers(t: ExecutionContext, host: Host, address: string): Promise<void> {
  await until(async () => (await ping(host, address, { count: 1 })).received === 1, `an answer of ${address}`);
  t.is((await ping(host, address, { count: 3 })).received, 3);
}

rooted('the cookbook’s kernel peers: a classic device, and an external one with routes', async (t) => {
  const topology = await hosts(t);
  const { a } = topology;
  for (const recipe of ['one-tunnel', 'external-peer']) {
    const daemon = await Daemon.start(topology, linesOf(`${recipe}.batch`));
    await type(a, linesOf(`${recipe}.sh`));
    await answers(t, a, '10.4.0.13');
    t.is((await daemon.stop()).code, 0);
    await a.do(`ip link del ${recipe === 'one-tunnel' ? 'vx4' : 'vx0'}`);
  }
});

rooted('the cookbook’s trunk: what VNI 10 brings is in VLAN 10, and what VLAN 10 brings goes to VNI 10', async (t) => {
  const topology = await hosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, linesOf('trunk.batch'));
  // Not every kernel has VLAN devices. This host sends back what comes out of the trunk, tags and all.
  await b.do('tc qdisc add dev tap0 ingress');
  await b.do('tc filter add dev tap0 ingress protocol all u32 match u32 0 0 action mirred egress redirect dev tap0');
  const [first = '', ...vlans] = linesOf('trunk-vlans.sh');
  if ((await b.attempt(first)).code === 0) await type(b, vlans);
  else t.log('this kernel has no VLAN devices: trunk-vlans.sh was not typed');
  const station = new FrameStation(a);
  for (const id of [10, 20]) {
    await a.do(`ip link add vx${id} type vxlan id ${id} dstport 4789 local 192.168.1.14 remote 192.168.1.13`);
    await a.do(`ip link set vx${id} up`);
    await station.open(`vx${id}`);
  }
  for (const id of [10, 20]) {
    const frame = `ffffffffffff02000000000${id === 10 ? 'a' : 'b'}88b5${String(id).padStart(92, '0')}`;
    station.inject(`vx${id}`, [frame]);
    await station.seen(`vx${id}`, frame);
  }
  t.is((await station.close('vx10')).length, 1);
  t.is((await station.close('vx20')).length, 1);
  for (const dev of ['vxlan0', 'tap0'])
    t.deepEqual(
      (await daemon.actions(dev)).map(({ packets }) => packets),
      [1, 1, 1, 1, 1, 1],
      dev,
    );
});

rooted('the cookbook’s table of peers learns who is where; its bridge of the host takes the device', async (t) => {
  const topology = await hosts(t);
  const { a, b } = topology;
  await type(a, linesOf('one-tunnel.sh'));
  const first = await Daemon.start(topology, linesOf('fdb.batch'));
  await answers(t, a, '10.4.0.13');
  const [link] = JSON.parse(await a.do('ip -j link show dev vx4')) as { address: string }[];
  const [show = ''] = PAGE.find(({ language }) => language === 'console')?.lines ?? [];
  t.true((await first.do(show.replace('$ vtep ', ''))).includes(`${link?.address} dst 192.168.1.14 self`));
  t.is((await first.stop()).code, 0);
  await a.do('ip neigh flush dev vx4');
  await Daemon.start(topology, linesOf('bridge.batch'));
  await answers(t, a, '10.4.0.13');
  await b.do('ip link del br0');
});

rooted('the cookbook’s limits: one MAC is shut out, the copy comes out of tap9', async (t) => {
  const topology = await hosts(t);
  const { a, b } = topology;
  await type(a, linesOf('one-tunnel.sh'));
  const daemon = await Daemon.start(topology, linesOf('limits.batch'));
  const station = new FrameStation(b);
  await station.open('tap9');
  await answers(t, a, '10.4.0.13');
  await until(
    async () => (await daemon.actions('vxlan0')).every(({ text, packets }) => packets > 0 || /drop|police/.test(text)),
    'copies',
  );
  t.true((await station.close('tap9')).some((frame) => frame.includes('0800')));
  await a.do('ip link set vx4 address 02:00:00:00:00:66');
  t.is((await ping(a, '10.4.0.13', { count: 3 })).received, 0);
  t.true((await daemon.drops())('action-drop') >= 1);
});

rooted('the cookbook’s gateway carries VNI 4 of one peer to VNI 40 of another, and back', async (t) => {
  const topology = await hosts(t);
  const { a, b } = topology;
  await type(a, linesOf('one-tunnel.sh'));
  // The other peer is one more host behind host B.
  const c = await topology.addHost('c');
  await b.do(`ip link add vc type veth peer name vp netns ${c.namespace}`);
  await b.do('ip addr add 192.168.1.13/32 dev vc');
  await b.do('ip link set vc up');
  await b.do('ip route add 192.168.1.15/32 dev vc src 192.168.1.13');
  await c.do('ip addr add 192.168.1.15/24 dev vp');
  await c.do('ip link set vp up');
  await c.do('ip link add vx40 type vxlan id 40 dstport 4789 local 192.168.1.15 remote 192.168.1.13');
  await c.do('ip addr add 10.4.0.15/24 dev vx40');
  await c.do('ip link set vx40 up');
  await Daemon.start(topology, linesOf('gateway.batch'));
  await answers(t, a, '10.4.0.15');
});

const noSwitch = openVswitchMissing();
(noSwitch === undefined ? rooted : test.skip)(
  'the cookbook’s Open vSwitch, with its userspace datapath, is a peer',
  async (t: ExecutionContext) => {
    // Packets of wire size with real checksums: Open vSwitch takes no others from a packet socket.
    const topology = await twoHosts(t, { mode: 'wire', neighbours: 'arp' });
    const { a } = topology;
    await a.do('ip link del vxlan4');
    await a.do('ip link set va down');
    await a.do('ip link set va name eth0');
    await a.do('ip link set eth0 up');
    const env = await startOpenVswitchDaemons(topology);
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const lines = [...linesOf('ovs-userspace.sh'), ...linesOf('ovs.sh')];
    await type(
      a,
      lines.map((line) => `env ${words.join(' ')} ${line}`),
    );
    await Daemon.start(topology, linesOf('one-tunnel.batch'));
    await answers(t, a, '10.4.0.13');
    t.is((await ping(a, '10.4.0.13', { count: 3, size: 1422 })).received, 3, 'full MTU');
  },
);

/** `docker run`, as far as rights go: the capabilities, the devices and the folder that it is given, and no more. */
const DOCKER = `#!/bin/sh
set -e
[ "$1" = run ] && shift
caps='' drop='' devices=''
while :; do
  case $1 in
    --rm | -it) shift ;;
    --cap-drop) drop=$2; shift 2 ;;
    --cap-add) caps="$caps,+$(echo "$2" | tr A-Z a-z)"; shift 2 ;;
    --device) devices="$devices $2"; shift 2 ;;
    -v) folder=\${2%%:*}; shift 2 ;;
    node:20) shift; break ;;
    *) echo "docker: what is $1?" >&2; exit 125 ;;
  esac
done
[ "$drop" = ALL ] && [ "$1" = /vtep/bin/vtep ]
export folder devices
exec unshare -m sh -ec '
  mount --bind "$folder" "$folder"
  mount -o remount,bind,ro "$folder"
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/net
  for device in null zero random urandom \${devices#* }; do cp -a "/dev/\${device#/dev/}" "/mnt/\${device#/dev/}"; done
  mount --move /mnt /dev
  mkdir -p /run/vtep
  mount -t tmpfs tmpfs /run/vtep
  program=$folder/bin/vtep words=$(echo "$*" | sed "s,^/vtep/bin/vtep,,; s,/vtep/,$folder/,g")
  exec setpriv --bounding-set "-all'"$caps"'" --inh-caps "-all'"$caps"'" -- "$program" $words
' sh "$@"
`;

rooted('the cookbook’s container has one capability, a device node and no module, and answers', async (t) => {
  const topology = await hosts(t);
  const { a, b } = topology;
  await type(a, linesOf('one-tunnel.sh'));
  const typist = new Typist(b, 'container');
  typist.program('docker', DOCKER);
  typist.file('one-tunnel.batch', linesOf('one-tunnel.batch'));
  const recipe = PAGE.find(({ lines }) => lines[0]?.startsWith('docker run'))?.lines ?? [];
  const container = typist.start(recipe.join('\n'));
  await container.waitFor(/^vtep: ready/m);
  const status = await b.do(`cat /proc/${container.child.pid}/status`);
  t.regex(status, /^CapBnd:\t0{12}1000$/m);
  t.regex(status, /^CapEff:\t0{12}1000$/m);
  await answers(t, a, '10.4.0.13');
});
