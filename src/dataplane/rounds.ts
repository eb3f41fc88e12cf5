/**
 * A round of a worker: one bounded batch from everything that is ready, so that no direction and no device starves
 * another. However much comes in on one side, what the other has waits for no more than one batch of each that is ready.
 *
 * What was written to a port often has its answer there at once: the host's stack works on the writer's time. So the
 * round ends with a look at the ports that were written to, one batch again, and spares the worker the call that would
 * tell of it.
 */
import { EAGAIN, EBADF } from '../native/errno.js';
import { POLL_DEVICE } from './poll-set.js';
import type { WrittenPorts } from './written-ports.js';

/** What a round goes through. */
export interface ReadyEntries {
  ready(n: number): number;
  kind(entry: number): number;
  device(entry: number): number;
  which(entry: number): number;
}

/** Where batches come from; each call is one batch, and returns messages or frames, or -errno. */
export interface RoundEngine {
  serviceUnderlay(number: number, which: number): number;
  servicePort(device: number): number;
}

export interface RoundFailures {
  /** A descriptor that is none is ready for ever: out of the set with it. */
  underlay(number: number): void;
  /** So is a deleted TAP. */
  port(device: number, error: number): void;
}

export class Rounds {
  private readonly entries: ReadyEntries;
  private readonly engine: RoundEngine;
  private readonly written: WrittenPorts;
  private readonly failures: RoundFailures;

  constructor(entries: ReadyEntries, engine: RoundEngine, written: WrittenPorts, failures: RoundFailures) {
    this.entries = entries;
    this.engine = engine;
    this.written = written;
    this.failures = failures;
  }

  /** Serves the first `count` entries that are ready; returns the messages and frames that came in. */
  serve(count: number): number {
    const { entries } = this;
    let work = 0;
    for (let n = 0; n < count; n++) {
      const entry = entries.ready(n);
      const kind = entries.kind(entry);
      if (kind === POLL_DEVICE.UNDERLAY) work += this.serveUnderlay(entries.device(entry), entries.which(entry));
      else if (kind === POLL_DEVICE.PORT) work += this.servePort(entries.device(entry));
    }
    const { written } = this;
    for (let n = 0; n < written.count; n++) work += this.servePort(written.device(n));
    written.reset();
    return work;
  }

  /** Serves a port, and those that frames were written to. */
  serveOne(device: number): number {
    return this.servePort(device) + this.serve(0);
  }

  private serveUnderlay(number: number, which: number): number {
    const result = this.engine.serviceUnderlay(number, which);
    if (result === -EBADF) this.failures.underlay(number);
    return result > 0 ? result : 0;
  }

  private servePort(device: number): number {
    const result = this.engine.servicePort(device);
    if (result < 0 && result !== -EAGAIN) this.failures.port(device, result);
    return result > 0 ? result : 0;
  }
}
