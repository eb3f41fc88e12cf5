// Mistakes of functions: each costs its own batch, is told by name, and neither ends the process nor harms the datapath.
import test, { type ExecutionContext } from 'ava';
import { dropsOf, frame, until } from './endpoints.test.helper.js';
import {
  type ActionBatch,
  type ActionFunction,
  type Device,
  Endpoint,
  type EndpointEvent,
  type EndpointOptions,
  VtepError,
} from './index.js';

interface Rig {
  readonly endpoint: Endpoint;
  readonly input: Device;
  /** What has left by out0. */
  readonly got: Uint8Array[];
}

/** What in0 is given meets the action, and then leaves by out0. */
async function rig(run: ActionFunction | undefined, options: EndpointOptions = {}): Promise<Rig> {
  const endpoint = await Endpoint.open({ underlay: () => undefined, ...options });
  const got: Uint8Array[] = [];
  await endpoint.device('out0', {
    transmit: (batch) => {
      for (let i = 0; i < batch.count; i++) got.push(batch.copy(i));
    },
  });
  const input = await endpoint.device('in0');
  if (run) endpoint.action('mine', run);
  await endpoint.batch([
    'tc qdisc add dev in0 ingress',
    `tc filter add dev in0 ingress protocol all pref 1 flower ${run ? 'action mine ' : ''}action mirred egress redirect dev out0`,
  ]);
  return { endpoint, input, got };
}

/** The event is of an error: of this source, with this message. */
function isError(t: ExecutionContext, event: EndpointEvent | undefined, source: string, message: RegExp): void {
  if (event?.type !== 'error') {
    t.fail(`an event ${event?.type}`);
    return;
  }
  t.is(event.source, source);
  t.regex(event.error instanceof Error ? event.error.message : '', message);
}

const thrown: readonly (readonly [what: string, run: ActionFunction, message: RegExp])[] = [
  [
    'an error',
    () => {
      throw new Error('on purpose');
    },
    /^action "mine" has thrown: Error: on purpose/,
  ],
  [
    'nothing',
    () => {
      throw undefined;
    },
    /^action "mine" has thrown: undefined$/,
  ],
  [
    'a symbol',
    () => {
      throw Symbol('odd');
    },
    /^action "mine" has thrown: Symbol\(odd\)$/,
  ],
  [
    'what cannot be made text',
    () => {
      throw Object.create(null);
    },
    /^action "mine" has thrown: something that cannot be made text$/,
  ],
  [
    'a promise, returned',
    async () => undefined,
    /^action "mine" has thrown: VtepError: the function returned a promise/,
  ],
  ['bytes beyond the frame', (batch) => batch.writable(0)?.set(new Uint8Array(100)), /has thrown: RangeError/],
  [
    'a frame that is not in the batch',
    (batch) => batch.drop(1, { name: 'x', sentence: 'y' }),
    /frame 1 of a batch of 1/,
  ],
];

for (const [what, run, message] of thrown) {
  test(`an action that throws costs its batch and is named in the log, and the next frame goes on: ${what}`, async (t) => {
    const logged: string[] = [];
    let isGood = false;
    const { endpoint, input, got } = await rig((batch) => (isGood ? undefined : run(batch)), {
      log: (line) => logged.push(line),
    });
    t.teardown(() => endpoint.close());
    input.send(frame(1));
    await until(() => logged.length > 0);
    t.regex(logged[0] ?? '', message);
    t.deepEqual(await dropsOf(endpoint), { 'action-failed': 1 });
    isGood = true;
    input.send(frame(2));
    await until(() => got.length > 0);
    t.deepEqual(got, [frame(2)]);
  });
}

test('what an async function comes to later is told as its error, and does not end the process', async (t) => {
  const { endpoint, input } = await rig(async (batch) => {
    await undefined;
    batch.bytes(0);
  });
  t.teardown(() => endpoint.close());
  const out = await endpoint.device('late0', {
    transmit: async () => {
      throw new Error('rejected');
    },
  });
  await endpoint.batch([
    'tc qdisc add dev late0 ingress',
    'tc filter add dev late0 ingress protocol all pref 1 flower action mirred egress redirect dev late0',
  ]);
  const events = endpoint.events('error');
  const next = async (): Promise<EndpointEvent | undefined> => (await events.next()).value;
  input.send(frame(1));
  isError(t, await next(), 'action "mine"', /^the function returned a promise/);
  isError(t, await next(), 'action "mine"', /^a batch is over when its function has returned$/);
  out.send(frame(1));
  isError(t, await next(), 'device "late0"', /^the function returned a promise/);
  isError(t, await next(), 'device "late0"', /^rejected$/);
  t.deepEqual(await dropsOf(endpoint), { 'action-failed': 2 });
});

test('a sender of packets may be async; where it rejects, an event tells of it', async (t) => {
  const endpoint = await Endpoint.open({
    underlay: async (packets) => {
      await undefined;
      throw new Error(`${packets.length} not sent`);
    },
    batch: ['ip link add vxlan0 type vxlan id 4 dstport 4789 local 10.0.0.1 remote 10.0.0.2', 'ip link set vxlan0 up'],
  });
  t.teardown(() => endpoint.close());
  const events = endpoint.events('error');
  (await endpoint.device('vxlan0')).send(frame(1));
  isError(t, (await events.next()).value, 'underlay', /^1 not sent$/);
});

test('a log that throws, or rejects, is not listened to, and nothing else is harmed', async (t) => {
  for (const log of [
    () => {
      throw new Error('no paper');
    },
    async () => {
      throw new Error('no paper');
    },
  ]) {
    const { endpoint, input, got } = await rig(
      (batch) => {
        if (batch.bytes(0).at(-1) === 1) throw new Error('on purpose');
      },
      { log },
    );
    input.send(frame(1));
    await until(async () => (await dropsOf(endpoint))['action-failed'] === 1);
    input.send(frame(2));
    await until(() => got.length === 1);
    await endpoint.close();
  }
  t.pass();
});

/** Called from within an action, in the middle of a batch. */
const within: readonly (readonly [what: string, run: (rig: Rig) => unknown, arrive: number])[] = [
  ['its filter is deleted', ({ endpoint }) => endpoint.run('tc filter del dev in0 ingress'), 3],
  ['the device it came from is deleted', ({ endpoint }) => endpoint.run('ip link del in0'), 3],
  ['its device is closed', ({ input }) => input.close(), 3],
  ['a batch of lines is refused', ({ endpoint }) => endpoint.batch('ip link add out0 type tap').catch(() => 0), 3],
  ['a device is made', ({ endpoint }) => endpoint.device(`more${Math.random()}`.slice(0, 12)), 3],
  ['frames are sent on another device', ({ endpoint }) => endpoint.device('out0').catch(() => 0), 3],
  ['everything is read', ({ endpoint }) => Promise.all([endpoint.links(), endpoint.drops(), endpoint.fdb()]), 3],
  ['events are listened to', ({ endpoint }) => endpoint.events().return(), 3],
  ['an action is added', ({ endpoint }) => endpoint.action('another', () => undefined).close(), 3],
  ['an event stream is waited for, and the endpoint closed', ({ endpoint }) => endpoint.close(), 3],
];

for (const [what, run, arrive] of within) {
  test(`from within an action everything may be called, and takes effect behind the batch: ${what}`, async (t) => {
    let called: Promise<unknown> | undefined;
    const made: Rig = await rig((batch) => {
      called ??= Promise.resolve(run(made));
      for (let i = 0; i < batch.count; i++) t.is(batch.bytes(i).length, frame(0).length);
    });
    t.teardown(() => made.endpoint.close());
    made.input.sendAll([frame(1), frame(2), frame(3)]);
    await until(() => called !== undefined && made.got.length === arrive);
    await called;
    t.deepEqual(made.got, [frame(1), frame(2), frame(3)]);
  });
}

test('a device may send on itself from within its own function, without end, and others have their turn', async (t) => {
  const endpoint = await Endpoint.open({ underlay: () => undefined });
  t.teardown(() => endpoint.close());
  let rounds = 0;
  const loop = await endpoint.device('loop0', {
    transmit: (batch, self) => {
      rounds += batch.count;
      for (let i = 0; i < batch.count; i++) self.send(batch.bytes(i));
    },
  });
  await endpoint.batch([
    'tc qdisc add dev loop0 ingress',
    'tc filter add dev loop0 ingress protocol all pref 1 flower action mirred egress redirect dev loop0',
  ]);
  loop.send(frame(1));
  await until(() => rounds > 100);
  await endpoint.run('tc filter del dev loop0 ingress');
  await until(async () => (await dropsOf(endpoint))['tap-unmatched'] === 1);
  t.pass();
});

const checks: readonly (readonly [what: string, run: (batch: ActionBatch) => void, message: RegExp])[] = [
  [
    'a frame',
    (batch) => batch.bytes(0).fill(0),
    /frame 0 was changed where it is borrowed: of an action, writable\(0\)/,
  ],
  ['a frame, by memory', (batch) => batch.memory.fill(0, batch.offset(0), batch.offset(0) + 6), /frame 0 was changed/],
  [
    'what is behind a frame',
    (batch) => {
      batch.memory[batch.offset(0) + batch.length(0)] = 0;
    },
    /memory was written to at \d+, where no frame of the batch stands/,
  ],
  ['memory as a whole', (batch) => batch.memory.fill(1), /memory was written to at 0, where no frame/],
];

for (const [what, run, message] of checks) {
  test(`with \`checked\`, writing where there is no right to is an error, and reaches nobody: ${what}`, async (t) => {
    const { endpoint, input, got } = await rig((batch) => run(batch), { checked: true });
    t.teardown(() => endpoint.close());
    const events = endpoint.events('error');
    input.send(frame(1));
    const { value } = await events.next();
    isError(t, value, 'action "mine"', message);
    t.deepEqual(await dropsOf(endpoint), { 'action-failed': 1 });
    t.is(got.length, 0);
  });
}

test('with `checked`, what a function keeps is taken away, of an action as of a device', async (t) => {
  const views: Uint8Array[] = [];
  const batches: ActionBatch[] = [];
  const { endpoint, input, got } = await rig(
    (batch) => {
      views.push(batch.bytes(0), batch.memory);
      batches.push(batch);
    },
    { checked: true },
  );
  t.teardown(() => endpoint.close());
  const device = await endpoint.device('keep0', { transmit: (batch) => void views.push(batch.bytes(0)) });
  input.send(frame(1));
  await until(() => got.length === 1);
  await endpoint.batch([
    'tc qdisc add dev keep0 ingress',
    'tc filter add dev keep0 ingress protocol all pref 1 flower action mirred egress redirect dev keep0',
  ]);
  device.send(frame(2));
  await until(() => views.length === 3);
  for (const view of views) {
    t.is(view.length, 0);
    t.throws(() => view.slice(), { instanceOf: TypeError, message: /detached/ });
  }
  t.throws(() => batches[0]?.bytes(0), { instanceOf: VtepError, message: /a batch is over/ });
});

test('with `checked`, a function that keeps to the rules does as without', async (t) => {
  const both = await Promise.all(
    [false, true].map(async (checked) => {
      const kept: Uint8Array[] = [];
      const { endpoint, input, got } = await rig(
        (batch) => {
          for (let i = 0; i < batch.count; i++) {
            const n = batch.bytes(i).at(-1) ?? 0;
            if (n % 5 === 0) batch.writable(i)?.fill(n, 0, 6);
            if (n % 5 === 1) batch.drop(i, unwanted);
            if (n % 5 === 2) batch.pass(i);
            if (n % 5 === 3) {
              batch.writable(i)?.fill(0xff, 0, 6);
              kept.push(batch.keep(i));
            }
            t.deepEqual([batch.device(i), batch.hook(i), batch.vni(i), batch.segments(i)], ['in0', 'ingress', -1, 1]);
            t.is(batch.tunnel(i), undefined);
          }
        },
        { checked },
      );
      const unwanted = endpoint.reason('unwanted', 'a test did not want the frame');
      input.sendAll(Array.from({ length: 50 }, (_, n) => frame(n)));
      await until(() => got.length === 20 && kept.length === 10);
      const drops = await dropsOf(endpoint);
      await endpoint.close();
      return { got, kept, drops };
    }),
  );
  t.deepEqual(both[1], both[0]);
  t.deepEqual(both[1]?.drops, { unwanted: 10, 'tap-pass': 10 });
});

test('a closed action drops what meets it, and its first handle does not close what is added under its name later', async (t) => {
  const { endpoint, input, got } = await rig(undefined);
  t.teardown(() => endpoint.close());
  const first = endpoint.action('mine', () => undefined);
  await endpoint.run(
    'tc filter replace dev in0 ingress protocol all pref 1 handle 1 flower action mine action mirred egress redirect dev out0',
  );
  first.close();
  input.send(frame(1));
  await until(async () => (await dropsOf(endpoint))['action-failed'] === 1);
  endpoint.action('mine', () => undefined);
  first.close();
  input.send(frame(2));
  await until(() => got.length === 1);
  t.deepEqual(await dropsOf(endpoint), { 'action-failed': 1 });
});
