// Functions that do what they should not: the endpoint survives, counts it, and says so.
import test from 'ava';
import { dropsOf, frame, until } from './endpoints.test.helper.js';
import { Endpoint, type FrameBatch, VtepError } from './index.js';

test('many times more frames than there are slots are kept, dropped, let pass and thrown over: none is lost to count', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined });
  t.teardown(() => endpoint.close());
  const unwanted = endpoint.reason('unwanted', 'a test did not want the frame');
  let kept = 0;
  let got = 0;
  let batches = 0;
  endpoint.action('abuse', (batch) => {
    if (++batches % 3 === 0) throw new Error('on purpose');
    for (let i = 0; i < batch.count; i++) {
      if (i % 4 === 0) {
        batch.keep(i);
        kept++;
      } else if (i % 4 === 1) batch.drop(i, unwanted);
      else if (i % 4 === 2) batch.pass(i);
    }
  });
  await endpoint.device('out0', {
    transmit: (batch) => {
      got += batch.count;
    },
  });
  const device = await endpoint.device('in0', {});
  await endpoint.batch([
    'tc qdisc add dev in0 ingress',
    'tc filter add dev in0 ingress protocol all pref 1 flower action abuse action mirred egress redirect dev out0',
  ]);
  const total = 20_000;
  t.is(device.sendAll(Array.from({ length: total }, (_, n) => frame(n & 0xff))), total);
  const counted = async (): Promise<Map<string, number>> =>
    new Map((await endpoint.drops()).map(({ reason, count }) => [reason, count]));
  await until(async () => [...(await counted()).values()].reduce((sum, count) => sum + count, kept + got) === total);
  const drops = await counted();
  t.deepEqual([...drops.keys()].sort(), ['action-failed', 'tap-pass', 'unwanted']);
  t.true([kept, got, ...drops.values()].every((count) => count > 1000));
});

test('a batch is over when its function has returned; frames that are not in it, and reasons of others, are refused', async (t) => {
  const logged: string[] = [];
  const endpoint = await Endpoint.open({ underlay: () => undefined, log: (line) => logged.push(line) });
  const other = await Endpoint.open({ underlay: () => undefined });
  t.teardown(() => Promise.all([endpoint.close(), other.close()]));
  const foreign = other.reason('foreign', 'of another endpoint');
  let last: FrameBatch | undefined;
  const said: string[] = [];
  const refused = (what: () => unknown): void => {
    said.push(t.throws(what, { instanceOf: VtepError, code: 'invalid' })?.message ?? '');
  };
  endpoint.action('look', (batch) => {
    last = batch;
    for (const i of [-1, 1, 0.5, Number.NaN]) refused(() => batch.bytes(i));
    refused(() => batch.drop(0, foreign));
    // And this one is not caught.
    batch.drop(0, foreign);
  });
  const device = await endpoint.device('in0');
  await endpoint.batch([
    'tc qdisc add dev in0 ingress',
    'tc filter add dev in0 ingress protocol all pref 1 flower action look',
  ]);
  for (let n = 1; n <= 2; n++) {
    device.send(frame(n));
    await until(async () => (await endpoint.drops()).some(({ count }) => count === n));
  }
  t.is(said.length, 10);
  refused(() => last?.bytes(0));
  t.like((await endpoint.drops())[0], { reason: 'action-failed', count: 2 });
  // Nobody reads events, and so the log tells of it, once.
  t.is(logged.length, 1);
  t.regex(
    logged[0] ?? '',
    /^action "look" has thrown: VtepError: a frame is dropped for a reason that endpoint\.reason\(\)/,
  );
});

test('a sender that throws, and a function that ends its own endpoint, harm nobody else', async (t) => {
  let calls = 0;
  const endpoint = await Endpoint.open({
    underlay: () => {
      calls++;
      throw new Error('sender broke');
    },
    batch: ['ip link add vxlan0 type vxlan id 4 dstport 4789 local 10.0.0.1 remote 10.0.0.2', 'ip link set vxlan0 up'],
  });
  const device = await endpoint.device('in0');
  await endpoint.batch([
    'tc qdisc add dev in0 ingress',
    'tc filter add dev in0 ingress protocol all pref 1 flower action mirred egress redirect dev vxlan0',
  ]);
  const errors = endpoint.events('error');
  for (let n = 1; n <= 2; n++) {
    device.send(frame(n));
    t.like((await errors.next()).value, { type: 'error', error: { message: 'sender broke' } });
  }
  t.is(calls, 2);
  endpoint.action('bye', () => void endpoint[Symbol.asyncDispose]());
  await endpoint.run('tc filter add dev in0 ingress protocol all pref 1 flower action bye').catch(() => undefined);
  await endpoint.run('tc filter replace dev in0 ingress protocol all pref 1 handle 1 flower action bye');
  device.send(frame(3));
  await until(() =>
    endpoint.links().then(
      () => false,
      () => true,
    ),
  );
  await endpoint.close();
  t.throws(() => device.send(frame(4)), { code: 'closed' });
});

test('what is of the wrong type is refused with a sentence, and changes nothing', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined });
  t.teardown(() => endpoint.close());
  const device = await endpoint.device('in0');
  // As programs call it that no compiler has looked at.
  const any = JSON.parse('{"number": 5, "text": "x", "nothing": null}');
  const refused = async (message: RegExp, what: () => unknown): Promise<void> => {
    await t.throwsAsync(async () => what(), { instanceOf: VtepError, code: 'invalid', message });
  };
  await refused(/lines are one string/, () => endpoint.batch(any.number));
  await refused(/lines are one string/, () => endpoint.batch([any.number]));
  await refused(/a frame is a Uint8Array/, () => device.send(any.text));
  await refused(/dropped under a reason/, () => device.drop(any.absent));
  await refused(/transmit: not a function/, () => endpoint.device('x0', { transmit: any.number }));
  await refused(/action "fine": not a function/, () => endpoint.action('fine', any.number));
  await refused(/there are no events "x"/, () => endpoint.events(any.text));
  await refused(/a packet is a Uint8Array/, () => endpoint.deliver(any.text));
  await refused(/a sentence says/, () => endpoint.reason('fine', any.number));
  await refused(/options are an object/, () => Endpoint.open(any.nothing));
  await refused(/log: not a function/, () => Endpoint.open({ log: any.text }));
  await refused(/control: neither/, () => Endpoint.open({ control: any.number }));
  t.deepEqual(
    (await endpoint.links()).map(({ name }) => name),
    ['in0'],
  );
  t.deepEqual(await endpoint.drops(), []);
});

test('packets that are delivered faster than they come in find a full queue, and are counted', async (t) => {
  const endpoint = await Endpoint.open({
    underlay: () => undefined,
    queueBytes: 65_536,
    batch: ['ip link add vxlan0 type vxlan external dstport 4789 local 10.0.0.2', 'ip link set vxlan0 up'],
  });
  t.teardown(() => endpoint.close());
  const packets: Uint8Array[] = [];
  const sender = await Endpoint.open({
    underlay: (sent) => void packets.push(...sent),
    batch: ['ip link add vxlan0 type vxlan id 4 dstport 4789 local 10.0.0.1 remote 10.0.0.2', 'ip link set vxlan0 up'],
  });
  t.teardown(() => sender.close());
  (await sender.device('vxlan0')).send(frame(1));
  await until(() => packets.length === 1);
  const [packet = new Uint8Array(0)] = packets;
  let taken = 0;
  for (let n = 0; n < 1000; n++) if (endpoint.deliver(packet)) taken++;
  t.true(taken > 100 && taken < 500, `${taken}`);
  await until(async () => (await endpoint.drops()).some(({ reason }) => reason === 'process-unread'));
  t.deepEqual(await dropsOf(endpoint), { unmatched: taken, 'process-unread': taken, 'socket-overflow': 1000 - taken });
  t.true(endpoint.deliver(packet));
  t.false(endpoint.deliver(packet.subarray(0, 10)));
});
