import type { DeviceRegistry } from '../control/device-registry.js';
import type { EventLog, Listener } from '../control/events.js';
import { formatIp, formatMac } from '../iproute/address.js';
import type { FdbEntryState } from '../iproute/fdb-types.js';
import type { MonitorEvent } from '../iproute/monitor-types.js';
import { EventStream } from './event-stream.js';
import type { Drop, EndpointEvent, EventType, FdbEntry } from './types.js';

/** Milliseconds between two looks at what was dropped. */
const DROP_INTERVAL = 1000;

export interface EventSources {
  readonly log: EventLog;
  readonly registry: DeviceRegistry;
  /** To be called before somebody listens. */
  beginWatching(): void;
  drops(): Promise<Drop[]>;
}

/** Tells every reader of what happens. While there is none, nothing is looked at. */
export class EventHub {
  private readonly sources: EventSources;
  private readonly streams = new Set<EventStream>();
  private listener: Listener | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** What had been dropped at the last look, by device and reason. */
  private seen = new Map<string, number>();
  private isLooking = false;

  constructor(sources: EventSources) {
    this.sources = sources;
  }

  /** Events of these types from now on; all, where none is named. What is lost is told in any case. */
  open(types: readonly EventType[]): EventStream {
    const wanted = new Set<EventType>(types);
    const stream: EventStream = new EventStream(
      ({ type }) => wanted.size === 0 || wanted.has(type),
      () => this.closed(stream),
    );
    if (this.streams.size === 0) this.begin();
    this.streams.add(stream);
    return stream;
  }

  /** Returns whether anybody reads such events. */
  tell(event: EndpointEvent): boolean {
    let isRead = false;
    for (const stream of this.streams) if (stream.push(event)) isRead = true;
    return isRead;
  }

  async close(): Promise<void> {
    if (this.streams.size > 0) await this.lookAtDrops();
    for (const stream of [...this.streams]) stream.close();
  }

  private begin(): void {
    this.sources.beginWatching();
    const request = {
      subjects: ['link', 'fdb'] as const,
      label: false,
      output: { statistics: false, details: false, json: false, pretty: false },
    };
    this.listener = this.sources.log.listen(request, () => this.read());
    this.seen.clear();
    void this.sources.drops().then((drops) => {
      if (this.seen.size === 0) this.seen = countsOf(drops);
    });
    this.timer = setInterval(() => void this.lookAtDrops(), DROP_INTERVAL);
    this.timer.unref();
  }

  private closed(stream: EventStream): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    clearInterval(this.timer);
    this.listener?.close();
    this.listener = undefined;
  }

  private read(): void {
    const { listener } = this;
    if (!listener) return;
    const lost = listener.takeLost();
    if (lost > 0) this.tell({ type: 'lost', count: lost });
    for (let timed = listener.read(); timed; timed = listener.read()) {
      const event = eventOf(timed.event);
      if (event) this.tell(event);
    }
    listener.done();
  }

  private async lookAtDrops(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      const drops = await this.sources.drops();
      for (const { device, reason, verdict, count, sentence } of drops) {
        const since = count - (this.seen.get(`${device} ${reason}`) ?? 0);
        if (since > 0 && verdict === 'drop') this.tell({ type: 'dropped', device, reason, count: since, sentence });
      }
      this.seen = countsOf(drops);
    } finally {
      this.isLooking = false;
    }
  }
}

function countsOf(drops: readonly Drop[]): Map<string, number> {
  return new Map(drops.map(({ device, reason, count }) => [`${device} ${reason}`, count]));
}

function eventOf(event: MonitorEvent): EndpointEvent | undefined {
  if (event.type === 'link') {
    const { name, flags, mtu } = event.link;
    if (event.deleted) return { type: 'link-deleted', device: name };
    return { type: 'link', device: name, up: flags.includes('UP'), mtu };
  }
  if (event.type !== 'fdb') return undefined;
  const { entry, deleted } = event;
  // What was typed is neither.
  if (deleted) return entry.state === 'stale' ? { type: 'aged', ...fdbEntry(entry) } : undefined;
  return entry.state === 'dynamic' ? { type: 'learned', ...fdbEntry(entry) } : undefined;
}

export function fdbEntry({ dev, mac, state, dst, port, vni }: FdbEntryState): FdbEntry {
  return {
    device: dev,
    mac: formatMac(mac),
    state,
    ...(dst && { peer: formatIp(dst) }),
    ...(port !== undefined && { port }),
    ...(vni !== undefined && { vni }),
  };
}
