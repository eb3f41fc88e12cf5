import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../control/client.js';
import { readLast } from '../control/drop-words.js';
import type { DropRow } from '../observe/drops.js';
import { DropWatch, drawDrops, printDropChanges } from '../observe/drops-watch.js';
import { askJson } from './ask-json.js';
import { passToDaemon } from './pass-to-daemon.js';

export interface DropsOptions {
  readonly watch?: boolean;
  /** How many frames of each reason; true: nobody said how many. */
  readonly last?: string | true;
  readonly json?: boolean;
}

/** Frames of each reason that `--last` without a number shows. */
const LAST = '3';
/** Milliseconds between two looks. */
const STEP = 1000;

/** `vtep drops`. */
export async function drops(
  given: readonly string[],
  options: DropsOptions,
  control: string | undefined,
): Promise<void> {
  const { words, last } = wordsAndLast(given, options.last);
  const asked = [...(last === undefined ? [] : ['--last', `${readLast(last)}`]), ...words];
  if (!options.watch) {
    const width = process.stdout.isTTY && !options.json ? ['--width', `${process.stdout.columns || 80}`] : [];
    await passToDaemon(['drops', ...(options.json ? ['--json'] : width), ...asked], control);
    return;
  }
  const connection = new Connection(control);
  try {
    await watch(() => askJson<readonly DropRow[]>(connection, ['drops', '--json', ...asked]), options.json ?? false);
  } finally {
    connection.close();
  }
}

/** `--last` takes a number or nothing: a word behind it that is none is one of the others. */
function wordsAndLast(
  given: readonly string[],
  last: string | true | undefined,
): { readonly words: readonly string[]; readonly last?: string } {
  if (last === undefined) return { words: given };
  if (last === true) return { words: given, last: LAST };
  if (/^-?\d/.test(last)) return { words: given, last };
  return { words: [last, ...given], last: LAST };
}

/** Until a signal, or whoever reads is gone, ends it. */
async function watch(look: () => Promise<readonly DropRow[]>, isJson: boolean): Promise<never> {
  const { stdout, env } = process;
  // A dumb terminal has no cursor to move.
  const isScreen = stdout.isTTY && env.TERM !== 'dumb';
  const drops = new DropWatch();
  let drawn = 0;
  for (;;) {
    const changes = drops.look(await look(), Date.now());
    if (isJson) for (const change of changes) stdout.write(`${JSON.stringify(change)}\n`);
    else if (!isScreen) for (const line of printDropChanges(changes)) stdout.write(`${line}\n`);
    else {
      const lines = drawDrops(drops.rows, stdout.columns || 80, Math.max(2, (stdout.rows || 24) - 1));
      // Up to where the last table began, and over it.
      const back = drawn > 0 ? `\u001b[${drawn}A\r` : '';
      stdout.write(`${back}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
      drawn = lines.length;
    }
    await sleep(STEP);
  }
}
