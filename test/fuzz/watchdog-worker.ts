/** The thread of a Watchdog. */
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { nameOf } from './corpus.js';
import { Onlooker, type WatchdogData } from './watchdog.js';

const data = workerData as WatchdogData;
const onlooker = new Onlooker(data);
/** process.exit would end this thread, and the other one goes on for ever. */
const exitAll = koffi.load('libc.so.6').func('void _exit(int)');

setInterval(
  () => {
    const found = onlooker.look();
    if (found === undefined) return;
    mkdirSync(data.folder, { recursive: true });
    const file = join(data.folder, `${found.name}-${nameOf(found.input)}`);
    writeFileSync(file, found.input);
    writeFileSync(
      `${file}.txt`,
      `npm run fuzz -- ${found.name} --replay ${file}\n\nit did not end within ${data.patience} ms\n`,
    );
    writeSync(1, `BROKEN ${found.name}: an input did not end\n       npm run fuzz -- ${found.name} --replay ${file}\n`);
    exitAll(1);
  },
  Math.min(1000, data.patience / 4),
);
