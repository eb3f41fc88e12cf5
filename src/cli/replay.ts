import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readBatch } from '../control/batch-file.js';
import { CommandError } from '../iproute/commands.js';
import { LocalEndpoint } from '../lab/local-endpoint.js';
import { printReplay, Replay, replayJson } from '../lab/replay.js';
import { type CapturedPacket, CaptureFormatError, readCapture } from '../observe/captures/capture-reader.js';

export interface ReplayWords {
  readonly batch: string;
  readonly output?: string;
  readonly dev?: string;
  readonly host?: readonly string[];
  readonly classifier: 'tuple-space' | 'linear';
  readonly json?: boolean;
}

/** `vtep replay`: a capture through the devices and rules of a batch file, without any rights. */
export async function replay(file: string, words: ReplayWords): Promise<void> {
  const packets = packetsOf(file);
  const first = packets.next();
  const start = first.done === true ? 0 : first.value.time;
  const { batch, dev, host = [], classifier } = words;
  const endpoint = await LocalEndpoint.from(readBatch(batch), batch, { hosts: host, classifier, start });
  const run = new Replay(endpoint, dev, sinkOf(words.output));
  if (first.done !== true) run.packet(first.value);
  for (const packet of packets) run.packet(packet);
  process.stdout.write(words.json === true ? replayJson(endpoint, run.count) : printReplay(endpoint, run.count));
}

function* packetsOf(file: string): Generator<CapturedPacket> {
  try {
    yield* readCapture(readFileSync(file));
  } catch (error) {
    if (error instanceof CaptureFormatError) throw new CommandError(`vtep: ${file}: ${error.message}`, 1);
    if (error instanceof Error && 'code' in error) throw new CommandError(`vtep: ${error.message}`, 1);
    throw error;
  }
}

function sinkOf(folder: string | undefined): (file: string, bytes: Uint8Array) => void {
  if (folder === undefined) return () => undefined;
  mkdirSync(folder, { recursive: true });
  const begun = new Set<string>();
  return (file, bytes) => {
    const path = join(folder, file);
    if (!begun.has(file)) rmSync(path, { force: true });
    begun.add(file);
    appendFileSync(path, bytes);
  };
}
