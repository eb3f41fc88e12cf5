/** From what was counted to how much of it there is in a second. */

/** Counters by name, as they stood at one moment. */
export interface Snapshot {
  /** Milliseconds, of any clock that never goes back. */
  readonly time: number;
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * How much each counter of `after` grew in a second since `before`; one that was not there then, or stood higher (it
 * is another's now), grew from 0. Nothing where no time has passed.
 */
export function perSecond(before: Snapshot, after: Snapshot): Map<string, number> {
  const seconds = (after.time - before.time) / 1000;
  const rates = new Map<string, number>();
  if (seconds <= 0) return rates;
  for (const [name, count] of after.counts) {
    const from = before.counts.get(name) ?? 0;
    rates.set(name, (count >= from ? count - from : count) / seconds);
  }
  return rates;
}

/** Milliseconds between two snapshots that are kept, and how many are. */
const STEP = 1000;
const KEPT = 5;

/** The rates of the last seconds, for whoever asks once: snapshots are taken all the time. */
export class RecentRates {
  private readonly take: () => Snapshot;
  private readonly kept: Snapshot[] = [];
  private readonly timer: NodeJS.Timeout;

  /** Takes the first snapshot now, and keeps nobody's process alive. */
  constructor(take: () => Snapshot) {
    this.take = take;
    this.tick();
    this.timer = setInterval(() => this.tick(), STEP);
    this.timer.unref();
  }

  /** How much there is of each in a second, over the last five seconds or since the beginning. */
  rates(): Map<string, number> {
    const now = this.take();
    const [before = now] = this.kept;
    return perSecond(before, now);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    this.kept.push(this.take());
    if (this.kept.length > KEPT) this.kept.shift();
  }
}
