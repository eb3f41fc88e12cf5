import { type ChildProcess, spawn } from 'node:child_process';
import { CommandError } from '../iproute/commands.js';
import type { Reply } from './protocol.js';

/** Debian keeps ip, tc and bridge in sbin, which is not on everybody's path. */
export function hostEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
}

/** Runs one of the system's tools, as `runHostTool` does. */
export type HostTool = typeof runHostTool;

/** Longest that one of the system's tools may take. */
const LIMIT_MS = 30_000;
/** Between the request to end and SIGKILL; and how long output may still come behind the end. */
const GRACE_MS = 1000;

/**
 * Runs the system's own `ip`, `tc` or `bridge` with these words, in this network namespace, and passes on what it
 * prints. Throws CommandError with its exit code where it fails (its own message has been passed on already). `signal`
 * ends it early, its `reason` says why; so does the limit, in ms. With it ends whatever it has started.
 */
export function runHostTool(
  tool: 'ip' | 'tc' | 'bridge',
  argv: readonly string[],
  say: (reply: Reply) => void,
  signal?: AbortSignal,
  limit = LIMIT_MS,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cut = argv.find((word) => word.includes('\0'));
    if (cut !== undefined) {
      reject(new CommandError(`vtep: ${JSON.stringify(cut)} holds a NUL, which no command line can`, 1));
      return;
    }
    if (signal?.aborted) {
      reject(new CommandError(`vtep: the system's ${tool} was not run: ${why(signal)}`, 1));
      return;
    }
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
    // A group of its own: `ip netns exec` has children.
    const child = spawn(tool, argv, { env: hostEnvironment(), stdio, detached: true });
    const timers: NodeJS.Timeout[] = [];
    let ended: string | undefined;
    const end = (reason: string): void => {
      ended ??= reason;
      kill(child, 'SIGTERM');
      timers.push(setTimeout(() => kill(child, 'SIGKILL'), GRACE_MS));
    };
    const abort = (): void => end(signal ? why(signal) : '');
    signal?.addEventListener('abort', abort);
    timers.push(setTimeout(() => end(`it took longer than ${limit / 1000} seconds`), limit));
    const over = (): void => {
      signal?.removeEventListener('abort', abort);
      for (const timer of timers) clearTimeout(timer);
    };
    child.stdout.setEncoding('utf8').on('data', (out: string) => say({ out }));
    child.stderr.setEncoding('utf8').on('data', (err: string) => say({ err }));
    child.once('error', (error) => {
      over();
      reject(new CommandError(`vtep: the system's ${tool} could not be run: ${error.message}`, 1));
    });
    child.once('exit', () => {
      // What it has left in the background may hold its pipes for as long as it likes.
      const close = (): void => {
        child.stdout.destroy();
        child.stderr.destroy();
      };
      timers.push(setTimeout(close, GRACE_MS));
    });
    child.once('close', (code, by) => {
      over();
      // Of what was told to end nothing stays.
      if (ended !== undefined) kill(child, 'SIGKILL');
      if (ended !== undefined) reject(new CommandError(`vtep: the system's ${tool} was ended: ${ended}`, 1));
      else if (code === 0) resolve();
      else if (code !== null) reject(new CommandError('', code));
      else reject(new CommandError(`vtep: the system's ${tool} was ended by ${by ?? 'a signal'}`, 1));
    });
  });
}

function why({ reason }: AbortSignal): string {
  return reason instanceof CommandError ? reason.message : 'vtep is stopping';
}

/** The child, and whoever is of its group. */
function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has gone.
  }
}
