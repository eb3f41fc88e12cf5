/**
 * Feeds the service manager's watchdog from the data loop: it is told that all is well when every worker has turned a
 * round since it was asked last, and by this thread, which proves by asking that it is there itself. A worker that hangs
 * keeps the manager waiting, and is restarted with everything else.
 */

export interface WatchedDatapath {
  /** The numbers of workers that have not come round since `ask`. */
  silent(): readonly number[];
  /** Asks every worker to show that it turns its rounds. */
  ask(): void;
}

export interface WatchdogOptions {
  /** Milliseconds within which the manager wants to hear. */
  readonly within: number;
  readonly datapath: WatchedDatapath;
  readonly alive: () => void;
  readonly log: (line: string) => void;
  /** For tests. */
  readonly every?: (work: () => void, milliseconds: number) => { unref(): unknown };
}

/** Looks in the time that the manager gives: so one late answer costs nothing. */
const LOOKS = 4;

export class Watchdog {
  private readonly options: WatchdogOptions;
  private readonly timer: { unref(): unknown };
  private readonly interval: number;
  private missed = 0;

  /** Begins at once: the manager counts from the start. */
  constructor(options: WatchdogOptions) {
    this.options = options;
    this.interval = Math.max(1, Math.floor(options.within / LOOKS));
    const { every = setInterval } = options;
    this.timer = every(() => this.look(), this.interval);
    this.timer.unref();
    options.alive();
    options.datapath.ask();
  }

  close(): void {
    clearInterval(this.timer as NodeJS.Timeout);
  }

  private look(): void {
    const { datapath, alive, log } = this.options;
    const silent = datapath.silent();
    if (silent.length > 0) {
      this.missed++;
      if (this.missed === 2) log(`the watchdog is not fed: ${whoHangs(silent)} for ${this.seconds()} s`);
      return;
    }
    if (this.missed > 1) log('the watchdog is fed again: every worker turns its rounds');
    this.missed = 0;
    alive();
    datapath.ask();
  }

  private seconds(): string {
    return String(Math.round((this.missed * this.interval) / 100) / 10);
  }
}

function whoHangs(silent: readonly number[]): string {
  const [first] = silent;
  if (silent.length === 1) return `worker ${first} has not turned a round`;
  return `workers ${silent.join(', ')} have not turned a round`;
}
