import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Progress } from '../control/progress.js';
import type { Reply } from '../control/protocol.js';
import type { Keepable } from '../control/rights.js';
import { takeServiceEnvironment } from '../control/service-environment.js';
import type { Peer } from '../dataplane/peer-table.js';
import { CommandError } from '../iproute/commands.js';
import { LogOutput } from './log-output.js';
import { outliveReaders } from './pipes.js';
import { peerPrefix } from './rights-options.js';
import { Unexpected } from './unexpected.js';

const log = { out: new LogOutput(process.stdout), err: new LogOutput(process.stderr) };

export interface RunOptions {
  batch?: string;
  control?: string;
  readyFd?: number;
  coalesce: boolean;
  classifier: 'tuple-space' | 'linear';
  tun: string;
  tunnelGso: boolean;
  workers: number;
  cpus?: readonly number[];
  busyPoll: number;
  user?: string;
  keepCaps?: readonly Keepable[];
  controlGroup?: string;
  strictPeers?: boolean;
  peer?: readonly string[];
  state?: string;
  metrics?: { readonly host: string; readonly port: number };
}

/** `vtep run`: in the foreground until a signal asks it to end; SIGHUP has it read its file again. */
export async function runDaemon(options: RunOptions): Promise<void> {
  outliveReaders();
  const service = takeServiceEnvironment(process.env, process.pid);
  const stop = new AbortController();
  const ended = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve());
  });
  const unexpected = new Unexpected(
    (text) => log.err.write(text),
    () => stop.abort(),
  );
  unexpected.watch();
  let hurry = (): void => undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // Whoever asks again does not want to wait.
      if (stop.signal.aborted) hurry();
      stop.abort();
    });
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  let reload = (): void => {
    isAsked = true;
  };
  let isAsked = false;
  process.on('SIGHUP', () => {
    // A terminal that is gone is none any more: whoever ran vtep in it has left.
    if (terminals.some((fd) => !isatty(fd))) stop.abort();
    else reload();
  });
  const { Daemon } = await import('../control/daemon.js');
  const peers = options.peer && (await peersOf(options.peer));
  const bar = new Progress(process.stderr);
  const start = {
    ...options,
    ...(peers && { peers }),
    service,
    progress: (done: number, total: number | undefined): void => bar.at(done, total),
  };
  const print = (reply: Reply): void => {
    bar.clear();
    passOn(reply);
  };
  const daemon = await Daemon.start(start, print, stop.signal).catch((error: unknown) => {
    throw unexpected.hasHappened && error instanceof CommandError ? new CommandError(error.message, 1) : error;
  });
  if (options.readyFd !== undefined && options.readyFd > 2) closeSync(options.readyFd);
  print({ err: 'vtep: ready\n' });
  reload = () => void daemon.reload();
  hurry = () => daemon.hurry();
  if (isAsked) reload();
  try {
    await Promise.race([ended, daemon.failed]);
  } finally {
    const farewell = await daemon.stop();
    if (farewell !== 'well') process.exitCode = 1;
    if (farewell === 'hanging') await leaveAtOnce(1);
  }
}

async function peersOf(prefixes: readonly string[]): Promise<Peer[]> {
  const { peerOf } = await import('../control/strict-peers.js');
  return prefixes.flatMap((word) => peerPrefix(word) ?? []).map(({ address, mask }) => peerOf(address, mask));
}

/** Node.js would wait for the end of a thread that hangs. */
async function leaveAtOnce(code: number): Promise<void> {
  const { endProcess } = await import('../native/libc.js');
  endProcess(code);
}

/** Whoever reads it may be gone; the endpoint stays. */
function passOn(reply: Reply): void {
  if ('out' in reply) log.out.write(reply.out);
  if ('err' in reply) log.err.write(reply.err);
}
