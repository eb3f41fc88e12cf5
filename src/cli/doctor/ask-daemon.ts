/** What the vtep of this network namespace says of itself. */
import { Connection } from '../../control/client.js';
import type { Health } from '../../control/health.js';
import { CommandError } from '../../iproute/commands.js';
import type { DropRow } from '../../observe/drops.js';
import { parseAnswer } from '../ask-json.js';
import type { Seen } from './facts.js';

const DEADLINE_MS = 3000;

/** The answers to `health` and `drops --json`; unseen where nobody answers, or not in time. */
export async function askDaemon(control: string | undefined): Promise<Seen<{ health: Health; drops: DropRow[] }>> {
  const connection = new Connection(control);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new CommandError(`the vtep here did not answer within ${DEADLINE_MS / 1000} s`, 1)),
      DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([late, ask(connection)]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { unseen: error.message.replace(/^vtep: /, '').replace(/; start one with: .*/, '') };
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

async function ask(connection: Connection): Promise<{ health: Health; drops: DropRow[] }> {
  const answer = async (...argv: string[]): Promise<unknown> => {
    let [out, err] = ['', ''];
    const output = {
      out: (text: string) => {
        out += text;
      },
      err: (text: string) => {
        err += text;
      },
    };
    const exit = await connection.ask({ argv }, output);
    if (exit !== 0) throw new CommandError(`the vtep here is of another release (${err.trim()})`, 1);
    return parseAnswer(out);
  };
  const health = (await answer('health')) as Health;
  const drops = (await answer('drops', '--json')) as DropRow[];
  if (!Array.isArray(health?.devices) || !Array.isArray(drops)) {
    throw new CommandError('the vtep here is of another release: it says other things of itself', 1);
  }
  return { health, drops };
}
