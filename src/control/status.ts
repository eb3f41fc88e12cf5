/** The sentence that `systemctl status` shows: how many devices, filters and peers there are. */

export interface StatusCounts {
  readonly devices: number;
  readonly filters: number;
  readonly peers: number;
}

export function statusSentence({ devices, filters, peers }: StatusCounts): string {
  const of = (count: number, what: string): string =>
    `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
  return `${of(devices, 'device')}, ${of(filters, 'filter')}, ${of(peers, 'peer')}`;
}

/** Milliseconds between two looks at least, and how many times as long as a look took. */
const LEAST_MS = 15_000;
const SHARE = 500;

/** Keeps the sentence current, at a rate that costs nothing however much there is to count. */
export class StatusTicker {
  private readonly sentence: () => string;
  private readonly say: (sentence: string) => void;
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;

  constructor(sentence: () => string, say: (sentence: string) => void, now: () => number = () => performance.now()) {
    this.sentence = sentence;
    this.say = say;
    this.now = now;
  }

  /** Says it, and says it again when it has changed. Returns the milliseconds until the next look. */
  look(): number {
    clearTimeout(this.timer);
    const began = this.now();
    this.say(this.sentence());
    const next = Math.max(LEAST_MS, SHARE * (this.now() - began));
    this.timer = setTimeout(() => this.look(), next);
    this.timer.unref();
    return next;
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
