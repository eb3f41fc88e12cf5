/** What the underlay can do to an endpoint: its device, its address, its routes, its peer, its offloads. */
import { Daemon } from '../../netns/daemon.js';
import { INNER, Topology } from '../../netns/topology.js';
import { iperf } from '../../netns/traffic.js';
import { countsUnder, mustBeIdle, resume } from '../faults.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

interface Fault {
  readonly what: string;
  readonly reasons: readonly string[];
  readonly begin: readonly string[];
  readonly end: readonly string[];
}

function faultsOf(topology: Topology, prefixLength: string): readonly Fault[] {
  const { a, b } = topology.outer;
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
  ];
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ neighbours: 'arp' });
  const { a, b } = topology;
  try {
    const daemon = await Daemon.start(topology);
    await resume(a, INNER[4].b, 'the start');
    const prefixLength = /inet [\d.]+(\/\d+)/.exec(await b.do('ip -4 addr show dev vb'))?.[1] ?? '/24';
    // The host answers an echo request of its own device's, so every frame goes into the tunnel.
    const send = (): Promise<unknown> => b.attempt(`ping -c 3 -i 0.05 -W 0.1 ${INNER[4].a}`);
    const rounds = brief ? 1 : 10;
    let faults = 0;
    let lost = 0;
    let counted = 0;
    for (let round = 0; round < rounds; round++) {
      for (const { what, reasons, begin, end } of faultsOf(topology, prefixLength)) {
        say(what);
        for (const line of begin) await b.do(line);
        counted += await countsUnder(daemon, reasons, send, what);
        for (const line of end) await b.do(line);
        lost += await resume(a, INNER[4].b, what);
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
    const { bytes } = await iperf(b, a, INNER[4].a, { length: 16_384 });
    if (!(bytes > 1e6)) throw new Error(`${bytes} bytes came through where the underlay's device does no checksums`);
    faults++;
    const woken = await mustBeIdle(daemon, 'after all of it');
    const { code } = await daemon.stop();
    if (code !== 0) throw new Error(`the daemon ended with ${code}`);
    return [
      { value: faults, what: 'faults survived' },
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
    title: 'the underlay without its device, address, route, peer, checksums',
    promise: 'what is lost is counted under its reason, and traffic resumes by itself',
    rights: 'root',
    run,
  },
];
