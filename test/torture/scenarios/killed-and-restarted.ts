/** SIGKILL, and the next start. */
import { Daemon } from '../../netns/daemon.js';
import { INNER, Topology } from '../../netns/topology.js';
import { resume } from '../faults.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  const { a, b } = topology;
  try {
    await b.do('ip tuntap add dev stranger0 mode tap');
    const lines = [
      ...topology.batch.map((line) => (line.includes('tuntap') ? `${line} persist` : line)),
      'tc filter add dev vxlan0 ingress protocol all pref 9 flower enc_key_id 78 action mirred egress redirect dev vb',
    ];
    const index = async (name: string): Promise<string> => b.do(`cat /sys/class/net/${name}/ifindex`);
    const stranger = await index('stranger0');
    const times = brief ? 1 : 20;
    let daemon = await Daemon.start(topology, lines);
    const tap0 = await index('tap0');
    let lost = await resume(a, INNER[4].b, 'the start');
    for (let n = 1; n <= times; n++) {
      say(`${n} of ${times}`);
      await daemon.stop('SIGKILL');
      const addresses = await b.do('ip -4 addr show dev tap0');
      if (!addresses.includes(INNER[4].b)) throw new Error(`tap0 has lost its address:\n${addresses}`);
      const { promiscuity = 0 } =
        (JSON.parse(await b.do('ip -j -d link show dev vb')) as { promiscuity?: number }[])[0] ?? {};
      if (promiscuity !== 0) throw new Error('an interface of the host is left promiscuous');
      if ((await b.attempt('ip link show dev vxlan0')).code === 0) throw new Error('vxlan0 outlives its process');
      daemon = await Daemon.start(topology, lines);
      lost += await resume(a, INNER[4].b, 'SIGKILL and a start');
    }
    if ((await index('tap0')) !== tap0) throw new Error('tap0 is another device');
    if ((await index('stranger0')) !== stranger) throw new Error("a stranger's TAP was touched");
    const { code } = await daemon.stop();
    if (code !== 0) throw new Error(`the daemon ended with ${code}`);
    await b.do('ip link show dev stranger0');
    return [
      { value: times, what: 'times killed and started again' },
      { value: lost, what: 'pings lost before traffic resumed' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'killed-and-restarted',
    title: 'SIGKILL and the next start, again and again',
    promise: "persistent TAPs keep their addresses, nothing stale is in the way, a stranger's TAP is left alone",
    rights: 'root',
    run,
  },
];
