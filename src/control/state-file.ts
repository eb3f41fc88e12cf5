/** The file of `vtep run --state FILE`: read at the start, written at the end. */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';
import type { EndpointState, StateMoment } from './endpoint-state.js';
import { parseState } from './parse-state.js';

/** Now, by clocks that a later endpoint can read too. */
export function momentNow(): StateMoment {
  return { time: Date.now(), uptime: Math.round(uptime() * 1000), boot: bootId() };
}

/** Another one with every start of the machine; empty where /proc does not tell. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * The state in a file; undefined where there is none yet, or an empty one. Throws CommandError where it cannot be read,
 * or is something else.
 */
export function readStateFile(path: string): EndpointState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CommandError(`vtep: ${path}: ${errorText(error)}`, 1);
  }
  return text === '' ? undefined : parseState(text, path);
}
