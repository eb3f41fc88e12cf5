import { Worker } from 'node:worker_threads';
import test from 'ava';
import { ThreadWatch, threadId } from './thread-watch.js';

/** A watch does not keep the process going: whoever waits for one does. */
async function held<T>(promise: Promise<T>): Promise<T> {
  const keep = setInterval(() => {}, 1000);
  try {
    return await promise;
  } finally {
    clearInterval(keep);
  }
}

/** Resolves when a watch that looks every millisecond has had its turn so often: timers of one length fire in their order. */
async function rounds(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setTimeout(resolve, 1));
}

test('a thread that goes is told of, once', async (t) => {
  let isThere = true;
  let told = 0;
  const asked: string[] = [];
  const twoRounds = new Promise<void>((resolve) => {
    const watch = new ThreadWatch(
      '4711',
      () => {
        told++;
        void rounds(3).then(resolve);
      },
      (id) => {
        asked.push(id);
        if (asked.length === 3) isThere = false;
        return isThere;
      },
      1,
    );
    t.teardown(() => watch.stop());
  });
  await held(twoRounds);
  t.is(told, 1);
  t.deepEqual(asked, ['4711', '4711', '4711']);
});

test('a watch that is stopped tells nothing', async (t) => {
  const watch = new ThreadWatch(
    '4711',
    () => t.fail(),
    () => false,
    1,
  );
  watch.stop();
  await rounds(3);
  t.pass();
});

test('a thread is there until it ends', async (t) => {
  const main = threadId() ?? '';
  t.regex(main, /^\d+$/);
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     parentPort.postMessage(require('node:path').basename(require('node:fs').readlinkSync('/proc/thread-self')));
     parentPort.once('message', () => process.exit());`,
    { eval: true },
  );
  const id = await new Promise<string>((resolve) => worker.once('message', resolve));
  t.not(id, main);
  const gone = new Promise<void>((resolve) => {
    const watch = new ThreadWatch(id, resolve, undefined, 1);
    const other = new ThreadWatch(main, () => t.fail(), undefined, 1);
    t.teardown(() => {
      watch.stop();
      other.stop();
    });
  });
  worker.postMessage('end');
  await held(gone);
});
