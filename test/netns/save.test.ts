// vtep save: the state of a daemon as a batch, given to another.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER } from './topology.js';
import { ping } from './traffic.js';

rooted('a daemon that runs what another saved has the same state, and works as it did', async (t) => {
  const topology = await twoHosts(t);
  const first = await Daemon.start(topology, [
    ...topology.batch,
    'ip link add tap1 txqueuelen 77 type tap',
    'tc qdisc add dev tap1 clsact',
    'tc actions add action tunnel_key unset index 40 cookie c0ffee',
    'tc chain add dev tap1 ingress chain 12',
    'tc filter add dev tap1 ingress protocol ipv6 flower ip_proto tcp dst_port 80 action tunnel_key index 40 action drop',
    'tc filter add dev tap1 ingress protocol ip pref 7 chain 3 flower skip_hw src_mac 02:00:00:00:00:00/8 action goto chain 12',
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'vtep-save-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'saved');
  t.is(await first.do(`save ${file}`), '');
  const saved = readFileSync(file, 'utf8');
  t.is(await first.do('save'), saved);
  const shows = [
    'tc filter show dev vxlan0 ingress',
    'tc filter show dev tap0 ingress',
    'tc filter show dev tap1 ingress',
  ];
  shows.push('tc actions ls action tunnel_key', 'tc chain show dev tap1 ingress', 'tc qdisc show');
  const look = (daemon: Daemon): Promise<string[]> => Promise.all(shows.map((line) => daemon.do(line)));
  const before = await look(first);
  await first.stop();

  const hosts = topology.batch.filter((line) => /^ip (addr|address|neigh|route)/.test(line));
  const second = await Daemon.start(topology, [...saved.trim().split('\n'), ...hosts]);
  t.is(await second.do('save'), saved);
  t.deepEqual(await look(second), before);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('a file that cannot be written is said by name', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, []);
  const { code, stderr } = await daemon.attempt('save /nowhere/at/all');
  t.is(code, 1);
  t.regex(stderr, /^vtep: \/nowhere\/at\/all: No such file or directory\n$/);
});
