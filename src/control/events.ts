/**
 * What has changed, for whoever listens: one log of the last events that all listeners read, each at a place of its
 * own. However many of them are slow or dead, the daemon holds that one log; a listener whose place falls out of it
 * is told how many events it has missed, as a netlink socket's ENOBUFS would, and goes on with what there still is.
 *
 * Without listeners nothing is noted. Rules come in force together, and so do their events: `note` keeps one until
 * `inForce`. Within `hold`, which is for what may be undone as a whole, no event is told before its end.
 */

import { type MonitorEvent, type MonitorRequest, monitorSubject, type TimedEvent } from '../iproute/monitor-types.js';
import { FineWallClock } from '../memory/clock.js';

/** Events that a listener may lag behind. A filter's is about a kilobyte. */
export const EVENTS_HELD = 16_384;

/** What of the log the rules and the devices use. */
export interface EventSink {
  /** Whether anybody listens. */
  readonly isHeard: boolean;
  /** Tells of what is in force now. */
  emit(event: MonitorEvent): void;
  /** Keeps an event until what it tells of is in force. */
  note(event: MonitorEvent): void;
  /** How many events are noted, those that were too many included. */
  readonly noted: number;
  /** Forgets what was noted since there were so many: it was undone. */
  unnote(count: number): void;
  /** Hands over what was noted, to be told with `emitAll` when it is in force. */
  takeNoted(): Noted;
  emitAll(noted: Noted): void;
}

/** Events that are not in force yet; those that were too many to be kept are only counted. */
export interface Noted {
  readonly events: readonly MonitorEvent[];
  readonly lost: number;
}

function wallClock(): () => number {
  const clock = new FineWallClock();
  return () => clock.now();
}

const NOTHING: Noted = { events: [], lost: 0 };

export class EventLog implements EventSink {
  private readonly most: number;
  private readonly now: () => number;
  private readonly listeners = new Set<Listener>();
  /** Number of the first event held. */
  private first = 0;
  private held: TimedEvent[] = [];
  private notedEvents: MonitorEvent[] = [];
  private notedLost = 0;
  /** What waits for the end of a transaction. */
  private waiting: TimedEvent[] | undefined;
  private waitingLost = 0;

  /** `now`: microseconds since 1970. */
  constructor(most = EVENTS_HELD, now: () => number = wallClock()) {
    this.most = most;
    this.now = now;
  }

  get isHeard(): boolean {
    return this.listeners.size > 0;
  }

  emit(event: MonitorEvent): void {
    if (!this.isHeard) return;
    const timed = { at: this.now(), event };
    if (!this.waiting) this.append(timed);
    else if (this.waiting.length < this.most) this.waiting.push(timed);
    else this.waitingLost++;
  }

  note(event: MonitorEvent): void {
    if (!this.isHeard) return;
    if (this.notedEvents.length < this.most) this.notedEvents.push(event);
    else this.notedLost++;
  }

  get noted(): number {
    return this.notedEvents.length + this.notedLost;
  }

  unnote(count: number): void {
    this.notedEvents.length = Math.min(this.notedEvents.length, count);
    this.notedLost = count - this.notedEvents.length;
  }

  takeNoted(): Noted {
    if (this.notedEvents.length === 0) return NOTHING;
    const taken = { events: this.notedEvents, lost: this.notedLost };
    this.notedEvents = [];
    this.notedLost = 0;
    return taken;
  }

  emitAll({ events, lost }: Noted): void {
    for (const event of events) this.emit(event);
    if (this.waiting) this.waitingLost += lost;
    else this.lose(lost);
  }

  /**
   * Runs what takes place as a whole or not at all, and tells of its events at its end, or when it calls `inForce`: from
   * then on it cannot be undone. Of a link that is then as it was before, nothing is told.
   */
  async hold<T>(work: (inForce: () => void) => Promise<T>): Promise<T> {
    if (this.waiting) return work(() => undefined);
    this.waiting = [];
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.release();
      isHeld = false;
    };
    try {
      return await work(release);
    } finally {
      release();
    }
  }

  private release(): void {
    const events = this.waiting ?? [];
    const lost = this.waitingLost;
    this.waiting = undefined;
    this.waitingLost = 0;
    for (const timed of withoutUndone(events)) this.append(timed);
    this.lose(lost);
  }

  /** Listens from now on. `wake` is called when there is something new, or something was lost. */
  listen(request: MonitorRequest, wake: () => void): Listener {
    const listener = new Listener(this, request, this.first + this.held.length, wake);
    this.listeners.add(listener);
    return listener;
  }

  /** No more events for this listener. */
  forget(listener: Listener): void {
    this.listeners.delete(listener);
    this.trim();
  }

  /** How many events are held. */
  get size(): number {
    return this.held.length;
  }

  /** The event of that number; undefined where there is none yet. */
  at(number: number): TimedEvent | undefined {
    return this.held[number - this.first];
  }

  /** Drops what every listener has read. Done in large steps: a shift for each event would be slow. */
  trim(): void {
    let least = this.first + this.held.length;
    for (const { next } of this.listeners) least = Math.min(least, next);
    const read = least - this.first;
    if (read === this.held.length) this.held = [];
    else if (read * 2 > this.held.length) this.held = this.held.slice(read);
    else return;
    this.first = least;
  }

  private append(timed: TimedEvent): void {
    if (!this.isHeard) return;
    this.held.push(timed);
    // A quarter at a time, for the same reason.
    if (this.held.length > this.most) this.discard(Math.ceil(this.most / 4));
    for (const listener of this.listeners) listener.wake();
  }

  private discard(count: number): void {
    const end = this.first + count;
    for (const listener of this.listeners) {
      for (; listener.next < end; listener.next++) {
        const timed = this.at(listener.next);
        if (timed && monitorSubject(timed.event, listener.request)) listener.lost++;
      }
    }
    this.held = this.held.slice(count);
    this.first = end;
  }

  /** Events that were never kept: which of them a listener asked for is not known any more. */
  private lose(count: number): void {
    if (count === 0) return;
    for (const listener of this.listeners) {
      listener.lost += count;
      listener.wake();
    }
  }
}

/** A place in the log. */
export class Listener {
  readonly request: MonitorRequest;
  readonly wake: () => void;
  /** Number of the next event to read. */
  next: number;
  /** Events that went unread since the last look. */
  lost = 0;
  private readonly log: EventLog;

  constructor(log: EventLog, request: MonitorRequest, next: number, wake: () => void) {
    this.log = log;
    this.request = request;
    this.next = next;
    this.wake = wake;
  }

  /** The next event, read; undefined where there is none yet. */
  read(): TimedEvent | undefined {
    const timed = this.log.at(this.next);
    if (timed) this.next++;
    return timed;
  }

  /** Whether there is something to read, or to say of what was lost. */
  get hasMore(): boolean {
    return this.lost > 0 || this.log.at(this.next) !== undefined;
  }

  /** How many events were missed since the last time. */
  takeLost(): number {
    const { lost } = this;
    this.lost = 0;
    return lost;
  }

  /** What was read may be forgotten. */
  done(): void {
    this.log.trim();
  }

  close(): void {
    this.log.forget(this);
  }
}

/** Leaves out what became of links that are in the end as they were before. */
function withoutUndone(events: readonly TimedEvent[]): readonly TimedEvent[] {
  const changes = new Map<number, { readonly before: string | undefined; after: string | undefined }>();
  for (const { event } of events) {
    if (event.type !== 'link' || !event.change) continue;
    const known = changes.get(event.link.ifindex);
    if (known) known.after = event.change.after;
    else changes.set(event.link.ifindex, { ...event.change });
  }
  return events.filter(({ event }) => {
    const change = event.type === 'link' ? changes.get(event.link.ifindex) : undefined;
    return !change || change.before !== change.after;
  });
}
