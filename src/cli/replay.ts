import { readBatch } from '../control/batch-file.js';
import { CommandError } from '../iproute/commands.js';
import { LocalEndpoint } from '../lab/local-endpoint.js';
import { printReplay, Replay, replayJson } from '../lab/replay.js';
import { CaptureFiles } from './capture-files.js';
import { columnsOf } from './help-layout.js';
import { BrokenCapture, readPackets, STANDARD_INPUT } from './read-packets.js';

export interface ReplayWords {
  readonly batch: string;
  readonly output?: string;
  readonly dev?: string;
  readonly host?: readonly string[];
  readonly classifier: 'tuple-space' | 'linear';
  readonly json?: boolean;
}

/**
 * `vtep replay`: a capture through the devices and rules of a batch file, without any rights. Of a capture that breaks
 * off, as of one that is still written, what is whole is replayed, and the exit code is 1.
 */
export async function replay(file: string, words: ReplayWords): Promise<void> {
  const { batch, dev, host = [], classifier, output } = words;
  if (file === STANDARD_INPUT && batch === STANDARD_INPUT)
    throw new CommandError('vtep: the capture and the lines cannot both come from standard input', 1);
  const packets = readPackets(file);
  const first = packets.next();
  const start = first.done === true ? 0 : first.value.time;
  const endpoint = await LocalEndpoint.from(readBatch(batch), batch, { hosts: host, classifier, start });
  const files = output === undefined ? undefined : new CaptureFiles(output, file);
  let failure: BrokenCapture | undefined;
  const run = new Replay(endpoint, dev, files?.add ?? (() => undefined));
  try {
    if (first.done !== true) run.packet(first.value);
    for (const packet of packets) run.packet(packet);
  } catch (error) {
    if (!(error instanceof BrokenCapture)) throw error;
    failure = error;
  } finally {
    files?.close();
  }
  const width = columnsOf(process.stdout);
  process.stdout.write(words.json === true ? replayJson(endpoint, run.count) : printReplay(endpoint, run.count, width));
  if (failure !== undefined) throw failure;
}
