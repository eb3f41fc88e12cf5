import { setImmediate } from 'node:timers/promises';
import type { Say } from './protocol.js';

/** Characters of output that are sent together: the first ones soon, the others in larger pieces. */
const FIRST_CHUNK = 4096;
const CHUNK = 65_536;

/**
 * Sends output piece by piece, as fast as the reader takes it, and lets others go on in between. Rejects where the
 * reader is gone. `calm` resolves when what there is is whole, where it is not: pieces may be made of it as they are
 * fetched.
 */
export async function pour(
  pieces: Iterable<string> | undefined,
  say: Say,
  calm: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  if (!pieces) return;
  const rest = pieces[Symbol.iterator]();
  let isOver = false;
  for (let enough = FIRST_CHUNK; !isOver; enough = CHUNK) {
    // Asked again behind each wait: by then another change may be under way. Behind the last there is none.
    for (let wait = calm(); wait; wait = calm()) await wait;
    let pending = '';
    while (!isOver && pending.length < enough) {
      const { value, done } = rest.next();
      if (done) isOver = true;
      else pending += value;
    }
    if (pending !== '') await (say({ out: pending }) ?? (isOver ? undefined : setImmediate()));
  }
}
