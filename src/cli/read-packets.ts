import { closeSync, openSync, readSync } from 'node:fs';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import { type CapturedPacket, CaptureFormatError, readCapturePieces } from '../observe/captures/capture-reader.js';

/** How a capture is named that comes by standard input. */
export const STANDARD_INPUT = '-';

/** The capture is none, or breaks off. */
export class BrokenCapture extends CommandError {}

/**
 * The packets of a capture file, one after the other, each borrowed until the next: the file may be of any length.
 * Throws CommandError where it is none, breaks off, or cannot be read.
 */
export function* readPackets(file: string): Generator<CapturedPacket> {
  const name = file === STANDARD_INPUT ? 'standard input' : file;
  let fd = -1;
  try {
    fd = file === STANDARD_INPUT ? 0 : openSync(file, 'r');
    yield* readCapturePieces((target) => readSome(fd, target));
  } catch (error) {
    if (error instanceof CaptureFormatError) throw new BrokenCapture(`vtep: ${name}: ${error.message}`, 1);
    if (error instanceof Error && 'code' in error) throw new CommandError(`vtep: ${name}: ${errorText(error)}`, 1);
    throw error;
  } finally {
    if (fd > 0) closeSync(fd);
  }
}

/** Whoever handed standard input over may have had it answer EAGAIN: then it is waited for. */
function readSome(fd: number, target: Uint8Array): number {
  for (;;) {
    try {
      return readSync(fd, target);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
const PAUSE_MS = 5;
