/** For fuzzing: a live control server that parses what it is asked, as a daemon does, and carries nothing out. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../iproute/commands.js';
import { parseLine, parseVtepMonitor } from '../iproute/parse.js';
import { parseBatchWords } from './batch-words.js';
import { EventLog } from './events.js';
import { Monitor } from './monitor.js';
import type { Say } from './protocol.js';
import { report } from './report.js';
import { ControlServer } from './server.js';

/** What its monitors listen to. */
export const log = new EventLog();
/** What the parsers throw beside refusals. */
export const defects: unknown[] = [];
/** The exit code of the request `ping`. */
export const PONG = 7;

function tried(work: () => unknown, say: Say): number {
  try {
    say({ out: `${typeof work()}\n` });
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) defects.push(error);
    return report(error, say);
  }
}

export interface Serving {
  readonly path: string;
  close(): Promise<void>;
}

/** Listens in a folder of its own, which goes with it. */
export async function serving(): Promise<Serving> {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-fuzz-'));
  const path = join(folder, 'x.sock');
  const server = await ControlServer.listen(
    path,
    async ([tool = '', ...words], say, until) => {
      if (tool === 'ping') return PONG;
      if (tool === 'monitor') {
        let monitor: Monitor | undefined;
        const exit = tried(() => {
          const command = parseVtepMonitor(words);
          if (command.kind === 'monitor') monitor = new Monitor(log, command.request);
        }, say);
        await monitor?.run(say, until()).catch(() => undefined);
        return exit;
      }
      return tool === 'ip' || tool === 'tc' || tool === 'bridge' ? tried(() => parseLine(tool, words), say) : 1;
    },
    async (batch, say) => {
      let exit = 0;
      for (const [i, words] of batch.lines.entries()) {
        if (tried(() => parseBatchWords(batch, words), say) === 0) continue;
        exit = 1;
        await say({ failed: i });
        if (!batch.force) break;
      }
      return exit;
    },
  );
  const close = async (): Promise<void> => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { path, close };
}
