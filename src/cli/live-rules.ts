import { request } from '../control/client.js';
import { OWN_ACTIONS } from '../control/save.js';
import { CommandError } from '../iproute/commands.js';
import { addCustomAction } from '../iproute/custom-actions.js';
import { type LiveBatch, liveBatch } from '../lab/trace/live-batch.js';

/**
 * What the daemon that listens at `control` has in force, as the batch that makes it again. It only prints it, as for `vtep save`.
 * From now on this process reads the names of actions that are functions of the daemon's program.
 */
export async function liveRules(control: string | undefined): Promise<LiveBatch> {
  const saved = await said(['save'], control);
  const learned = await said(['bridge', 'fdb', 'show'], control);
  const [, own = ''] = saved.split(OWN_ACTIONS);
  for (const name of own.split(/\s+/)) if (name !== '') addCustomAction(name);
  return liveBatch(saved, learned);
}

/** Interfaces of the daemon's namespace by ifindex. */
export async function liveLinks(control: string | undefined): Promise<ReadonlyMap<number, string>> {
  const links = JSON.parse(await said(['ip', '-j', 'link', 'show'], control)) as { ifindex: number; ifname: string }[];
  return new Map(links.map(({ ifindex, ifname }) => [ifindex, ifname]));
}

async function said(argv: readonly string[], control: string | undefined): Promise<string> {
  const pieces: string[] = [];
  const errors: string[] = [];
  const output = { out: (text: string) => pieces.push(text), err: (text: string) => errors.push(text) };
  const code = await request(argv, output, control);
  if (code !== 0) throw new CommandError(errors.join('').trimEnd(), code);
  return pieces.join('');
}
