import type { EventSink } from './events.js';
import type { FdbChange } from './forwarding.js';

/** Tells whoever monitors what happened to the forwarding tables. */
export function tellFdb(events: EventSink, change: FdbChange): void {
  switch (change.type) {
    case 'lost':
      events.emitAll({ events: [], lost: change.count });
      break;
    case 'l2-miss':
      events.emit({ type: 'miss', dev: change.dev, mac: change.mac });
      break;
    case 'l3-miss':
      events.emit({ type: 'miss', dev: change.dev, ip: change.address });
      break;
    default:
      events.emit({ type: 'fdb', entry: change.entry, deleted: change.type === 'deleted' });
  }
}
