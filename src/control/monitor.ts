import { setImmediate } from 'node:timers/promises';
import type { MonitorRequest } from '../iproute/monitor-types.js';
import { printMonitorEvent } from '../iproute/print-monitor.js';
import type { EventLog, Listener } from './events.js';
import type { Say } from './protocol.js';

/** Characters that are sent together, at most one event more. */
const CHUNK = 65_536;

/** One client's monitor: events from the moment it was made, sent as fast as the client takes them. */
export class Monitor {
  private readonly listener: Listener;
  private wake: () => void = () => undefined;

  constructor(log: EventLog, request: MonitorRequest) {
    this.listener = log.listen(request, () => this.wake());
  }

  /** Sends until `until` resolves; rejects where the client is gone. */
  async run(say: Say, until: Promise<void>): Promise<void> {
    let isOver = false;
    const over = until.then(() => {
      isOver = true;
      this.wake();
    });
    try {
      // Says that from now on nothing is missed.
      await say({ out: '' });
      while (!isOver) {
        const isEnd = await this.send(say);
        // Others have their turn between two chunks; at the end of the log there is no hurry.
        if (!isEnd) await setImmediate();
        else if (!isOver) await this.more();
      }
    } finally {
      this.listener.close();
      over.catch(() => undefined);
    }
  }

  /** Sends what there is, a chunk at most; whether that was all. */
  private async send(say: Say): Promise<boolean> {
    const { listener } = this;
    const lost = listener.takeLost();
    if (lost > 0) await say({ err: `vtep: ${lost} events were lost: they came faster than they were read\n` });
    let text = '';
    let timed = listener.read();
    for (; timed; timed = text.length < CHUNK ? listener.read() : undefined) {
      text += printMonitorEvent(timed, listener.request);
    }
    if (text !== '') await say({ out: text });
    listener.done();
    return text.length < CHUNK;
  }

  /** Resolves when there is more to send, or the monitor is to end; at least after the present turn of the loop. */
  private more(): Promise<void> {
    if (this.listener.hasMore) return setImmediate();
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
