import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { sendBatch, sendTransaction } from '../control/batch-client.js';
import { openBatch } from '../control/batch-file.js';
import { batchOptions } from '../control/batch-options.js';
import { Connection, type Output, request } from '../control/client.js';
import { hostEnvironment } from '../control/host-tool.js';
import { Progress } from '../control/progress.js';
import type { Tool } from '../control/protocol.js';
import { type Command, CommandError } from '../iproute/commands.js';
import { parseLine, parseVtepMonitor } from '../iproute/parse.js';
import { takeControl } from './control-option.js';
import { folded } from './help-layout.js';
import { passToDaemon, printed } from './pass-to-daemon.js';

const HANDED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Prints what the daemon tells of, until it ends or whoever asked does. */
async function watch(argv: readonly string[], control: string | undefined): Promise<void> {
  process.exitCode = await request(argv, printed, control, 'the daemon has ended, and with it this monitor');
}

/** `vtep monitor`. */
export async function passMonitor(words: readonly string[], before: string | undefined): Promise<void> {
  const { control = before, rest } = takeControl(words);
  const command = parseVtepMonitor(rest);
  if (command.kind === 'help') process.stdout.write(`${folded(command.text, process.stdout)}\n`);
  else await watch(['monitor', ...rest], control);
}

/**
 * A line of iproute2's grammar, or with -batch a file of them: the daemon's, but for its help, which needs none.
 * `before`: the control socket that was named before the tool.
 */
export async function passLine(tool: Tool, typed: readonly string[], before: string | undefined): Promise<void> {
  const { control = before, rest } = takeControl(typed);
  const { batch, words } = batchOptions(tool, rest);
  if (batch) {
    await passBatch(batch.file, tool, { ...batch, control });
    return;
  }
  const command = parsed(tool, words);
  if (command?.kind === 'help') throw new CommandError(folded(command.text, process.stderr), command.exit);
  if (command && isHostAlone(command)) await passToHost(tool, words);
  else if (command?.kind === 'monitor') await watch([tool, ...words], control);
  else await passToDaemon([tool, ...words], control);
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
    readonly control: string | undefined;
  },
): Promise<void> {
  const file = openBatch(name);
  const connection = new Connection(how.control);
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

/**
 * Whether a line is the system's tool's alone. It runs from here then: on this terminal, with this input, for as long as
 * it takes (`ip netns exec B bash`, `ip monitor route`), whether a vtep runs or not.
 */
function isHostAlone(command: Command): boolean {
  // What is said of a device may be said of one of vtep's, which has to be looked at again then.
  return command.kind === 'monitor-host' || (command.kind === 'host' && command.dev === undefined);
}

async function passToHost(tool: Tool, words: readonly string[]): Promise<void> {
  const child = spawn(tool, words, { stdio: 'inherit', env: hostEnvironment() });
  // A signal for this process alone is meant for the tool; one of the terminal reaches both.
  const handOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of HANDED_ON) process.on(signal, handOn);
  try {
    process.exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => {
        reject(new CommandError(`vtep: the system's ${tool} could not be run: ${error.message}`, 1));
      });
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const signal of HANDED_ON) process.off(signal, handOn);
  }
}

function parsed(tool: Tool, words: readonly string[]): Command | undefined {
  try {
    return parseLine(tool, words);
  } catch {
    // A refusal is the daemon's to tell: the names of devices come before some of them.
    return undefined;
  }
}
