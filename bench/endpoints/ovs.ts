/**
 * Open vSwitch with its userspace datapath (datapath_type=netdev) in host B's namespace: a bridge that takes the
 * underlay's veth and its address, and a bridge with the VXLAN port, whose internal port is the inner device. The
 * daemons are this benchmark's own: run directory, database and sockets lie in the topology's folder, and both
 * processes are ended by their ids, at the latest with the topology.
 */
import { mkdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { run, succeed } from '../../test/netns/process.js';
import { MAC_B, type Topology } from '../../test/netns/topology.js';
import { configureInner, type Endpoint } from './endpoint.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`Open vSwitch: ${what} did not come about within 15 s`);
    await setTimeout(50);
  }
}

export async function startOvs(topology: Topology): Promise<Endpoint> {
  const host = topology.b;
  const folder = `${host.notes}/ovs`;
  mkdirSync(folder, { mode: 0o700 });
  const env = { OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const socket = `unix:${folder}/db.sock`;
  const options = (name: string): string[] => [
    ...[`--unixctl=${folder}/${name}.ctl`, `--log-file=${folder}/${name}.log`, '-vconsole:emer', '-vsyslog:emer'],
  ];
  await succeed(['ovsdb-tool', 'create', `${folder}/conf.db`, SCHEMA]);
  const database = host.start(['ovsdb-server', `${folder}/conf.db`, `--remote=p${socket}`, ...options('ovsdb')], {
    env,
  });
  const vsctl = (...words: string[]): string[] => host.argv(['ovs-vsctl', `--db=${socket}`, '--timeout=15', ...words]);
  await until('its database', async () => (await run(vsctl('--no-wait', 'init'))).code === 0);
  const daemon = host.start(['ovs-vswitchd', socket, '--disable-system', ...options('vswitchd')], { env });

  const mac = (await host.do('cat /sys/class/net/vb/address')).trim();
  await succeed(
    vsctl(
      ...['add-br', 'br-phy', '--', 'set', 'bridge', 'br-phy', 'datapath_type=netdev', `other-config:hwaddr=${mac}`],
      ...['--', 'add-port', 'br-phy', 'vb'],
      ...['--', 'add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev'],
      ...[`other-config:hwaddr=${MAC_B}`, '--', 'set', 'interface', 'br-int', `mtu_request=${topology.mtu}`],
      ...['--', 'add-port', 'br-int', 'vxlan0', '--', 'set', 'interface', 'vxlan0', 'type=vxlan'],
      ...[`options:remote_ip=${topology.outer.a}`, 'options:key=4', 'options:dst_port=4789'],
    ),
    { deadlineMs: 20_000 },
  );
  await host.do('ip addr flush dev vb');
  await host.do(`ip addr add ${topology.outer.b}/24 dev br-phy`);
  await host.do('ip link set dev br-phy up');
  await configureInner(topology, 'br-int');
  const [, version = 'of an unknown version'] = /(\d[\d.]*)$/m.exec(await succeed(['ovs-vswitchd', '--version'])) ?? [];
  return { dev: 'br-int', processes: [daemon, database], variant: `Open vSwitch ${version}` };
}
