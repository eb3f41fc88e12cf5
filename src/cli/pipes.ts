import { writeSync } from 'node:fs';
import { errorText } from '../native/errno.js';

/** Whoever reads what a command prints may end first (`vtep tc … | head -1`): then the write fails with EPIPE. */

/** 128 and the number of SIGPIPE, as a shell reports of other programs that end so. */
const EXIT_SIGPIPE = 141;

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT_SIGPIPE);
  try {
    writeSync(2, `vtep: write error: ${errorText(error)}\n`);
  } catch {
    // Neither can be written to: the exit code says it alone.
  }
  process.exit(1);
}

/** A command ends with its reader, without a word. */
export function endWithReader(): void {
  process.stdout.on('error', endQuietly);
  process.stderr.on('error', endQuietly);
}

/** A daemon goes on without readers. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', endQuietly);
    stream.on('error', () => undefined);
  }
}
