import { spawn } from 'node:child_process';
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

/**
 * Runs the system's own `ip`, `tc` or `bridge` with these words, in this network namespace, and passes on what it
 * prints. Throws CommandError with its exit code where it fails (its own message has been passed on already). `signal`
 * ends it early.
 */
export function runHostTool(
  tool: 'ip' | 'tc' | 'bridge',
  argv: readonly string[],
  say: (reply: Reply) => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cut = argv.find((word) => word.includes('\0'));
    if (cut !== undefined) {
      reject(new CommandError(`vtep: ${JSON.stringify(cut)} holds a NUL, which no command line can`, 1));
      return;
    }
    const env = hostEnvironment();
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
    const child = spawn(tool, argv, { env, stdio, timeout: LIMIT_MS, ...(signal ? { signal } : {}) });
    child.stdout.setEncoding('utf8').on('data', (out: string) => say({ out }));
    child.stderr.setEncoding('utf8').on('data', (err: string) => say({ err }));
    child.once('error', (error) => {
      reject(new CommandError(`vtep: the system's ${tool} could not be run: ${error.message}`, 1));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else if (code !== null) reject(new CommandError('', code));
      else reject(new CommandError(`vtep: the system's ${tool} was ended by ${signal ?? 'a signal'}`, 1));
    });
  });
}
