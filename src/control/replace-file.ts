/** Writes a file in one step: whoever opens it finds the old one or the whole new one, a crash of the machine included. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../iproute/commands.js';

/** Characters that are written at once. */
const PIECE = 1 << 20;

/**
 * Puts `pieces`, one behind the other, in the place of the file. Throws CommandError where that cannot be (no room, no
 * right), and the file is as it was then. `mode`: of a new file.
 */
export function replaceFile(path: string, pieces: Iterable<string>, mode = 0o666): void {
  const next = `${path}.${process.pid}.new`;
  try {
    const fd = openSync(next, 'w', mode);
    try {
      for (const text of gathered(pieces)) writeSync(fd, text);
      // Behind the rename the name must not lead to what the disk does not have yet.
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, path);
  } catch (error) {
    removeIfThere(next);
    throw new CommandError(`vtep: ${error instanceof Error ? error.message : String(error)}`, 1);
  }
  syncFolder(dirname(path));
}

function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its folder is none: nothing was made.
  }
}

function* gathered(pieces: Iterable<string>): Generator<string> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield text;
}

/** Has the new name outlive a crash. Some file systems have no such call: the file is written all the same. */
function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Then the old name may come back with the next start of the machine.
  }
}
