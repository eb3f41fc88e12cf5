import { Worker } from 'node:worker_threads';
import test from 'ava';
import { FineWallClock, SetClock, SYSTEM_CLOCK } from './clock.js';

/** Sets the wall clock of this process forth or back. */
function jump(t: { teardown(undo: () => void): void }, milliseconds: () => number): void {
  const { now } = Date;
  Date.now = () => now() + milliseconds();
  t.teardown(() => {
    Date.now = now;
  });
}

const DAY = 86_400_000;

test.serial('the steady clock does not notice that somebody sets the other one', (t) => {
  let by = 0;
  jump(t, () => by);
  const before = SYSTEM_CLOCK.steady();
  for (by of [DAY, -DAY]) {
    const passed = SYSTEM_CLOCK.steady() - before;
    t.true(passed >= 0 && passed < DAY / 2);
    t.true(Math.abs(SYSTEM_CLOCK.wall() - (performance.timeOrigin + performance.now() + by)) < DAY / 2);
  }
});

test.serial('a thread that begins later has the same steady clock', async (t) => {
  const module = JSON.stringify(new URL('./clock.js', import.meta.url).href);
  // By then its performance.now has just begun, and its timeOrigin is whatever the wall clock says.
  const worker = new Worker(
    `import(${module}).then(({ SYSTEM_CLOCK }) => require('node:worker_threads').parentPort.postMessage(SYSTEM_CLOCK.steady()))`,
    { eval: true },
  );
  const before = SYSTEM_CLOCK.steady();
  const there = await new Promise<number>((resolve) => worker.once('message', resolve));
  t.true(there >= before && there <= SYSTEM_CLOCK.steady());
});

test.serial('what people read follows the wall clock where it is set, and is finer than it', (t) => {
  let by = 0;
  jump(t, () => by);
  const clock = new FineWallClock();
  for (by of [0, DAY, -DAY, 0]) {
    t.true(Math.abs(clock.now() / 1000 - Date.now()) < 1000);
    const [one, two] = [clock.now(), clock.now()];
    t.true(two >= one);
  }
});

test('a clock that is set jumps for those who look at the wall alone', (t) => {
  const clock = new SetClock(1000.5);
  clock.jumped = DAY;
  t.deepEqual([clock.wall(), clock.steady()], [DAY + 1000, 1000.5]);
});
