/** What the underlay can do to an endpoint: its device, its address, its routes, its peer, its offloads. */
import { Daemon } from '../../netns/daemon.js';
import { ethernet } from '../../netns/frames.js';
import { type Host, INNER, MAC_A, MAC_B, Topology } from '../../netns/topology.js';
import { iperf } from '../../netns/traffic.js';
import { countsUnder, mustBeIdle, resume } from '../faults.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** What the tool firewall ends with where the kernel has no nf_tables. */
const NO_FIREWALL = 3;

interface Fault {
  readonly what: string;
  readonly reasons: readonly string[];
  readonly begin: readonly string[];
  readonly end: readonly string[];
}

/** VNI and port of the device that is bound to the local address, and the addresses behind it. */
const BOUND = { vni: 5, port: 4790, a: '10.5.0.1', b: '10.5.0.2' } as const;

/** Whether the kernel lets a firewall be put up (test/netns/tools/firewall.ts). */
async function hasFirewall(host: Host): Promise<boolean> {
  for (const word of ['on', 'off']) {
    const { code, stderr } = await host.attempt(host.tool('firewall', word).join(' '));
    if (code === NO_FIREWALL) return false;
    if (code !== 0) throw new Error(`firewall ${word}: ${stderr}`);
  }
  return true;
}

function faultsOf(topology: Topology, prefixLength: string, firewall: boolean): readonly Fault[] {
  const { a, b } = topology.outer;
  const wall = (word: string): string => topology.b.tool('firewall', word).join(' ');
  const route = (kind: string, reasons: readonly string[]): Fault => ({
    what: `${kind} route to the peer`,
    reasons,
    begin: [`ip route add ${kind} ${a}/32`],
    end: [`ip route del ${kind} ${a}/32`],
  });
  return [
    {
      what: 'underlay device down',
      reasons: ['send-unreachable', 'send-netdown'],
      begin: ['ip link set vb down'],
      end: ['ip link set vb up'],
    },
    {
      what: 'underlay address removed',
      reasons: ['send-unreachable', 'send-source'],
      begin: [`ip addr del ${b}${prefixLength} dev vb`],
      end: [`ip addr add ${b}${prefixLength} dev vb`],
    },
    route('unreachable', ['send-unreachable']),
    route('prohibit', ['send-permission']),
    route('blackhole', ['send-source']),
    ...(firewall
      ? [{ what: 'a firewall', reasons: ['send-permission'], begin: [wall('on')], end: [wall('off')] }]
      : []),
  ];
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ neighbours: 'arp' });
  const { a, b } = topology;
  try {
    const { vni, port } = BOUND;
    await a.do(`ip link add vx5 type vxlan id ${vni} remote ${topology.outer.b} dstport ${port} dev va`);
    await a.do(`ip addr add ${BOUND.a}/24 dev vx5`);
    await a.do('ip link set vx5 up');
    const daemon = await Daemon.start(topology, [
      ...topology.batch,
      `ip link add vx5 type vxlan id ${vni} local ${topology.outer.b} remote ${topology.outer.a} dstport ${port}`,
      `ip addr add ${BOUND.b}/24 dev vx5`,
      'ip link set vx5 up',
    ]);
    await resume(a, INNER[4].b, 'the start');
    await resume(a, BOUND.b, 'the start of the device with a local address');
    const firewall = await hasFirewall(b);
    const prefixLength = /inet [\d.]+(\/\d+)/.exec(await b.do('ip -4 addr show dev vb'))?.[1] ?? '/24';
    // Put into the TAP behind the host's own firewall, which would keep a ping from it.
    const frames = `${`${ethernet(MAC_A, MAC_B, 0x88b5)}${'00'.repeat(46)}\n`.repeat(3)}`;
    const send = (): Promise<unknown> => b.do(b.tool('raw-frames', 'inject', 'tap0'), frames);
    const rounds = brief ? 1 : 6;
    let faults = 0;
    let lost = 0;
    let counted = 0;
    for (let round = 0; round < rounds; round++) {
      for (const { what, reasons, begin, end } of faultsOf(topology, prefixLength, firewall)) {
        say(what);
        for (const line of begin) await b.do(line);
        counted += await countsUnder(daemon, reasons, send, what);
        for (const line of end) await b.do(line);
        lost += await resume(a, INNER[4].b, what);
        lost += await resume(a, BOUND.b, `${what}, at the device with a local address`);
        faults++;
      }
      say('the peer closes its port');
      await a.do('ip link set vxlan4 down');
      await send();
      await a.do('ip link set vxlan4 up');
      lost += await resume(b, INNER[4].a, 'the peer closed its port');
      faults++;
    }
    say('a device that does no checksums');
    await b.offloads('vb', 'tx off');
    const { bytes } = await iperf(b, a, INNER[4].a, { length: 16_384, seconds: 1 });
    if (!(bytes > 1e6)) throw new Error(`${bytes} bytes came through where the underlay's device does no checksums`);
    faults++;
    const woken = await mustBeIdle(daemon, 'after all of it');
    const { code } = await daemon.stop();
    if (code !== 0) throw new Error(`the daemon ended with ${code}`);
    return [
      { value: faults, what: `faults survived${firewall ? '' : '; none by a firewall: this kernel has no nf_tables'}` },
      { value: counted, what: 'datagrams counted under the reason of their fault' },
      { value: lost, what: 'pings lost before traffic resumed' },
      { value: woken, what: 'wake-ups of the worker while idle' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'underlay-faults',
    title: 'the underlay without its device, address, route, peer, permission, checksums',
    promise: 'what is lost is counted under its reason, and traffic resumes by itself',
    rights: 'root',
    run,
  },
];
