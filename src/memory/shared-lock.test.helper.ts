/** A thread that takes a lock as it is told, says so, and then holds it until the lock is awaited, or its own end. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedLock } from './shared-lock.js';

interface HolderData {
  readonly words: Int32Array;
  /** Begins to write, too. */
  readonly writes: boolean;
  /** Milliseconds that it goes on holding the lock when somebody waits for it; -1: for ever. */
  readonly holds: number;
}

const { words, writes, holds } = workerData as HolderData;
const lock = new SharedLock(words, 0);
const never = new Int32Array(new SharedArrayBuffer(4));
lock.exclude();
if (writes) lock.write();
parentPort?.postMessage('holds');
if (holds < 0) Atomics.wait(never, 0, 0);
while ((Atomics.load(words, 0) & 1) === 0) Atomics.wait(never, 0, 0, 1);
Atomics.wait(never, 0, 0, holds);
words[8] = 1;
if (writes) lock.written();
lock.admit();
