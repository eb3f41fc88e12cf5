/** What functions of the program do wrong is told, and harms nobody else: not even telling it may throw. */
import { VtepError } from './errors.js';
import type { EndpointEvent } from './types.js';

/** Different sentences about errors that nobody read which are logged. */
const MOST_SENTENCES = 32;

export class Troubles {
  private readonly log: (line: string) => void;
  /** Returns whether anybody reads such events. */
  private readonly tellReaders: (event: EndpointEvent) => boolean;
  private readonly logged = new Set<string>();

  constructor(log: (line: string) => void, tellReaders: (event: EndpointEvent) => boolean) {
    this.log = log;
    this.tellReaders = tellReaders;
  }

  /** `source`: which function has thrown, as `action "count"`. */
  readonly functionFailed = (error: unknown, source: string): void => {
    this.tell(error, source, `${source} has thrown: ${textOf(error)}`);
  };

  /** To whoever reads such events, else to the log: there each sentence once, for a function may throw over every batch. */
  tell(error: unknown, source: string, sentence: string): void {
    if (this.tellReaders({ type: 'error', source, error })) return;
    if (this.logged.has(sentence) || this.logged.size === MOST_SENTENCES) return;
    this.logged.add(sentence);
    this.log(sentence);
  }
}

/** A log that throws is nobody's trouble but its own: what it was to be told is lost. */
export function guardedLog(log: (line: string) => void): (line: string) => void {
  return (line) => {
    try {
      dropPromise(log(line), () => undefined);
    } catch {
      // There is nowhere left to tell of it.
    }
  };
}

/**
 * What is handed to a function is borrowed until it returns, so that nothing may wait in it: throws VtepError 'invalid'
 * where it has returned a promise. What that comes to is told, and does not end the process.
 */
export function refusePromise(returned: unknown, rejected: (error: unknown) => void): void {
  if (!dropPromise(returned, rejected)) return;
  throw new VtepError(
    'invalid',
    'the function returned a promise: it must not be async, for frames are borrowed until it returns (copy(i) and keep(i) give frames for later)',
  );
}

/** Returns whether it was a promise; one that nobody waits for must not end the process where it rejects. */
export function dropPromise(returned: unknown, rejected: (error: unknown) => void): boolean {
  if (typeof returned !== 'object' || returned === null || !('then' in returned)) return false;
  Promise.resolve(returned).catch(rejected);
  return true;
}

/** Whatever was thrown, as text. */
export function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  } catch {
    return 'something that cannot be made text';
  }
}
