// Events under load: who reads slowly loses some and is told how many; nobody else notices.
import test from 'ava';
import { frame, until } from './endpoints.test.helper.js';
import { Endpoint, type EndpointEvent } from './index.js';

/** A classic device that has `count` source addresses come in, from a peer that sends as many frames. */
async function learning(
  ageing = 300,
): Promise<{ endpoint: Endpoint; learn: (count: number) => Promise<void>; close: () => Promise<void> }> {
  const rules = (local: number, remote: number): string[] => [
    `ip link add vxlan0 type vxlan id 7 dstport 4789 local 10.0.0.${local} remote 10.0.0.${remote} ageing ${ageing}`,
    'ip link set vxlan0 up',
  ];
  const endpoint = await Endpoint.open({ underlay: () => undefined, batch: rules(2, 1) });
  const peer = await Endpoint.open({
    underlay: (packets) => {
      for (const packet of packets) endpoint.deliver(packet);
    },
    batch: rules(1, 2),
  });
  const device = await peer.device('vxlan0');
  let next = 0;
  return {
    endpoint,
    learn: async (count) => {
      for (let n = 0; n < count; n++, next++) {
        const bytes = frame(1);
        bytes.set([2, 7, next >> 16, (next >> 8) & 0xff, next & 0xff, 1], 6);
        device.send(bytes);
      }
      await until(async () => ((await endpoint.links())[0]?.received.packets ?? 0) >= next);
    },
    close: async () => {
      await Promise.all([endpoint.close(), peer.close()]);
    },
  };
}

test('a reader that comes late finds 4,096 events and how many more there were; another has read them all', async (t) => {
  const { endpoint, learn, close } = await learning();
  const slow = endpoint.events('learned');
  const fast = endpoint.events('learned');
  const macs = new Set<string>();
  const reading = (async () => {
    for await (const event of fast) if (event.type === 'learned') macs.add(event.mac);
  })();
  const total = 4500;
  for (let n = 0; n < total; n += 900) await learn(900);
  await until(() => macs.size === total);
  const late: EndpointEvent[] = [];
  const first = await slow.next();
  t.like(first.value, { type: 'learned', device: 'vxlan0', mac: '02:07:00:00:00:01', peer: '10.0.0.1' });
  slow.close();
  for await (const event of slow) late.push(event);
  t.is(late.filter(({ type }) => type === 'learned').length, 4095);
  t.deepEqual(late.at(-1), { type: 'lost', count: total - 4096 });
  await close();
  await reading;
});

test.serial('what is learned is told, and what was not heard of again is told as aged', async (t) => {
  const { setTimeout: real } = globalThis;
  // The first look for what has aged is ten seconds after the start, as the kernel's: here one second.
  const sooner = (run: () => void, wait: number): NodeJS.Timeout => real(run, wait === 10_000 ? 1000 : wait);
  globalThis.setTimeout = sooner as typeof setTimeout;
  const begun = learning(1);
  const { endpoint, learn, close } = await begun.finally(() => {
    globalThis.setTimeout = real;
  });
  const events = endpoint.events('learned', 'aged');
  await learn(1);
  t.like((await events.next()).value, { type: 'learned', mac: '02:07:00:00:00:01', state: 'dynamic' });
  const { value } = await events.next();
  t.like(value, { type: 'aged', mac: '02:07:00:00:00:01', state: 'stale' });
  await close();
  t.deepEqual(await events.next(), { done: true, value: undefined });
});

test('links tell when they go up, go down and change; what is left behind by a loop is closed', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of endpoint.events('link', 'link-deleted')) {
      seen.push(event.type === 'link' ? `${event.device} ${event.up} ${event.mtu}` : `${event.type}`);
      if (event.type === 'link-deleted') break;
    }
  })();
  for (const line of ['add t0 type tap', 'set t0 up', 'set t0 mtu 1400', 'set t0 down', 'del t0'])
    await endpoint.run(`ip link ${line}`);
  await reading;
  t.deepEqual(seen, ['t0 false 1500', 't0 true 1500', 't0 true 1400', 't0 false 1400', 'link-deleted']);
  // Nobody listens any more: nothing is noted.
  await endpoint.run('ip link add t1 type tap');
  await endpoint.close();
});

test('a reader that throws ends its own loop, and no other', async (t) => {
  const { endpoint, learn, close } = await learning();
  const good: EndpointEvent[] = [];
  const reading = (async () => {
    for await (const event of endpoint.events('learned')) good.push(event);
  })();
  const bad = (async () => {
    for await (const event of endpoint.events('learned')) throw new Error(`read ${event.type}`);
  })();
  await learn(1);
  await t.throwsAsync(bad, { message: 'read learned' });
  await learn(5);
  await until(() => good.length === 6);
  await close();
  await reading;
  t.pass();
});

test('several who wait on one stream each get an event, and all of them its end', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined });
  const events = endpoint.events('link');
  const waiting = [events.next(), events.next(), events.next()];
  await endpoint.batch('ip link add t0 type tap\nip link add t1 type tap');
  await until(async () => (await endpoint.links()).length === 2);
  await endpoint.close();
  const results = await Promise.all(waiting);
  t.deepEqual(
    results.map(({ done, value }) => (done ? 'end' : value.type === 'link' && value.device)),
    ['t0', 't1', 'end'],
  );
});
