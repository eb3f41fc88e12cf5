/**
 * More than a vtep can take, for a minute: from the underlay and from the host, in small frames and in super-frames.
 * Every frame is where it belongs or under a reason, to the frame, and when it is over traffic goes on at once.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { Daemon } from '../../netns/daemon.js';
import { INNER, Topology } from '../../netns/topology.js';
import { linkStatistic, ping } from '../../netns/traffic.js';
import { Updates } from '../../netns/update-rules.js';
import { Drops, flood, floodSegments, Sink, settled } from '../overload/flood.js';
import { B_TO_A, datagram, type Endpoints, linkMac, SINK_PORT, tunnelFlows } from '../overload/frames.js';
import { Strain as Watch } from '../overload/strain.js';
import type { Figure, Scenario, Strain } from '../scenario.js';

/** A flood on its way: who sends, who counts. */
interface Field {
  readonly topology: Topology;
  readonly daemon: Daemon;
  readonly drops: Drops;
  readonly outer: Endpoints;
}

/** What a flood was: what was sent, what arrived, and what the kernel says it lost outside of vtep. */
interface Flow {
  readonly what: string;
  readonly sent: number;
  readonly seconds: number;
  readonly delivered: number;
  readonly kernel: number;
  /** Frames that one loss of the socket's queue stands for, and one of the TAP's; those that nobody sent count 0. */
  readonly bundle?: number;
  readonly hostBundle?: number;
}

type Flooding = (field: Field, seconds: number) => Promise<Flow>;

function scenario(name: string, title: string, mode: 'wire' | 'super', floods: readonly Flooding[]): Scenario {
  const run = async ({ brief, say }: Strain): Promise<readonly Figure[]> => {
    const topology = await Topology.up({ mode });
    try {
      const daemon = await Daemon.start(topology);
      const outer = {
        ...{ from: topology.outer.a, to: topology.outer.b },
        ...{ fromMac: await linkMac(topology.a, 'va'), toMac: await linkMac(topology.b, 'vb') },
      };
      const drops = new Drops(daemon);
      const field = { topology, daemon, drops, outer };
      await ping(topology.a, INNER[4].b, { count: 1 });
      const watch = new Watch(daemon);
      const figures: Figure[] = [];
      for (const [n, flooding] of floods.entries()) {
        say(`flood ${n + 1} of ${floods.length}`);
        await drops.reset();
        const flow = await flooding(field, (brief ? 0.8 : 60) / floods.length);
        figures.push(...(await account(field, flow)));
        const { received } = await ping(topology.a, INNER[4].b, { count: 1 });
        if (received !== 1) throw new Error('no answer to a ping after the flood');
      }
      return [...figures, ...(await watch.end(brief))];
    } finally {
      await topology.down();
    }
  };
  const promise = 'sent is delivered or counted, memory stays, vtep answers within 0.5 s, and a ping then is answered';
  return { name, title, promise, rights: 'root', run };
}

/** Rejects where a frame is neither here nor there. */
async function account({ drops }: Field, flow: Flow): Promise<Figure[]> {
  // A packet socket does not count as sent what a full queue of the TAP refuses.
  const { sent, delivered, kernel, bundle = 1, hostBundle = 0 } = flow;
  const lost = (await drops.since()).filter(({ verdict }) => verdict === 'drop');
  const weights: Readonly<Record<string, number>> = { 'socket-overflow': bundle, 'tap-queue-full': hostBundle };
  const dropped = lost.reduce((sum, { reason, count }) => sum + count * (weights[reason] ?? 1), 0);
  const reasons = lost.map(({ reason, count }) => `${reason} ${count.toLocaleString('en-US')}`).join(', ');
  if (sent !== delivered + dropped + kernel)
    throw new Error(
      `${flow.what}: ${sent} sent, ${delivered} delivered, ${dropped} dropped (${reasons}), ${kernel} by the kernel`,
    );
  return [
    { value: sent, what: `${flow.what} sent (${Math.round(sent / flow.seconds / 1000)} kpps)` },
    { value: delivered, what: 'delivered' },
    { value: dropped, what: `dropped (${reasons || 'none'})` },
    ...(kernel > 0 ? [{ value: kernel, what: 'lost by the kernel outside of vtep' }] : []),
  ];
}

/** 64 bytes of payload from so many flows, from the underlay. */
function inward(flows: number): Flooding {
  return async ({ topology: { a, b }, outer }, seconds) => {
    const sink = await Sink.on(b, INNER[4].b);
    const before = await sink.count();
    const result = await flood(a, 'va', tunnelFlows(outer, flows), { seconds });
    await settled(b, 'tap0');
    const delivered = (await sink.count()) - before;
    await sink.close();
    return { what: `datagrams of ${flows} flows`, ...result, delivered, kernel: 0 };
  };
}

/** The same, while filters beside the one that takes them come, change and go, each in force before the next. */
const updated: Flooding = async (field, seconds) => {
  const updates = new Updates(field.topology.b, 'vxlan0');
  let over = false;
  const churn = async (): Promise<number> => {
    let done = 0;
    for (; !over; done += 10) await updates.run(10);
    return done;
  };
  const churning = churn();
  const flow = await inward(1000)(field, seconds).finally(() => {
    over = true;
  });
  const done = await churning;
  updates.close();
  return { ...flow, what: `datagrams beside ${done.toLocaleString('en-US')} updates of filters` };
};

/** Anything but VXLAN on its port. */
const garbage: Flooding = async ({ topology: { a, b }, outer }, seconds) => {
  const frames = Array.from({ length: 512 }, () =>
    datagram(outer, [randomInt(1024, 65_536), 4789], randomBytes(randomInt(200)), false).toString('hex'),
  );
  const before = await linkStatistic(b, 'tap0', 'rx_packets');
  const result = await flood(a, 'va', frames, { seconds });
  await settled(b, 'vb');
  const delivered = (await linkStatistic(b, 'tap0', 'rx_packets')) - before;
  if (delivered !== 0) throw new Error(`${delivered} frames on tap0`);
  return { what: 'datagrams of random bytes', ...result, delivered, kernel: 0 };
};

/** What the kernel lost between vtep's sockets and a sink on host A. */
async function lostOutside({ a, b }: Topology): Promise<number> {
  const of = await Promise.all([
    linkStatistic(b, 'vb', 'tx_dropped'),
    linkStatistic(a, 'va', 'rx_dropped'),
    linkStatistic(a, 'vxlan4', 'rx_dropped'),
  ]);
  return of.reduce((sum, count) => sum + count, 0);
}

/** Small frames from the host. */
const outward: Flooding = async ({ topology }, seconds) => {
  const { a, b } = topology;
  const sink = await Sink.on(a, INNER[4].a);
  const [before, lostBefore] = [await sink.count(), await lostOutside(topology)];
  const frames = Array.from({ length: 1000 }, (_, flow) =>
    datagram(B_TO_A, [10_000 + flow, SINK_PORT], Buffer.alloc(64, flow)).toString('hex'),
  );
  const result = await flood(b, 'tap0', frames, { seconds });
  await settled(b, 'vb');
  const delivered = (await sink.count()) - before;
  await sink.close();
  return {
    what: 'frames of 1,000 flows from the host',
    ...result,
    delivered,
    kernel: (await lostOutside(topology)) - lostBefore,
  };
};

/** Datagrams of a super-frame, and the bytes of each. */
const SEGMENTS = 44;
const SEGMENT = 1400;

/** UDP super-frames of a sender on the same machine. */
const superInward: Flooding = async ({ topology: { a, b } }, seconds) => {
  const sink = await Sink.on(b, INNER[4].b);
  const [before, lostBefore] = [await sink.count(), await linkStatistic(a, 'va', 'tx_dropped')];
  const result = await floodSegments(a, INNER[4].b, SEGMENT, SEGMENTS, seconds);
  await settled(b, 'tap0');
  const delivered = (await sink.count()) - before;
  await sink.close();
  const lost = (await linkStatistic(a, 'va', 'tx_dropped')) - lostBefore;
  return { what: 'datagrams in super-frames', ...result, delivered, kernel: lost * SEGMENTS, bundle: SEGMENTS };
};

/** UDP super-frames of the host. */
const superOutward: Flooding = async ({ topology }, seconds) => {
  const { a, b } = topology;
  const sink = await Sink.on(a, INNER[4].a);
  const [before, lostBefore] = [await sink.count(), await lostOutside(topology)];
  const result = await floodSegments(b, INNER[4].a, SEGMENT, SEGMENTS, seconds);
  await settled(b, 'vb');
  const delivered = (await sink.count()) - before;
  await sink.close();
  const outside = (await lostOutside(topology)) - lostBefore;
  return {
    ...{ what: 'datagrams in super-frames from the host', ...result, delivered, kernel: outside * SEGMENTS },
    hostBundle: SEGMENTS,
  };
};

export const scenarios: readonly Scenario[] = [
  scenario('flood-small', 'small datagrams of 1 and of 1,000 flows, more than it takes', 'wire', [
    inward(1),
    inward(1000),
  ]),
  scenario('flood-updates', 'small datagrams of 1,000 flows while filters change one by one', 'wire', [updated]),
  scenario('flood-garbage', 'datagrams of random bytes, as many as the link carries', 'wire', [garbage]),
  scenario('flood-host', 'small frames from the host, more than it takes', 'wire', [outward]),
  scenario('flood-super', 'UDP super-frames, into the tunnel and out of it', 'super', [superInward, superOutward]),
];
