import { sendBatch, sendTransaction } from '../control/batch-client.js';
import { openBatch } from '../control/batch-file.js';
import { batchOptions } from '../control/batch-options.js';
import { Connection, type Output, request } from '../control/client.js';
import { Progress } from '../control/progress.js';
import type { Tool } from '../control/protocol.js';
import { parseLine } from '../iproute/parse.js';

const printed: Output = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/** Hands a command to the daemon, prints what it prints, and exits as it says. */
export async function passToDaemon(argv: readonly string[]): Promise<void> {
  process.exitCode = await request(argv, printed);
}

/** A line of iproute2's grammar, or with -batch a file of them: the daemon's, but for its help, which needs none. */
export async function passLine(tool: Tool, typed: readonly string[]): Promise<void> {
  const { batch, words } = batchOptions(tool, typed);
  if (batch) {
    await passBatch(batch.file, tool, batch);
    return;
  }
  const help = helpOf(tool, words);
  if (help === undefined) await passToDaemon([tool, ...words]);
  else process.stdout.write(`${help}\n`);
}

/** A batch file, `-` for standard input; without a tool each line begins with one. */
export async function passBatch(
  name: string,
  tool: Tool | null,
  how: {
    readonly options: readonly string[];
    readonly force: boolean;
    readonly atomic?: boolean;
    readonly dryRun?: boolean;
  },
): Promise<void> {
  const file = openBatch(name);
  const connection = new Connection();
  const bar = new Progress(process.stderr);
  const output: Output = {
    out: (text) => {
      bar.clear();
      printed.out(text);
    },
    err: (text) => {
      bar.clear();
      printed.err(text);
    },
  };
  const job = { ...how, name, tool, isInteractive: file.size === undefined };
  const send = how.atomic || how.dryRun ? sendTransaction : sendBatch;
  try {
    process.exitCode = await send(file.pieces, job, connection, output, (done) => bar.at(done, file.size));
  } finally {
    bar.clear();
    connection.close();
  }
}

function helpOf(tool: Tool, words: readonly string[]): string | undefined {
  try {
    const command = parseLine(tool, words);
    return command.kind === 'help' ? command.text : undefined;
  } catch {
    // A refusal is the daemon's to tell: the names of devices come before some of them.
    return undefined;
  }
}
