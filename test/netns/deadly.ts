/** A vtep whose workers die of certain frames: tools/deadly-frames.ts. */
import { fileURLToPath } from 'node:url';
import { Daemon, startVtep } from './daemon.js';
import type { Host, Topology } from './topology.js';

/** Bytes of the frame that kills, and of the echo request that makes one. */
export const DEADLY = 1276;
const ECHO = DEADLY - 14 - 20 - 8;

const PRELOAD = new URL('./tools/deadly-frames.js', import.meta.url);
const IMPATIENT = new URL('./tools/impatient-restarts.js', import.meta.url);

/** What a worker says of itself. */
export interface WorkerCounts {
  readonly worker: number;
  readonly wakeups: number;
  readonly restarts: number;
}

/**
 * Starts a vtep on host B whose workers die of such frames, and waits until it is ready. `impatient`: none of them waits
 * for the next.
 */
export function startMortal(
  { b }: Topology,
  lines: readonly string[],
  more: readonly string[] = [],
  impatient = false,
): Promise<Daemon> {
  const preloads = impatient ? [PRELOAD, IMPATIENT] : [PRELOAD];
  const NODE_OPTIONS = preloads.map((url) => `--import ${fileURLToPath(url)}`).join(' ');
  return Daemon.of(b, startVtep(b, lines, more, { env: { NODE_OPTIONS } }));
}

/** Sends one such frame; nobody answers it. */
export async function kill(from: Host, address: string): Promise<void> {
  await from.attempt(`ping -c 1 -W 0.2 -s ${ECHO} ${address}`);
}

export async function workersOf(daemon: Daemon): Promise<WorkerCounts[]> {
  return JSON.parse(await daemon.do('workers --json')) as WorkerCounts[];
}

export async function restartsOf(daemon: Daemon): Promise<number> {
  return (await workersOf(daemon)).reduce((sum, { restarts }) => sum + restarts, 0);
}
