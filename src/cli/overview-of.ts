import type { Connection } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';
import type { Overview } from '../observe/overview.js';

/** All that the daemon at the other end counts. Throws CommandError with what it refuses. */
export async function overviewOf(connection: Connection): Promise<Overview> {
  const said: string[] = [];
  const errors: string[] = [];
  const output = { out: (text: string) => said.push(text), err: (text: string) => errors.push(text) };
  const code = await connection.ask({ argv: ['overview'] }, output);
  if (code !== 0) throw new CommandError(errors.join('').trimEnd(), code);
  return JSON.parse(said.join('')) as Overview;
}
