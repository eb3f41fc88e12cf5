import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readBatch } from '../control/batch-file.js';
import { LocalEndpoint } from '../lab/local-endpoint.js';
import { printReplay, Replay, replayJson } from '../lab/replay.js';
import { readPackets } from './read-packets.js';

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
  const packets = readPackets(file);
  const first = packets.next();
  const start = first.done === true ? 0 : first.value.time;
  const { batch, dev, host = [], classifier } = words;
  const endpoint = await LocalEndpoint.from(readBatch(batch), batch, { hosts: host, classifier, start });
  const run = new Replay(endpoint, dev, sinkOf(words.output));
  if (first.done !== true) run.packet(first.value);
  for (const packet of packets) run.packet(packet);
  process.stdout.write(words.json === true ? replayJson(endpoint, run.count) : printReplay(endpoint, run.count));
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
