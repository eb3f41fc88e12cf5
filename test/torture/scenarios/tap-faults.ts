/** TAPs that are deleted, set down, renamed and moved into a namespace that goes, by the system's own ip. */
import { Daemon } from '../../netns/daemon.js';
import { run as runTool, until } from '../../netns/process.js';
import { INNER, MAC_A, Topology } from '../../netns/topology.js';
import { linkStatistic } from '../../netns/traffic.js';
import { countsUnder, mustBeIdle, mustHaveSaid, resume } from '../faults.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** A VXLAN datagram of VNI 77 with a broadcast frame of 60 bytes. */
const DATAGRAM = `0800000000004d00${'f'.repeat(12)}02000000000188b5${'00'.repeat(46)}`;

async function must(argv: readonly string[]): Promise<void> {
  const { code, stderr } = await runTool(argv);
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  const { a, b } = topology;
  try {
    const daemon = await Daemon.start(topology, [
      ...topology.batch,
      'ip tuntap add dev tap2 mode tap',
      'ip link set tap2 up',
      'tc filter add dev vxlan0 ingress protocol all pref 7 flower enc_key_id 77 action mirred egress redirect dev tap2',
    ]);
    const toTap2 = (): Promise<unknown> => a.do(a.tool('send-datagrams', topology.outer.b, '4789'), `${DATAGRAM}\n`);
    const rounds = brief ? 1 : 10;
    let faults = 0;
    let lost = 0;
    let counted = 0;
    const goesOn = async (what: string): Promise<void> => {
      faults++;
      lost += await resume(a, INNER[4].b, what);
    };
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      await daemon.do('ip tuntap add dev tap1 mode tap');
      await b.do('ip link del tap1');
      await daemon.process.waitFor(/tap1 is gone/);
      await goesOn('a TAP was deleted');

      await b.do('ip link set tap2 down');
      counted += await countsUnder(daemon, ['tap-down', 'mirred-down'], toTap2, 'a TAP is down');
      await goesOn('a TAP is down');
      await b.do('ip link set tap2 up');
      const before = await linkStatistic(b, 'tap2', 'rx_packets');
      await until(async () => {
        await toTap2();
        return (await linkStatistic(b, 'tap2', 'rx_packets')) > before;
      }, 'a TAP that is up again is written to');

      await daemon.do('ip tuntap add dev tap3 mode tap');
      const away = `${topology.prefix}-y${round}`;
      await must(['ip', 'netns', 'add', away]);
      try {
        await must(['ip', '-n', b.namespace, 'link', 'set', 'tap3', 'netns', away]);
        await daemon.process.waitFor(/tap3 moved to another network namespace/);
      } finally {
        await must(['ip', 'netns', 'del', away]);
      }
      await until(
        async () => (daemon.process.stderr.match(/tap3 is gone/g)?.length ?? 0) === round + 1,
        'tap3 is gone',
      );
      await goesOn('a TAP went with its namespace');

      for (const [from, to] of [
        ['tap0', 'renamed0'],
        ['renamed0', 'tap0'],
      ]) {
        await b.do(`ip link set ${from} down`);
        await b.do(`ip link set ${from} name ${to}`);
        await b.do(`ip link set ${to} up`);
        await b.do(`ip neigh replace ${INNER[4].a} lladdr ${MAC_A} dev ${to} nud permanent`);
        await goesOn('a TAP was renamed');
      }
    }
    mustHaveSaid(daemon, /tap1 is gone/, rounds);
    mustHaveSaid(daemon, /tap3 is gone/, rounds);
    const woken = await mustBeIdle(daemon, 'after all of it');
    const { code } = await daemon.stop();
    if (code !== 0) throw new Error(`the daemon ended with ${code}`);
    return [
      { value: faults, what: 'faults survived' },
      { value: lost, what: 'pings lost before traffic resumed' },
      { value: counted, what: 'frames for a TAP that was down, counted' },
      { value: woken, what: 'wake-ups of the worker while idle' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'tap-faults',
    title: 'TAPs deleted, down, renamed, gone with their namespace',
    promise: "each is said once and counted, others' traffic goes on, what can recover does, and nothing spins",
    rights: 'root',
    run,
  },
];
