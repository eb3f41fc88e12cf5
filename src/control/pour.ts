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
  let pending = '';
  let enough = FIRST_CHUNK;
  await calm();
  for (const piece of pieces) {
    pending += piece;
    if (pending.length < enough) continue;
    await (say({ out: pending }) ?? setImmediate());
    await calm();
    pending = '';
    enough = CHUNK;
  }
  if (pending !== '') await say({ out: pending });
}
