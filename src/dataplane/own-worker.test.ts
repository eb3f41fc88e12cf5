// The worker on the caller's own thread: driven by the event loop, which it leaves its turn to.
import test from 'ava';
import { DeviceKind } from '../devices/device-table.js';
import { FakePort } from '../io/fake/fake-port.js';
import { REASON } from '../memory/reasons.js';
import { buildFrame } from '../offload/test-frames.js';
import { Datapath } from './datapath.js';
import { TAP0 } from './harness.test.helper.js';
import { OwnWorker } from './own-worker.js';
import { rules } from './worker-rules.test.helper.js';

interface Rig {
  readonly datapath: Datapath;
  readonly own: OwnWorker;
  readonly port: FakePort;
}

/** A datapath of one worker on this thread, with a TAP of which a FakePort is the other side. */
async function begin(turned: () => void = () => undefined, newPort?: (rig: OwnWorker) => FakePort): Promise<Rig> {
  let own: OwnWorker | undefined;
  const datapath = await Datapath.start({
    coalesce: true,
    newWorker: (start, owner) => {
      own = new OwnWorker(start, owner, { turned }, 0);
      return own;
    },
  });
  if (!own) throw new Error('no worker was made');
  const port = newPort?.(own) ?? new FakePort(own.worker.arena);
  datapath.devices.add(TAP0, DeviceKind.TAP, 100 + TAP0);
  datapath.devices.setUp(TAP0, true);
  own.worker.engine.setPort(TAP0, port, 0);
  return { datapath, own, port };
}

const frame = { bytes: buildFrame({ payload: new Uint8Array(100) }) };
const turns = (count: number): Promise<void> =>
  new Promise((resolve) => {
    const turn = (left: number): void => {
      if (left === 0) resolve();
      else setImmediate(turn, left - 1);
    };
    turn(count);
  });

async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!what()) {
    if (Date.now() > end) throw new Error('it did not come to that in time');
    await turns(1);
  }
}

test('frames of a port that no descriptor tells of come in when it is said that they wait', async (t) => {
  let turned = 0;
  const { datapath, own, port } = await begin(() => turned++);
  const seen = (): number => datapath.counters.reasonValue(TAP0, REASON['tap-unmatched']);
  port.incoming.push(frame, frame, frame);
  await turns(20);
  t.deepEqual([seen(), turned], [0, 0]);
  own.portReady(TAP0);
  await until(() => seen() === 3);
  t.is(turned, 1);
  await datapath.stop();
});

/** A port that has frames without end. */
class Endless extends FakePort {
  override read(...words: Parameters<FakePort['read']>): number {
    while (this.incoming.length < 64) this.incoming.push(frame);
    return super.read(...words);
  }
}

test('however much there is to do, timers and other work have their turn, and an end comes at once', async (t) => {
  const { datapath, own } = await begin(undefined, (worker) => new Endless(worker.worker.arena));
  own.portReady(TAP0);
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setTimeout(resolve, 1));
  await turns(5);
  const seen = datapath.counters.reasonValue(TAP0, REASON['tap-unmatched']);
  t.true(seen > 1000, `${seen}`);
  await datapath.stop();
  const end = datapath.counters.reasonValue(TAP0, REASON['tap-unmatched']);
  await turns(10);
  t.is(datapath.counters.reasonValue(TAP0, REASON['tap-unmatched']), end);
});

test('an error in a turn is the end of the worker: it is told once, and what is asked of it later is refused', async (t) => {
  const { datapath, own, port } = await begin(() => {
    throw new Error('the listener broke');
  });
  const told: string[] = [];
  datapath.on('failed', ({ message }) => told.push(message));
  port.incoming.push(frame);
  own.portReady(TAP0);
  await until(() => told.length > 0);
  t.false(own.turns);
  own.portReady(TAP0);
  await turns(10);
  t.deepEqual(told, ['the listener broke']);
  await t.throwsAsync(datapath.apply(rules()), { message: 'the datapath has ended' });
  await datapath.stop();
  await datapath.stop();
});

test('what is refused is refused to whoever has asked, and the worker goes on', async (t) => {
  const { datapath, own, port } = await begin();
  await t.throwsAsync(
    datapath.apply({
      type: 'underlay-open',
      underlay: 0,
      parts: [
        {
          kind: 'own',
          make: () => {
            throw new Error('no such underlay');
          },
        },
      ],
      owner: TAP0,
    }),
    { message: /no such underlay/ },
  );
  port.incoming.push(frame);
  own.portReady(TAP0);
  await until(() => datapath.counters.reasonValue(TAP0, REASON['tap-unmatched']) === 1);
  t.true(own.turns);
  await datapath.stop();
});

test('workers that begin and end one after the other, faster than the pool looks, wait on one thread together', async (t) => {
  const before = process.listenerCount('exit');
  for (let n = 0; n < 30; n++) {
    const { datapath, own, port } = await begin();
    port.incoming.push(frame);
    own.portReady(TAP0);
    await until(() => datapath.counters.reasonValue(TAP0, REASON['tap-unmatched']) === 1);
    await datapath.stop();
    t.true(process.listenerCount('exit') <= before + 1);
  }
});
