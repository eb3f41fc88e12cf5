import type { EndpointEvent } from './types.js';

/** Events that whoever reads may lag behind. */
const MOST = 4096;

/** Events of an endpoint for one reader, from the moment it was made; at most MOST wait, and the rest is counted. */
export class EventStream implements AsyncIterableIterator<EndpointEvent> {
  private readonly waiting: EndpointEvent[] = [];
  private readonly wants: (event: EndpointEvent) => boolean;
  private readonly ended: () => void;
  private lost = 0;
  private isOver = false;
  /** Readers that wait for an event. */
  private sleepers: (() => void)[] = [];

  /** @internal */
  constructor(wants: (event: EndpointEvent) => boolean, ended: () => void) {
    this.wants = wants;
    this.ended = ended;
  }

  /** @internal Returns whether such events are read here. */
  push(event: EndpointEvent): boolean {
    if (this.isOver || (event.type !== 'lost' && !this.wants(event))) return false;
    if (event.type === 'lost') this.lost += event.count;
    else if (this.waiting.length < MOST) this.waiting.push(event);
    else this.lost++;
    this.wakeAll();
    return true;
  }

  /** No more events after those that wait. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.ended();
    this.wakeAll();
  }

  async next(): Promise<IteratorResult<EndpointEvent, undefined>> {
    for (;;) {
      const event = this.waiting.shift();
      if (event) return { done: false, value: event };
      if (this.lost > 0) {
        const count = this.lost;
        this.lost = 0;
        return { done: false, value: { type: 'lost', count } };
      }
      if (this.isOver) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.sleepers.push(resolve));
    }
  }

  /** Called where a loop over it is left. */
  async return(): Promise<IteratorResult<EndpointEvent, undefined>> {
    this.waiting.length = 0;
    this.lost = 0;
    this.close();
    return { done: true, value: undefined };
  }

  private wakeAll(): void {
    const { sleepers } = this;
    if (sleepers.length === 0) return;
    this.sleepers = [];
    for (const wake of sleepers) wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
