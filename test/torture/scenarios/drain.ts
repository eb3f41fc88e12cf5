/** The end of an endpoint in the middle of a flood: every datagram is accounted for. */
import { randomInt } from 'node:crypto';
import { Daemon } from '../../netns/daemon.js';
import { type Host, INNER, Topology } from '../../netns/topology.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

const RATE = 20_000;
const SIZE = 200;
const PORT = 7300;

/** A counter of /proc/net/snmp's lines of UDP. */
async function udpCounter(host: Host, name: string): Promise<number> {
  const text = await host.do('cat /proc/net/snmp');
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Udp: '));
  return Number(values.split(' ')[names.split(' ').indexOf(name)]);
}

async function linksOf(host: Host): Promise<string> {
  const links = JSON.parse(await host.do('ip -j link show')) as { ifname: string }[];
  return links
    .map(({ ifname }) => ifname)
    .sort()
    .join(' ');
}

interface Account {
  readonly sent: number;
  readonly delivered: number;
  readonly counted: number;
  readonly refused: number;
}

async function endOnce({ a, b, batch }: Topology, receiving: boolean): Promise<Account> {
  // Two of somebody else's, one of them with vtep's kind of name.
  const before = await linksOf(b);
  const daemon = await Daemon.start({ b, batch } as Topology, batch);
  const noPorts = await udpCounter(b, 'NoPorts');
  const receiver = b.start(b.tool('numbered', 'receive', `0.0.0.0:${PORT}`));
  await receiver.waitFor(/listening/);
  const sender = a.start(a.tool('numbered', 'send', `${RATE}`, `${SIZE}`, '60', `${INNER[4].b}:${PORT}`));
  await sender.waitFor(/sending/);
  await new Promise((resolve) => setTimeout(resolve, 300 + randomInt(200)));
  const { code, stderr } = await daemon.stop(receiving ? 'SIGTERM' : 'SIGINT');
  if (code !== 0) throw new Error(`the end's exit code is ${code}: ${stderr}`);
  sender.child.stdin?.end();
  const { sent } = JSON.parse((await sender.exited).stdout.split('\n')[1] ?? '') as { sent: number };
  receiver.child.stdin?.end();
  const { distinct, late } = JSON.parse((await receiver.exited).stdout.split('\n')[1] ?? '') as {
    distinct: number;
    late: number;
  };
  if (late > 0) throw new Error(`${late} datagrams came behind a later one`);
  const counted = Number(/(\d+) dropped \(/.exec(stderr)?.[1] ?? 0);
  const after = await linksOf(b);
  if (after !== before) throw new Error(`links before: ${before}; after: ${after}`);
  return { sent, delivered: distinct, counted, refused: (await udpCounter(b, 'NoPorts')) - noPorts };
}

async function run({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  try {
    const { b } = topology;
    await b.do('ip tuntap add dev tap77 mode tap');
    await b.do('ip link add br77 type bridge');
    const ends = brief ? 2 : 20;
    const sum = { sent: 0, delivered: 0, counted: 0, refused: 0 };
    for (let end = 0; end < ends; end++) {
      say(`end ${end + 1} of ${ends}`);
      const account = await endOnce(topology, end % 2 === 0);
      const missing = account.sent - account.delivered - account.counted - account.refused;
      if (missing !== 0)
        throw new Error(`${missing} of ${account.sent} are not accounted for: ${JSON.stringify(account)}`);
      for (const key of ['sent', 'delivered', 'counted', 'refused'] as const) sum[key] += account[key];
    }
    return [
      { value: ends, what: 'ends in the middle of a flood' },
      { value: sum.sent, what: 'datagrams sent' },
      { value: sum.delivered, what: 'delivered' },
      { value: sum.counted, what: 'counted as dropped' },
      { value: sum.refused, what: 'refused by the kernel, behind the end of intake' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'drain',
    title: 'SIGTERM and SIGINT in the middle of a flood of numbered datagrams',
    promise: 'sent = delivered + counted + refused behind the end, to the last one; nobody else’s device goes',
    rights: 'root',
    run,
  },
];
