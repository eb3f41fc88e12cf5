/** Where a bar is drawn. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Nothing is drawn before, and then at most this often. */
const FIRST_MS = 500;
const INTERVAL_MS = 100;
const WIDEST = 40;

/** A bar on a terminal for work that takes longer than half a second; elsewhere nothing. */
export class Progress {
  private readonly screen: Screen;
  private readonly now: () => number;
  private readonly began: number;
  private drawn = 0;
  private isShown = false;

  /** `now` in milliseconds. */
  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.screen = screen;
    this.now = now;
    this.began = now();
  }

  /** `done` of `total` is done; without a total only the number is said. */
  at(done: number, total: number | undefined): void {
    const now = this.now();
    if (!this.screen.isTTY || now - this.began < FIRST_MS || now - this.drawn < INTERVAL_MS) return;
    this.drawn = now;
    this.isShown = true;
    this.screen.write(`\r${bar(done, total, this.screen.columns ?? 80)}\x1b[K`);
  }

  /** Takes the bar away: before something else is printed, and at the end. */
  clear(): void {
    if (this.isShown) this.screen.write('\r\x1b[K');
    this.isShown = false;
  }
}

function bar(done: number, total: number | undefined, columns: number): string {
  if (total === undefined || total <= 0) return `${done} characters`;
  const share = Math.min(1, done / total);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const width = Math.max(0, Math.min(WIDEST, columns - percent.length - 4));
  const full = Math.round(share * width);
  return `${percent} [${'#'.repeat(full)}${'-'.repeat(width - full)}]`;
}
