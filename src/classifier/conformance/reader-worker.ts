/**
 * A worker that reads one snapshot over and over while another thread edits the table behind it. Says once that it
 * has begun, and when it is told to stop, what it saw.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Counters } from '../../memory/counters.js';
import type { ClassifierSnapshot } from '../classifier.js';
import { FlowCache } from '../flow-cache/flow-cache.js';
import { KEY_WORDS } from '../flow-key.js';
import { createLookup } from '../open-lookup.js';

export interface ReaderTask {
  readonly snapshot: ClassifierSnapshot;
  /** Flow keys one after the other, and the id that each must find in chain 0. */
  readonly frames: Int32Array;
  readonly wanted: Int32Array;
  readonly protocol: number;
  /** Whether it reads through a flow cache. */
  readonly isCached: boolean;
  /** Shared; not 0: stop. */
  readonly stop: Int32Array;
}

export type ReaderReport = { readonly type: 'begun' } | { readonly type: 'done'; readonly wrong: number };

function post(report: ReaderReport): void {
  parentPort?.postMessage(report);
}

function read({ snapshot, frames, wanted, protocol, isCached, stop }: ReaderTask): void {
  const plain = createLookup(snapshot);
  const lookup = isCached ? new FlowCache(new Counters(), 64).before(plain, 0) : plain;
  let wrong = 0;
  let isLast = false;
  post({ type: 'begun' });
  while (!isLast) {
    isLast = Atomics.load(stop, 0) !== 0;
    for (let i = 0; i < wanted.length; i++)
      if (lookup.find(frames, i * KEY_WORDS, 0, protocol, 0) !== wanted[i]) wrong++;
  }
  post({ type: 'done', wrong });
}

// Loaded by the main thread as well, for the types.
if (parentPort !== null) read(workerData as ReaderTask);
