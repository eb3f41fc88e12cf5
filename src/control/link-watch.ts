import type { LinkState } from '../iproute/link-state.js';
import { printMonitorEvent } from '../iproute/print-monitor.js';
import type { EventSink } from './events.js';

/** A link as it was last told of, and what a monitor with `-d` printed of it. */
interface Known {
  readonly link: LinkState;
  readonly print: string;
}

/**
 * Tells of what becomes of vtep's links. The kernel's notices say that something changed; what is told is how the
 * link is then, once for each change that `ip -d monitor link` shows a difference of.
 */
export class LinkWatch {
  private readonly sink: EventSink;
  private readonly read: (index: number) => LinkState | undefined;
  private readonly known = new Map<number, Known>();

  /** `read`: the link of a device as it is now; undefined where it has none in this network namespace. */
  constructor(sink: EventSink, read: (index: number) => LinkState | undefined) {
    this.sink = sink;
    this.read = read;
  }

  /** Listening begins: what there is now is no news. */
  begin(devices: Iterable<number>): void {
    if (this.sink.isHeard) return;
    this.known.clear();
    for (const index of devices) {
      const link = this.read(index);
      if (link) this.known.set(index, { link, print: printOf(link) });
    }
  }

  /** Something about a device has changed, perhaps. */
  changed(index: number): void {
    if (!this.sink.isHeard) return;
    const link = this.read(index);
    if (!link) {
      this.gone(index);
      return;
    }
    const before = this.known.get(index);
    const print = printOf(link);
    if (print === before?.print) return;
    this.known.set(index, { link, print });
    this.sink.emit({ type: 'link', link, deleted: false, change: { before: before?.print, after: print } });
  }

  /** A device has gone, or to another network namespace. The kernel sets a link down before it deletes it. */
  gone(index: number): void {
    const before = this.known.get(index);
    this.known.delete(index);
    if (!before) return;
    const { master: _above, ...link } = before.link;
    const flags = link.flags.filter((flag) => flag !== 'UP' && flag !== 'LOWER_UP' && flag !== 'NO-CARRIER');
    const last = { ...link, flags, qdisc: 'noop', operstate: 'DOWN' };
    this.sink.emit({ type: 'link', link: last, deleted: true, change: { before: before.print, after: undefined } });
  }
}

function printOf(link: LinkState): string {
  const output = { statistics: false, details: true, json: false, pretty: false };
  return printMonitorEvent(
    { at: 0, event: { type: 'link', link, deleted: false } },
    {
      subjects: ['link'],
      label: false,
      output,
    },
  );
}
