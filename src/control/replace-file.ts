/** Writes a file in one step: whoever opens it finds the old one or the whole new one, a crash of the machine included. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';

/** Characters that are written at once. */
const PIECE = 1 << 20;

/**
 * Puts `pieces`, one behind the other, in the place of the file; a link stays one, and its file keeps its mode. What is no
 * file (a pipe, /dev/stdout) is written to. Throws CommandError, which names the file, where that cannot be (no room, no right),
 * and the file is as it was then. `mode`: of a new file.
 */
export function replaceFile(path: string, pieces: Iterable<string>, mode = 0o666): void {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    // In the place of /dev/null a root would put a file for good.
    if (there && !there.isFile()) writeTo(path, pieces, 'w', mode);
    else replace(there ? realpathSync(path) : path, pieces, there, mode);
  } catch (error) {
    throw new CommandError(`vtep: ${path}: ${errorText(error)}`, 1);
  }
}

function replace(path: string, pieces: Iterable<string>, there: Stats | undefined, mode: number): void {
  const next = `${path}.${process.pid}.new`;
  try {
    // Not what a stranger may have put there.
    rmSync(next, { force: true });
    writeTo(next, pieces, 'wx', there ? there.mode & 0o777 : mode);
    if (there) chmodSync(next, there.mode & 0o777);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function writeTo(path: string, pieces: Iterable<string>, flags: string, mode: number): void {
  const fd = openSync(path, flags, mode);
  try {
    // All of each piece: a call to write takes what there is room for, and says nothing.
    for (const text of gathered(pieces)) writeFileSync(fd, text);
    // Behind the rename the name must not lead to what the disk does not have yet.
    if (flags === 'wx') fsyncSync(fd);
  } finally {
    closeSync(fd);
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
