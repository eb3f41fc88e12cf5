import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { SharedLock } from './shared-lock.js';

interface Holder {
  readonly worker: Worker;
  readonly ended: Promise<unknown>;
}

/** A thread that holds the lock, and what it is told (shared-lock.test.helper.ts). */
async function holder(words: Int32Array, writes: boolean, holds: number): Promise<Holder> {
  const worker = new Worker(new URL('./shared-lock.test.helper.js', import.meta.url), {
    workerData: { words, writes, holds },
  });
  const ended = once(worker, 'exit');
  await once(worker, 'message');
  return { worker, ended };
}

const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(64));

for (const writes of [false, true]) {
  test(`a thread that ends with the lock, ${writes ? 'writing' : 'reading'}, keeps nobody waiting`, async (t) => {
    const words = shared();
    const thread = await holder(words, writes, -1);
    const lock = new SharedLock(words, 0);
    t.is(lock.sequence % 2, writes ? 1 : 0);
    await thread.worker.terminate();
    lock.exclude();
    t.is(lock.isTorn, writes);
    t.is(lock.sequence % 2, 0, 'readers need not wait');
    lock.write();
    lock.written();
    lock.admit();
    t.is(words[0], 0, 'it is free');
    const next = await holder(words, false, 0);
    lock.exclude();
    t.is(words[8], 1);
    lock.admit();
    await next.ended;
  });
}

test('a thread that ends while another waits lets that one in, and then others', async (t) => {
  const words = shared();
  const thread = await holder(words, false, -1);
  const waits = holder(words, false, 0);
  while ((Atomics.load(words, 0) & 1) === 0) await new Promise((resolve) => setImmediate(resolve));
  await thread.worker.terminate();
  const next = await waits;
  const lock = new SharedLock(words, 0);
  lock.exclude();
  t.is(words[8], 1);
  lock.admit();
  await next.ended;
});

test('a thread that takes long is not robbed', async (t) => {
  const words = shared();
  const thread = await holder(words, true, 350);
  const lock = new SharedLock(words, 0);
  lock.exclude();
  t.is(words[8], 1);
  t.false(lock.isTorn);
  t.is(lock.sequence, 2);
  lock.admit();
  await thread.ended;
});
