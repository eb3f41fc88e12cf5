/**
 * A round of a worker: a bounded number of batches from everything that is ready, so that no direction and no device
 * starves another.
 *
 * From a port it is one batch. A receive queue that had several messages is looked at again at once, up to BATCHES times:
 * a sender in a hurry has filled it meanwhile, and what the host answers (acknowledgements) leaves together, behind more
 * data. Each answer that is sent has the peer's stack send more on this thread's time where both are on one machine, and
 * wakes it where they are not: four TCP streams on two cores come in 1.15 to 1.35 times as fast with it, for 0.84 instead
 * of 0.91 of a processor (docs/performance.md).
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
  /** Is told what the turn of the n-th one came to: messages or frames, 0, or -errno. */
  tried(n: number, result: number): void;
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

/** Messages of a batch that make it likely that more have come in since. */
const SEVERAL = 4;
/** Batches of a receive queue after which the others have their turn. */
export const BATCHES = 4;

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
      if (kind === POLL_DEVICE.CONTROL || kind === POLL_DEVICE.NONE) continue;
      const gained =
        kind === POLL_DEVICE.UNDERLAY
          ? this.serveUnderlay(entries.device(entry), entries.which(entry))
          : this.servePort(entries.device(entry));
      entries.tried(n, gained);
      work += gained;
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
    let work = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      const result = this.engine.serviceUnderlay(number, which);
      if (result === -EBADF) this.failures.underlay(number);
      if (result > 0) work += result;
      if (result < SEVERAL) break;
    }
    return work;
  }

  private servePort(device: number): number {
    const result = this.engine.servicePort(device);
    if (result < 0 && result !== -EAGAIN) this.failures.port(device, result);
    return result > 0 ? result : 0;
  }
}
