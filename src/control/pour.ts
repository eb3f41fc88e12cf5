import { setImmediate } from 'node:timers/promises';
import type { Say } from './protocol.js';

/** Characters of output that are sent together: the first ones soon, the others in larger pieces. */
const FIRST_CHUNK = 4096;
const CHUNK = 65_536;

/**
 * Sends output piece by piece, as fast as the reader takes it, and lets others go on in between. Rejects where the
 * reader is gone.
 */
export async function pour(pieces: Iterable<string> | undefined, say: Say): Promise<void> {
  if (!pieces) return;
  let pending = '';
  let enough = FIRST_CHUNK;
  for (const piece of pieces) {
    pending += piece;
    if (pending.length < enough) continue;
    await (say({ out: pending }) ?? setImmediate());
    pending = '';
    enough = CHUNK;
  }
  if (pending !== '') await say({ out: pending });
}
