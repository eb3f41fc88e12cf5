import { CommandError } from '../iproute/commands.js';
import { SystemError } from '../native/errno.js';
import type { Say } from './protocol.js';

/** Says what went wrong; the exit code. */
export function report(error: unknown, say: Say): number {
  const { message, exitCode } = asCommandError(error);
  if (message !== '') say({ err: `${message}\n` });
  return exitCode;
}

/** Any failure as what stderr gets and the exit code. */
export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof SystemError) return new CommandError(`vtep: ${error.message}`, 2);
  return new CommandError(`vtep: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, 2);
}
