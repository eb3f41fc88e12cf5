import type { Command } from 'commander';
import type { Tool } from '../control/protocol.js';

/** Verbs whose words are iproute2's. */
export const TOOLS: readonly string[] = ['ip', 'tc', 'bridge'] satisfies Tool[];

/**
 * `vtep drops help`, as iproute2 has it, is `vtep help drops`. A file of that name is `./help`. What follows ip, tc, bridge
 * and monitor is theirs.
 */
export function withHelp(vtep: Command, argv: readonly string[]): readonly string[] {
  const [verb = '', word, ...more] = argv;
  const isOwn = vtep.commands.some((each) => each.name() === verb) && !TOOLS.includes(verb) && verb !== 'monitor';
  return isOwn && word === 'help' && more.length === 0 ? ['help', verb] : argv;
}
