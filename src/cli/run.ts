import { closeSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { Daemon } from '../control/daemon.js';
import type { Reply } from '../control/protocol.js';

export interface RunOptions {
  batch?: string;
  control?: string;
  readyFd?: number;
  coalesce: boolean;
  classifier: 'tuple-space' | 'linear';
  tun: string;
}

/** `vtep run`: in the foreground until a signal asks it to end. */
export async function runDaemon(options: RunOptions): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  const daemon = await Daemon.start(options, print);
  if (options.readyFd !== undefined && options.readyFd > 2) closeSync(options.readyFd);
  process.stderr.write('vtep: ready\n');
  try {
    await Promise.race([ended, daemon.failed]);
  } finally {
    await daemon.stop();
  }
}

function print(reply: Reply): void {
  if ('out' in reply) process.stdout.write(reply.out);
  if ('err' in reply) process.stderr.write(reply.err);
}

/** A file descriptor number of the command line. */
export function descriptor(word: string): number {
  if (!/^\d{1,6}$/.test(word)) throw new InvalidArgumentError('a descriptor is a small number.');
  return Number(word);
}

/** A classifier's name on the command line. */
export function classifier(word: string): 'tuple-space' | 'linear' {
  if (word !== 'tuple-space' && word !== 'linear') throw new InvalidArgumentError('tuple-space or linear.');
  return word;
}
