/** That a worker's snapshot holds while the control thread edits. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ClassifierTable } from '../classifier.js';
import { KEY_WORDS } from '../flow-key.js';
import type { ReaderReport, ReaderTask } from './reader-worker.js';
import { IPV4, keyOf, PORT, rule, VNI } from './support.js';

const RULES = 64;
const EDITS = 20_000;

/** Edits a table thousands of times while a worker reads an old snapshot of it; throws where the worker saw it. */
export async function checkConcurrentReader(table: ClassifierTable, isCached: boolean): Promise<void> {
  const frames = new Int32Array(RULES * 2 * KEY_WORDS);
  const wanted = new Int32Array(RULES * 2).fill(-1);
  for (let id = 0; id < RULES; id++) {
    const words = id % 2 === 0 ? { [PORT]: id } : { [VNI]: id };
    table.insert(rule(id, words, { pref: 10 + (id % 5) }));
    frames.set(keyOf({ [PORT]: 9999, ...words }), id * KEY_WORDS);
    wanted[id] = id;
    frames.set(keyOf({ [PORT]: 9999, [VNI]: 1000 + id }), (RULES + id) * KEY_WORDS);
  }
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const task: ReaderTask = { snapshot: table.publish(), frames, wanted, protocol: IPV4, isCached, stop };
  const worker = new Worker(new URL('./reader-worker.js', import.meta.url), { workerData: task });
  try {
    assert.deepEqual(await once(worker, 'message'), [{ type: 'begun' } satisfies ReaderReport]);
    // Rules that the frames would match, under new ids, before and behind the ones that the worker knows.
    for (let i = 0; i < EDITS; i++) {
      const id = i % RULES;
      if (table.remove(RULES + id)) table.insert(rule(id, { [VNI]: 1000 + id }, { pref: 30 }));
      else {
        table.remove(id);
        table.insert(rule(RULES + id, id % 3 === 0 ? { [PORT]: id } : { [VNI]: id }, { pref: 1 + (i % 7) }));
      }
      table.publish();
    }
    Atomics.store(stop, 0, 1);
    assert.deepEqual(await once(worker, 'message'), [{ type: 'done', wrong: 0 } satisfies ReaderReport]);
  } finally {
    Atomics.store(stop, 0, 1);
    await worker.terminate();
  }
}
