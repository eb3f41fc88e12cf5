/** From what was counted to how much of it there is in a second. */
import { setTimeout } from 'node:timers/promises';

/** Counters by name, as they stood at one moment. */
export interface Snapshot {
  /** Milliseconds, of any clock that never goes back; for RecentRates that of performance.now. */
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

/** Snapshots that are kept. */
const KEPT = 5;

export interface Pace {
  /** Milliseconds between two snapshots that are kept. */
  readonly step: number;
  /** Milliseconds that the first who asks waits. */
  readonly firstLook: number;
  /** Milliseconds without a question after which nobody looks any more. */
  readonly forget: number;
}

const PACE: Pace = { step: 1000, firstLook: 100, forget: 15_000 };

/**
 * The rates of the last seconds, for whoever asks once. Snapshots are taken only while somebody asks now and then: where
 * nobody does there is no timer, and the first who asks waits for as long as it takes to measure.
 */
export class RecentRates {
  private readonly take: () => Snapshot;
  private readonly pace: Pace;
  private kept: Snapshot[] = [];
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private hasEnded = false;

  constructor(take: () => Snapshot, pace = PACE) {
    this.take = take;
    this.pace = pace;
  }

  /** How much there is of each in a second, over the last five seconds or since somebody began to ask. */
  async rates(): Promise<Map<string, number>> {
    this.begin();
    const [first] = this.kept;
    const { firstLook } = this.pace;
    if (first && performance.now() - first.time < firstLook) await setTimeout(firstLook);
    const now = this.take();
    const [before = now] = this.kept;
    return perSecond(before, now);
  }

  /** Whether it looks by itself. */
  get isLooking(): boolean {
    return this.timer !== undefined;
  }

  close(): void {
    this.hasEnded = true;
    this.forget();
  }

  private begin(): void {
    this.asked = performance.now();
    if (this.timer !== undefined || this.hasEnded) return;
    this.kept = [this.take()];
    // It keeps nobody's process alive.
    this.timer = setInterval(() => this.tick(), this.pace.step).unref();
  }

  private forget(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.kept = [];
  }

  private tick(): void {
    if (performance.now() - this.asked >= this.pace.forget) {
      this.forget();
      return;
    }
    this.kept.push(this.take());
    if (this.kept.length > KEPT) this.kept.shift();
  }
}
