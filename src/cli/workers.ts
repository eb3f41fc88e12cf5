import { request } from '../control/client.js';
import { printWorkers, type WorkerRow } from '../observe/workers.js';
import { parseAnswer } from './ask-json.js';

/** `vtep workers`: the daemon tells the figures, and the screen at hand how wide they may stand. */
export async function showWorkers(control: string | undefined): Promise<void> {
  let json = '';
  const output = {
    out: (text: string): void => {
      json += text;
    },
    err: (text: string) => process.stderr.write(text),
  };
  process.exitCode = await request(['workers', '--json'], output, control);
  if (process.exitCode !== 0) return;
  // 0: a terminal that does not know how wide it is.
  process.stdout.write(printWorkers(parseAnswer(json) as WorkerRow[], process.stdout.columns || undefined));
}
