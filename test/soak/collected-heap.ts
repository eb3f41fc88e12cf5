/**
 * Loaded into the daemon of a soak before anything else (`node --import`): on SIGUSR2 it collects its garbage and notes in
 * the file $SOAK_HEAP how many bytes of objects are left. What waits for the next collection would hide what is kept.
 */
import { appendFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const { SOAK_HEAP: file } = process.env;

if (isMainThread && file !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => {
    collect();
    collect();
    appendFileSync(file, `${process.memoryUsage().heapUsed}\n`);
  });
}
