/** How often workers may be started again, and after which time: a fault that comes again and again ends the daemon. */

/** Deaths of workers, all of them together, within this time. */
export const MOST_DEATHS = 5;
export const WITHIN_MS = 60_000;
/** Milliseconds before the second restart of them; each further one waits four times as long. The first does not wait. */
const FIRST_WAIT_MS = 100;

export class RestartLimit {
  /** When workers have died, in milliseconds of a clock that does not jump. */
  private deaths: number[] = [];

  /** A worker has died at `now`: milliseconds to wait before another is started, or -1: these were too many. */
  died(now: number): number {
    this.deaths = this.deaths.filter((at) => now - at < WITHIN_MS);
    this.deaths.push(now);
    const { length } = this.deaths;
    if (length > MOST_DEATHS) return -1;
    return length === 1 ? 0 : FIRST_WAIT_MS * 4 ** (length - 2);
  }
}
