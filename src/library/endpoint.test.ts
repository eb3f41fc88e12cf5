import test from 'ava';
import { frame, pair, side, until } from './endpoints.test.helper.js';
import { Endpoint, type EndpointEvent, type EndpointOptions, Holding, VtepError } from './index.js';

test('frames go from one endpoint to another over UDP sockets, and come out as they went in', async (t) => {
  const a = await Endpoint.open({ batch: side(24_789, 24_790) });
  const b = await Endpoint.open({ batch: side(24_790, 24_789) });
  t.teardown(() => Promise.all([a.close(), b.close()]));
  const got: Uint8Array[] = [];
  await b.device('tap0', {
    transmit(batch) {
      for (let i = 0; i < batch.count; i++) {
        t.deepEqual(batch.bytes(i), batch.memory.subarray(batch.offset(i), batch.offset(i) + batch.length(i)));
        got.push(batch.copy(i));
      }
    },
  });
  const tap = await a.device('tap0', {});
  const sent = Array.from({ length: 100 }, (_, n) => frame(n));
  t.is(tap.sendAll(sent), 100);
  await until(() => got.length === 100);
  t.deepEqual(got, sent);
  const [filter] = await b.filters('vxlan0');
  t.like(filter, { protocol: 'all', pref: 1, chain: 0, handle: 1, keys: { enc_key_id: 4 } });
  t.is(filter?.actions[0]?.stats?.packets, 100);
  const [link] = (await a.links()).filter(({ name }) => name === 'vxlan0');
  t.like(link, { kind: 'vxlan', up: true, mtu: 1500, sent: { packets: 100, errors: 0, dropped: 0 } });
  t.like((await b.workers())[0], { receivedDatagrams: 100, framesWritten: 100 });
  t.deepEqual(await a.drops(), []);
  t.regex(await b.run('tc -s filter show dev vxlan0 ingress'), /Sent \d+ bytes 100 pkt/);
});

test('a custom action sees metadata, rewrites, drops under reasons of its own, and takes frames over', async (t) => {
  const [a, b] = await pair();
  t.teardown(() => Promise.all([a.close(), b.close()]));
  const unwanted = b.reason('unwanted', 'a test did not want the frame');
  const kept: Uint8Array[] = [];
  let batches = 0;
  b.action('looked-at', (batch) => {
    batches++;
    for (let i = 0; i < batch.count; i++) {
      t.is(batch.vni(i), 4);
      t.like(batch.tunnel(i), { vni: 4, source: '127.0.0.1', destination: '127.0.0.1', destinationPort: 4790 });
      t.deepEqual([batch.device(i), batch.hook(i), batch.segments(i)], ['vxlan0', 'ingress', 1]);
      const n = batch.bytes(i).at(-1) ?? 0;
      if (n % 4 === 1) batch.drop(i, unwanted);
      else if (n % 4 === 2) kept.push(batch.keep(i));
      else if (n % 4 === 3) batch.writable(i)?.fill(0xee, 0, 6);
    }
  });
  await a.batch(side(4789, 4790));
  await b.batch(side(4790, 4789, 'action looked-at'));
  const got: Uint8Array[] = [];
  await b.device('tap0', {
    transmit: (batch) => {
      for (let i = 0; i < batch.count; i++) got.push(batch.copy(i));
    },
  });
  const tap = await a.device('tap0', {});
  for (let n = 0; n < 40; n++) tap.send(frame(n));
  await until(() => got.length === 20 && kept.length === 10);
  t.true(batches < 40, `${batches} batches`);
  t.deepEqual(
    got.map((bytes) => bytes[0] === 0xee),
    Array.from({ length: 20 }, (_, n) => n % 2 === 1),
  );
  t.deepEqual(kept[0], frame(2));
  t.deepEqual(await b.drops(), [
    { device: 'vxlan0', reason: 'unwanted', verdict: 'drop', count: 10, sentence: 'a test did not want the frame' },
  ]);
  t.is((await b.filters('vxlan0'))[0]?.actions[0]?.stats?.drops, 10);
  t.regex(await b.run('tc filter show dev vxlan0 ingress'), /action order 1: looked-at pipe/);
});

const controls: readonly (readonly [actions: string, reason: string | undefined, calls: number])[] = [
  ['tally drop', 'action-drop', 1],
  ['tally pass', 'tap-pass', 1],
  ['tally continue', 'tap-unmatched', 1],
  ['tally jump 2 action drop action mirred egress redirect dev out0', undefined, 1],
  ['tally action tally action mirred egress redirect dev out0', undefined, 2],
  // What jumps back without end is let go, as the kernel does after so many jumps.
  ['gact pipe action tally jump 1', 'tap-pass', 32],
];

for (const [actions, reason, calls] of controls) {
  test(`behind its function a custom action does as its control says: ${actions}`, async (t) => {
    const endpoint = await Endpoint.open({ underlay: () => undefined });
    t.teardown(() => endpoint.close());
    let called = 0;
    let got = 0;
    endpoint.action('tally', (batch) => {
      called += batch.count;
    });
    await endpoint.device('out0', {
      transmit: (batch) => {
        got += batch.count;
      },
    });
    const device = await endpoint.device('in0', {});
    await endpoint.batch([
      'tc qdisc add dev in0 ingress',
      `tc filter add dev in0 ingress protocol all pref 1 flower action ${actions}`,
    ]);
    device.send(frame(1));
    await until(async () => got === 1 || (await endpoint.drops()).length > 0);
    t.deepEqual(
      (await endpoint.drops()).map((drop) => drop.reason),
      reason === undefined ? [] : [reason],
    );
    t.is(called, calls);
  });
}

test('a function that throws costs the frames of its batch, which are counted, and an event tells why', async (t) => {
  const [a, b] = await pair();
  t.teardown(() => Promise.all([a.close(), b.close()]));
  b.action('throws', () => {
    throw new Error('on purpose');
  });
  await a.batch(side(4789, 4790));
  await b.batch(side(4790, 4789, 'action throws'));
  const events = b.events('error');
  (await a.device('tap0', {})).send(frame(1));
  const { value } = await events.next();
  t.like(value, { type: 'error', error: { message: 'on purpose' } });
  t.like((await b.drops())[0], { device: 'vxlan0', reason: 'action-failed', count: 1 });
  await b.run(
    'tc filter replace dev vxlan0 ingress protocol all pref 1 handle 1 flower enc_key_id 4 action tunnel_key unset action mirred egress redirect dev tap0',
  );
  await b.device('tap0', {
    transmit: () => {
      throw new Error('again');
    },
  });
  (await a.device('lone0', {})).close();
  const tap = await a.device('other0', {});
  t.true(tap.send(frame(1)));
  await until(async () =>
    (await a.drops()).some(({ device, reason }) => device === 'other0' && reason === 'tap-unmatched'),
  );
});

test('a batch is carried out as a whole or not at all, and an error has the line and the text of the tool', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined, batch: side(4789, 4790) });
  t.teardown(() => endpoint.close());
  const before = await endpoint.run('tc filter show dev tap0 ingress');
  const refused = async (lines: string[], message: RegExp, lineNumber: number): Promise<void> => {
    const error = await t.throwsAsync(endpoint.batch(lines), { instanceOf: VtepError, message });
    t.like(error, { code: 'refused', lineNumber, line: lines[lineNumber - 1] });
  };
  const good = 'tc filter add dev tap0 ingress protocol ip pref 5 flower action drop';
  await refused([good, 'tc filter add dev tap9 ingress flower action drop'], /^Cannot find device "tap9"/, 2);
  await refused([good, 'ip addr add 10.0.0.1/24 dev tap0'], /is about the host, and this endpoint has none/, 2);
  await refused([good, 'ip link set tap9 up'], /^Cannot find device "tap9"/, 2);
  await refused([good, 'tc filter add dev tap0 ingress pref 6 flower action nosuch'], /^Bad action type nosuch/, 2);
  const port = [
    'ip link add vxlan9 type vxlan external dstport 99999',
    'tc qdisc add dev vxlan9 ingress',
    'ip link set vxlan9 up',
  ];
  await refused(port, /argument "99999" is wrong/, 1);
  t.is(await endpoint.run('tc filter show dev tap0 ingress'), before);
  await t.throwsAsync(endpoint.filters('tap9'), { instanceOf: VtepError, message: 'there is no device "tap9"' });
  await t.throwsAsync(endpoint.run('ip link add tap0 type tap'), { message: 'RTNETLINK answers: File exists' });
});

test("an action is its endpoint's: others refuse filters with it", async (t) => {
  const [a, b] = await pair({ batch: side(4789, 4790) });
  t.teardown(() => Promise.all([a.close(), b.close()]));
  const mine = a.action('mine', () => undefined);
  const line = 'tc filter add dev tap0 ingress protocol ip pref 5 flower action mine';
  await a.batch(line);
  await t.throwsAsync(b.batch(line), { message: /action "mine" is not one of this endpoint's/ });
  t.throws(() => a.action('mine', () => undefined), { message: 'there is an action "mine" already' });
  for (const name of ['drop', 'mirred', 'nat', 'A', 'index', 're'])
    t.throws(() => a.action(name, () => undefined), { instanceOf: VtepError });
  mine.close();
  mine.close();
  await t.throwsAsync(a.batch(line.replace('pref 5', 'pref 6')), { message: /^Bad action type mine/ });
});

test('what a device of the process cannot take in is counted: a full queue, frames too short or too long', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined, queueBytes: 65_536 });
  t.teardown(() => endpoint.close());
  const device = await endpoint.device('dev0', {});
  let taken = 0;
  while (device.send(new Uint8Array(1000))) taken++;
  t.true(taken > 50 && taken < 66, `${taken}`);
  await until(() => device.send(new Uint8Array(13)));
  const drops = new Map<string, number>();
  await until(async () => {
    for (const { reason, count } of await endpoint.drops()) drops.set(reason, count);
    return drops.has('tap-read-short');
  });
  t.true((drops.get('process-full') ?? 0) >= 1);
  t.is(drops.get('tap-unmatched'), taken);
});

test('what leaves by a device without a function is counted as unread', async (t) => {
  const [a, b] = await pair();
  t.teardown(() => Promise.all([a.close(), b.close()]));
  await a.batch(side(4789, 4790));
  await b.batch(side(4790, 4789));
  (await a.device('tap0', {})).send(frame(1));
  await until(async () =>
    (await b.drops()).some(({ device, reason }) => device === 'tap0' && reason === 'process-unread'),
  );
  await t.throwsAsync(a.device('tap0', {}), { message: 'device "tap0" has functions already' });
});

test('events tell of links, of what is learned and of what is dropped', async (t) => {
  const rules = (port: number): string => `
ip link add vxlan0 type vxlan id 7 dstport ${port} local 10.0.0.${port === 4789 ? 1 : 2} remote 10.0.0.${port === 4789 ? 2 : 1}
ip link set vxlan0 up`;
  const [a, b] = await pair();
  t.teardown(() => Promise.all([a.close(), b.close()]));
  const seen: EndpointEvent[] = [];
  const events = b.events('link', 'learned', 'dropped', 'link-deleted');
  const done = (async () => {
    for await (const event of events) seen.push(event);
  })();
  await a.batch(rules(4789));
  await b.batch(rules(4789).replace('local 10.0.0.1 remote 10.0.0.2', 'local 10.0.0.2 remote 10.0.0.1'));
  (await a.device('vxlan0', {})).send(frame(1));
  await until(() => seen.some(({ type }) => type === 'learned') && seen.some(({ type }) => type === 'dropped'));
  t.like(
    seen.find(({ type }) => type === 'link'),
    { device: 'vxlan0' },
  );
  t.like(
    seen.find(({ type }) => type === 'learned'),
    { device: 'vxlan0', peer: '10.0.0.1', state: 'dynamic' },
  );
  t.like(
    seen.find(({ type }) => type === 'dropped'),
    { device: 'vxlan0', reason: 'process-unread', count: 1 },
  );
  t.like(
    (await b.fdb('vxlan0')).find(({ mac }) => mac !== '00:00:00:00:00:00'),
    { peer: '10.0.0.1' },
  );
  await b.run('ip link del vxlan0');
  await until(() => seen.some(({ type }) => type === 'link-deleted'));
  events.close();
  await done;
});

test.serial(
  'held frames come in later, in the order in which they are due, and never more than there is room for',
  async (t) => {
    const endpoint = await Endpoint.open({ underlay: () => undefined });
    t.teardown(() => endpoint.close());
    const got: number[] = [];
    const out = await endpoint.device('out0', {
      transmit: (batch) => {
        for (let i = 0; i < batch.count; i++) got.push(batch.bytes(i).at(-1) ?? 0);
      },
    });
    const device = await endpoint.device('held0', {});
    const full = endpoint.reason('held-full', 'a test held too many');
    await endpoint.batch([
      'tc qdisc add dev held0 ingress',
      'tc filter add dev held0 ingress protocol all pref 1 flower action mirred egress redirect dev out0',
    ]);
    const holding = new Holding(device, { most: 4, full });
    // All at one moment, however long the machine takes.
    const { now } = performance;
    const moment = performance.now();
    performance.now = () => moment;
    t.deepEqual(
      [30, 10, 20, 10, 5].map((milliseconds, n) => holding.hold(frame(n), milliseconds)),
      [true, true, true, true, false],
    );
    performance.now = now;
    await until(() => got.length === 4);
    t.deepEqual(got, [1, 3, 2, 0]);
    t.is(holding.size, 0);
    holding.hold(frame(9), 60_000);
    holding.close();
    holding.close();
    t.like(
      (await endpoint.drops()).find(({ reason }) => reason === 'held-full'),
      { device: 'held0', count: 2 },
    );
    await endpoint.run('ip link del held0');
    t.throws(() => device.send(frame(1)), { instanceOf: VtepError, message: 'device "held0" is closed' });
    await out.close();
    await out.close();
    t.throws(() => out.send(frame(1)), { instanceOf: VtepError, message: 'device "out0" is closed' });
  },
);

test('an endpoint gives everything back, twice as well as once, and says that it is closed', async (t) => {
  for (let n = 0; n < 5; n++) {
    const endpoint = await Endpoint.open({ batch: side(24_791, 24_792) });
    await endpoint[Symbol.asyncDispose]();
    await endpoint.close();
    await t.throwsAsync(endpoint.batch('ip link add tap1 type tap'), {
      instanceOf: VtepError,
      message: 'the endpoint is closed',
    });
    await t.throwsAsync(endpoint.links(), { code: 'closed' });
  }
});

test('options and names that cannot be are refused before anything is begun', async (t) => {
  const wrong: readonly (readonly [options: Record<string, unknown>, message: RegExp])[] = [
    [{ device: 'host' }, /there is no option "device"/],
    [{ devices: 'tap' }, /neither "process" nor "host"/],
    [{ workers: 2 }, /devices of the process need its own thread/],
    [{ workers: -1 }, /workers: -1/],
    [{ underlay: 'tcp' }, /neither "udp" nor a function/],
    [{ queueBytes: 100 }, /queueBytes: 100/],
    [{ seed: 0 }, /seed: 0/],
    [{ batch: 'ip link add vxlan0 type vxlan id 99999999' }, /invalid id/],
    [{ batch: 'ip link add "x' }, /./],
  ];
  for (const [options, message] of wrong)
    await t.throwsAsync(Endpoint.open(options as EndpointOptions), { instanceOf: VtepError, message });
  const endpoint = await Endpoint.open({ underlay: () => undefined });
  t.throws(() => endpoint.reason('unmatched', 'x'), { message: 'there is a reason "unmatched" already' });
  t.throws(() => endpoint.reason('No', 'x'), { instanceOf: VtepError });
  t.throws(() => endpoint.reason('no-sentence', ' '), { instanceOf: VtepError });
  await t.throwsAsync(endpoint.device('a name', {}), { code: 'invalid' });
  await endpoint.close();
});
