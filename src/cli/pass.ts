import { request } from '../control/client.js';
import { parseLine } from '../iproute/parse.js';

/** Hands a command to the daemon, prints what it prints, and exits as it says. */
export async function passToDaemon(argv: readonly string[]): Promise<void> {
  process.exitCode = await request(argv, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

/** A line of iproute2's grammar: the daemon's, but for its help, which needs none. */
export async function passLine(tool: 'ip' | 'tc' | 'bridge', words: readonly string[]): Promise<void> {
  const help = helpOf(tool, words);
  if (help === undefined) await passToDaemon([tool, ...words]);
  else process.stdout.write(`${help}\n`);
}

function helpOf(tool: 'ip' | 'tc' | 'bridge', words: readonly string[]): string | undefined {
  try {
    const command = parseLine(tool, words);
    return command.kind === 'help' ? command.text : undefined;
  } catch {
    // A refusal is the daemon's to tell: the names of devices come before some of them.
    return undefined;
  }
}
