import { readFileSync } from 'node:fs';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import { type CapturedPacket, CaptureFormatError, readCapture } from '../observe/captures/capture-reader.js';

/** The packets of a capture file, one after the other. Throws CommandError where it is none, or cannot be read. */
export function* readPackets(file: string): Generator<CapturedPacket> {
  try {
    yield* readCapture(readFileSync(file));
  } catch (error) {
    if (error instanceof CaptureFormatError) throw new CommandError(`vtep: ${file}: ${error.message}`, 1);
    if (error instanceof Error && 'code' in error) throw new CommandError(`vtep: ${file}: ${errorText(error)}`, 1);
    throw error;
  }
}
