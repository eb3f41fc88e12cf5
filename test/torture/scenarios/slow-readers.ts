/** Whoever does not read: a TAP that nobody takes frames from, and control clients by the thousand. Others do not wait. */
import { connect, type Socket } from 'node:net';
import { Daemon } from '../../netns/daemon.js';
import { until } from '../../netns/process.js';
import { INNER, Topology } from '../../netns/topology.js';
import { ping } from '../../netns/traffic.js';
import { controlSocket } from '../../netns/update-rules.js';
import { Drops, flood, Sink, settled } from '../overload/flood.js';
import { linkMac, tunnelFlows } from '../overload/frames.js';
import { pidOf, residentMib, Strain as Watch } from '../overload/strain.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

const CLIENTS = 1000;

/** Clients that begin a request and do not end it, ask and do not read, listen and do not read. */
function hostile(path: string, n: number): Socket {
  const client = connect(path);
  client.on('error', () => undefined);
  client.pause();
  if (n % 4 === 0) client.write(`{"argv": ["drops", "${'x'.repeat(1000)}`);
  else if (n % 4 === 1) client.write('{"argv": ["monitor"]}\n');
  else if (n % 4 === 2)
    client.write('{"argv": ["tc", "-s", "filter", "show", "dev", "vxlan0", "ingress"]}\n'.repeat(100));
  else client.write('no request\n'.repeat(100));
  return client;
}

async function clients({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ mode: 'wire' });
  const sockets: Socket[] = [];
  try {
    const daemon = await Daemon.start(topology);
    const { a, b } = topology;
    const outer = {
      from: topology.outer.a,
      to: topology.outer.b,
      fromMac: await linkMac(a, 'va'),
      toMac: await linkMac(b, 'vb'),
    };
    const sink = await Sink.on(b, INNER[4].b);
    const drops = new Drops(daemon);
    const watch = new Watch(daemon);
    say(`${CLIENTS} clients`);
    const flooding = flood(a, 'va', tunnelFlows(outer, 1000), { seconds: brief ? 1.5 : 30 });
    const path = controlSocket(b);
    for (let n = 0; n < CLIENTS; n++) sockets.push(hostile(path, n));
    const { sent } = await flooding;
    await settled(b, 'tap0');
    const lost = (await drops.rows()).reduce(
      (sum, { reason, count }) => sum + (reason === 'socket-overflow' ? count : 0),
      0,
    );
    const delivered = await sink.count();
    if (delivered + lost !== sent) throw new Error(`${sent} sent, ${delivered} delivered, ${lost} lost by the queue`);
    const connected = sockets.filter((socket) => !socket.connecting && !socket.destroyed).length;
    const figures = await watch.end(brief);
    for (const socket of sockets) socket.destroy();
    const { received } = await ping(a, INNER[4].b, { count: 1 });
    if (received !== 1) throw new Error('no answer to a ping afterwards');
    return [
      { value: connected, what: 'clients that send half a request, or nonsense, or read nothing' },
      { value: sent, what: 'datagrams meanwhile' },
      { value: delivered, what: 'delivered' },
      { value: lost, what: 'lost by a full queue' },
      ...figures,
    ];
  } finally {
    for (const socket of sockets) socket.destroy();
    await topology.down();
  }
}

/** A TAP in a namespace of its own with a backlog of nothing; the other goes on. */
async function tap({ brief, say }: Strain): Promise<readonly Figure[]> {
  const topology = await Topology.up({ mode: 'wire' });
  try {
    const { a, b } = topology;
    const daemon = await Daemon.start(topology, [
      ...topology.batch,
      ...['ip tuntap add slow mode tap', 'ip link set slow txqueuelen 10 up'],
      'tc filter add dev vxlan0 parent ffff: protocol ip pref 9 flower enc_key_id 9 action tunnel_key unset pipe action mirred egress redirect dev slow',
    ]);
    const outer = {
      from: topology.outer.a,
      to: topology.outer.b,
      fromMac: await linkMac(a, 'va'),
      toMac: await linkMac(b, 'vb'),
    };
    const drops = new Drops(daemon);
    const pid = pidOf(daemon);
    const before = residentMib(pid);
    // A TAP's reader is the kernel's stack, which takes each frame as it is written, whatever becomes of it (in another
    // namespace too): only one that is down takes nothing.
    await b.do('ip link set slow down');
    await until(async () => (await drops.rows()) !== undefined, 'vtep answers');
    const sink = await Sink.on(b, INNER[4].b);
    say('a TAP that takes nothing beside one that does');
    const both = tunnelFlows(outer, 100).flatMap((frame, n) => [
      frame,
      tunnelFlows(outer, n + 1, undefined, 9)[n] ?? '',
    ]);
    const { sent } = await flood(a, 'va', both, { seconds: brief ? 1.5 : 30, rate: 10_000 });
    await settled(b, 'tap0');
    const rows = await drops.rows();
    const of = (reason: string): number => rows.reduce((sum, row) => sum + (row.reason === reason ? row.count : 0), 0);
    const delivered = await sink.count();
    const refused = of('mirred-down') + of('tap-down') + of('tap-again');
    if (delivered + refused + of('socket-overflow') !== sent)
      throw new Error(
        `${sent} sent, ${delivered} delivered, ${refused} refused by the TAP, ${of('socket-overflow')} lost by the queue`,
      );
    if (of('socket-overflow') === 0 && delivered !== refused)
      throw new Error(`${delivered} delivered, ${refused} refused: not one for one`);
    const { received } = await ping(a, INNER[4].b, { count: 1 });
    if (received !== 1) throw new Error('no answer to a ping afterwards');
    return [
      { value: sent, what: 'datagrams, every other for a TAP that takes nothing' },
      { value: delivered, what: 'delivered to the other TAP' },
      { value: refused, what: 'counted as refused' },
      { value: of('socket-overflow'), what: 'lost by a full queue' },
      { value: `${before.toFixed(0)}, then ${residentMib(pid).toFixed(0)}`, what: 'MiB resident' },
    ];
  } finally {
    await topology.down();
  }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'control-clients',
    title: '1,000 control clients that do not read, or do not end what they say, during a flood',
    promise: 'others are answered within 0.5 s, traffic is delivered or counted, and memory stays',
    rights: 'root',
    run: clients,
  },
  {
    name: 'slow-tap',
    title: 'a TAP that is down, and so takes no frames, beside one that does',
    promise: 'what the one does not take is counted, and the other gets all of its own',
    rights: 'root',
    run: tap,
  },
];
