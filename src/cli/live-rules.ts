import { request } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';
import { type LiveBatch, liveBatch } from '../lab/trace/live-batch.js';

/** What the daemon that listens at `control` has in force, as the batch that makes it again. It only prints it, as for `vtep save`. */
export async function liveRules(control: string | undefined): Promise<LiveBatch> {
  const saved = await said(['save'], control);
  const learned = await said(['bridge', 'fdb', 'show'], control);
  return liveBatch(saved, learned);
}

async function said(argv: readonly string[], control: string | undefined): Promise<string> {
  const pieces: string[] = [];
  const errors: string[] = [];
  const output = { out: (text: string) => pieces.push(text), err: (text: string) => errors.push(text) };
  const code = await request(argv, output, control);
  if (code !== 0) throw new CommandError(errors.join('').trimEnd(), code);
  return pieces.join('');
}
