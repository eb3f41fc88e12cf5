import { createReadStream, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';

/** Bytes that are read at once. */
const PIECE = 262_144;

/** A batch file that is read piece by piece. */
export interface BatchFile {
  readonly pieces: AsyncIterable<string>;
  /** Bytes; undefined for what is no regular file. */
  readonly size: number | undefined;
  /** Ends the pieces, where they are still read or awaited. */
  close(): void;
}

/** Opens a batch file, `-` for standard input. Throws CommandError as iproute2 says it. */
export function openBatch(name: string): BatchFile {
  if (name === '-') return batchFile(name, process.stdin.setEncoding('utf8'), undefined);
  try {
    const fd = openSync(name, 'r');
    const found = fstatSync(fd);
    const stream = createReadStream(name, { fd, encoding: 'utf8', highWaterMark: PIECE });
    return batchFile(name, stream, found.isFile() ? found.size : undefined);
  } catch (error) {
    throw cannotOpen(name, error);
  }
}

function batchFile(name: string, stream: Readable, size: number | undefined): BatchFile {
  return { pieces: piecesOf(name, stream), size, close: () => void stream.destroy() };
}

async function* piecesOf(name: string, stream: Readable): AsyncGenerator<string> {
  try {
    yield* stream;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    throw cannotOpen(name, error);
  }
}

/** A whole batch file, `-` for standard input. Throws CommandError. */
export function readBatch(name: string): string {
  try {
    return readFileSync(name === '-' ? 0 : name, 'utf8');
  } catch (error) {
    throw cannotOpen(name, error);
  }
}

function cannotOpen(name: string, error: unknown): CommandError {
  return new CommandError(`Cannot open file "${name}" for reading: ${errorText(error)}`, 1);
}
