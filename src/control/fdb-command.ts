import type { Command } from '../iproute/commands.js';
import { notSupported } from '../iproute/errors.js';

/** A command of `bridge fdb`. */
export type FdbCommand = Extract<Command, { readonly kind: `fdb-${string}` }>;

/** Throws CommandError where the command is about a device of vtep's; the host's are bridge's own. */
export function checkFdb(command: FdbCommand, devices: { has(name: string): boolean }): void {
  const dev = deviceOf(command);
  if (dev !== undefined && devices.has(dev)) throw notSupported(`bridge fdb of "${dev}"`);
}

/** The device whose table a command is about; undefined: all of them. */
function deviceOf(command: FdbCommand): string | undefined {
  if (command.kind === 'fdb-show') return command.selector.dev;
  return command.kind === 'fdb-flush' ? command.flush.dev : command.entry.dev;
}
