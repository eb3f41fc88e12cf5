/**
 * Open vSwitch with its userspace datapath as a host's VXLAN endpoint, without the machine's own: database, sockets and
 * logs lie in a folder of the topology, and both daemons end with it.
 *
 *   br0 10.4.0.1, VNI 4 ── vxlan port ── (routed by) ── br1, outer address ── the underlay's interface
 */
import { existsSync, mkdirSync } from 'node:fs';
import { succeed } from './process.js';
import { INNER, MAC_A, MAC_B, type Topology } from './topology.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const DAEMONS = ['/usr/sbin/ovs-vswitchd', '/usr/sbin/ovsdb-server'];

/** Why there is no Open vSwitch here; undefined: there is. */
export function openVswitchMissing(): string | undefined {
  const missing = [...DAEMONS, SCHEMA].filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `not installed: openvswitch-switch (${missing.join(', ')})`;
}

/** Its daemons on host A, without the kernel's datapath. Commands that are run with `env` speak to them. */
export async function startOpenVswitchDaemons({ a }: Topology): Promise<Readonly<Record<string, string>>> {
  const folder = `${a.notes}/ovs`;
  mkdirSync(folder);
  const env = { OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder, OVS_SYSCONFDIR: folder };
  const db = `unix:${folder}/db.sock`;
  await succeed(['ovsdb-tool', 'create', `${folder}/conf.db`, SCHEMA]);
  const server = [`${folder}/conf.db`, `--remote=punix:${folder}/db.sock`, `--unixctl=${folder}/db.ctl`];
  a.start(['ovsdb-server', ...server, '--no-chdir'], { env });
  while (!existsSync(`${folder}/db.sock`)) await new Promise((resolve) => setTimeout(resolve, 20));
  await a.do(['ovs-vsctl', `--db=${db}`, '--timeout=20', '--no-wait', 'init']);
  a.start(['ovs-vswitchd', db, '--disable-system', `--unixctl=${folder}/vs.ctl`, '--no-chdir'], { env });
  return env;
}

/** Takes the place of host A's kernel device; resolves when both of its bridges are up. */
export async function startOpenVswitch(topology: Topology): Promise<void> {
  const { a, outer, mtu } = topology;
  const env = await startOpenVswitchDaemons(topology);
  const vsctl = (line: string): Promise<string> =>
    a.do(['ovs-vsctl', `--db=unix:${env.OVS_RUNDIR}/db.sock`, '--timeout=20', ...line.trim().split(/\s+/)]);

  await a.do('ip link del vxlan4');
  await a.do('ip addr flush dev va');
  for (const bridge of ['br0', 'br1']) await vsctl(`add-br ${bridge} -- set bridge ${bridge} datapath_type=netdev`);
  await vsctl(`set bridge br0 other-config:hwaddr="${MAC_A}" -- set interface br0 mtu_request=${mtu}`);
  await vsctl('add-port br1 va');
  await a.do(['sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/br1/disable_ipv6']);
  const length = outer.a.includes(':') ? '64' : '24';
  await a.do(`ip addr add ${outer.a}/${length} dev br1${length === '64' ? ' nodad' : ''}`);
  await a.do('ip link set br1 up');
  await a.do(`ip addr add ${INNER[4].a}/24 dev br0`);
  await a.do('ip link set br0 up');
  await a.do(`ip neigh replace ${INNER[4].b} lladdr ${MAC_B} dev br0`);
  const options = `options:local_ip=${outer.a} options:remote_ip=${outer.b} options:key=4 options:csum=true`;
  await vsctl(`add-port br0 vx0 -- set interface vx0 type=vxlan ${options}`);
}
