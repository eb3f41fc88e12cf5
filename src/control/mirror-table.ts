/**
 * Which VNIs of a mirror receiver have TAPs: how many there may be, how fast they may come, and how long they stay.
 * Knows no device and no clock of its own; times are milliseconds.
 *
 * A TAP comes when a token is there, so that a scan of VNIs makes no more than RATE a second after the first BURST;
 * it goes after its time of silence, so that none goes that has not stood for that long.
 */

/** TAPs at once, and a second from there on. */
export const BURST = 64;
export const RATE = 10;
/** VNIs that may wait for a token. */
export const WAITING = 256;

/** What becomes of a VNI that is asked for. */
export type Answer =
  /** Make its TAP: `made` or `failed` must follow. */
  | 'make'
  /** It is being made, or waits for a token. */
  | 'wait'
  /** It has one. */
  | 'known'
  /** There are as many as there may be. */
  | 'full'
  /** Too many wait. */
  | 'busy';

interface Standing {
  readonly index: number;
  /** What had been counted when the TAP was last seen to be used, and when that was. */
  activity: number;
  since: number;
}

export class MirrorTable {
  maxTaps: number;
  private readonly standing = new Map<number, Standing>();
  private readonly making = new Set<number>();
  /** In order of arrival. */
  private readonly waiting = new Set<number>();
  /** Thousandths of a token. */
  private credit = BURST * 1000;
  private filled: number;

  constructor(maxTaps: number, now: number) {
    this.maxTaps = maxTaps;
    this.filled = now;
  }

  /** TAPs that there are, and that are about to be. */
  get size(): number {
    return this.standing.size + this.making.size + this.waiting.size;
  }

  /** VNI and device of every TAP. */
  get taps(): (readonly [vni: number, index: number])[] {
    return [...this.standing].map(([vni, { index }]) => [vni, index] as const);
  }

  ask(vni: number, now: number): Answer {
    if (this.standing.has(vni)) return 'known';
    if (this.making.has(vni) || this.waiting.has(vni)) return 'wait';
    if (this.size >= this.maxTaps) return 'full';
    if (this.waiting.size === 0 && this.takeToken(now)) {
      this.making.add(vni);
      return 'make';
    }
    if (this.waiting.size === WAITING) return 'busy';
    this.waiting.add(vni);
    return 'wait';
  }

  /** The next VNI that has waited long enough, to be made; undefined: none. */
  due(now: number): number | undefined {
    const [vni] = this.waiting;
    if (vni === undefined || !this.takeToken(now)) return undefined;
    this.waiting.delete(vni);
    this.making.add(vni);
    return vni;
  }

  /** Whether VNIs wait for tokens. */
  get isPending(): boolean {
    return this.waiting.size > 0;
  }

  /** A VNI that was to be made has its TAP. */
  made(vni: number, index: number, now: number): void {
    this.making.delete(vni);
    this.standing.set(vni, { index, activity: 0, since: now });
  }

  /** It could not be made. */
  failed(vni: number): void {
    this.making.delete(vni);
  }

  /** The TAP of a VNI has gone; false where that device was not it. */
  gone(vni: number, index: number): boolean {
    return this.standing.get(vni)?.index === index && this.standing.delete(vni);
  }

  /** The TAPs that have not been used for `idle` ms. `activity` says how much a device has been used, ever. */
  idle(now: number, idle: number, activity: (index: number) => number): number[] {
    const silent: number[] = [];
    for (const tap of this.standing.values()) {
      const used = activity(tap.index);
      if (used !== tap.activity) {
        tap.activity = used;
        tap.since = now;
      } else if (now - tap.since >= idle) silent.push(tap.index);
    }
    return silent;
  }

  /** Forgets everything; gives the VNIs that were still to have a TAP. */
  clear(): number[] {
    const open = [...this.waiting, ...this.making];
    this.standing.clear();
    this.waiting.clear();
    this.making.clear();
    return open;
  }

  private takeToken(now: number): boolean {
    this.credit = Math.min(BURST * 1000, this.credit + Math.max(0, now - this.filled) * RATE);
    this.filled = now;
    if (this.credit < 1000) return false;
    this.credit -= 1000;
    return true;
  }
}
