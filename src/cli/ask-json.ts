import type { Connection } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';

/** What the daemon at the other end answers as JSON; `T` is what the request is known to give. Throws CommandError with what it refuses. */
export async function askJson<T>(connection: Connection, argv: readonly string[]): Promise<T> {
  const said: string[] = [];
  const errors: string[] = [];
  const output = { out: (text: string) => said.push(text), err: (text: string) => errors.push(text) };
  const code = await connection.ask({ argv }, output);
  if (code !== 0) throw new CommandError(errors.join('').trimEnd(), code);
  return parseAnswer(said.join('')) as T;
}

/** Throws CommandError where it is no JSON: whatever listens there, it speaks otherwise. */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError('vtep: the vtep here is of another release: its answer is no JSON', 1);
  }
}
