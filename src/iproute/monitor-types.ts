/** What `monitor` tells of: changes of links, rules and forwarding entries, each as it is in force. */
import type { ActionKind, ActionState, FilterParent, FilterState, OutputOptions, QdiscState } from './commands.js';
import type { FdbEntryState } from './fdb-types.js';
import type { LinkState } from './link-state.js';

/** All filters of one priority, which went together. */
export interface FilterPriority {
  readonly dev: string;
  readonly parent: FilterParent;
  readonly protocol: number;
  readonly pref: number;
  readonly chain: number;
}

/** A change. What is deleted is given as it was at last. */
export type MonitorEvent =
  /** `change`: what told the link apart before and after; undefined where it is not there. */
  | {
      readonly type: 'link';
      readonly link: LinkState;
      readonly deleted: boolean;
      readonly change?: { readonly before: string | undefined; readonly after: string | undefined };
    }
  | { readonly type: 'qdisc'; readonly qdisc: QdiscState; readonly deleted: boolean }
  | { readonly type: 'chain'; readonly dev: string; readonly chain: number; readonly deleted: boolean }
  | {
      readonly type: 'filter';
      readonly filter: FilterState;
      /** By the verb that did it, as the kernel has it: a `replace` of nothing is `replaced` too. */
      readonly event: 'added' | 'replaced' | 'changed' | 'deleted';
    }
  | { readonly type: 'priority'; readonly priority: FilterPriority }
  | {
      readonly type: 'actions';
      readonly event: 'added' | 'replaced' | 'deleted';
      /** Of one command. */
      readonly actions: readonly ActionState[];
    }
  | { readonly type: 'actions-flush'; readonly kind: ActionKind; readonly count: number }
  | { readonly type: 'fdb'; readonly entry: FdbEntryState; readonly deleted: boolean }
  /** A frame for `mac` (l2miss) or `ip` (l3miss) found no entry. 6 bytes; 4 or 16 bytes. */
  | { readonly type: 'miss'; readonly dev: string; readonly mac?: Uint8Array; readonly ip?: Uint8Array }
  /** A VNI that arrived at a mirror receiver got no TAP, and why, as a sentence without its full stop. */
  | { readonly type: 'no-tap'; readonly dev: string; readonly vni: number; readonly why: string };

/** An event and when it was: microseconds since 1970. */
export interface TimedEvent {
  readonly at: number;
  readonly event: MonitorEvent;
}

/** In whose words something is told: `bridge` has its own of links, and `ip` of forwarding entries. */
export type MonitorSubject =
  | 'link'
  | 'bridge-link'
  | 'qdisc'
  | 'chain'
  | 'filter'
  | 'actions'
  | 'fdb'
  | 'neigh'
  | 'miss'
  | 'mirror';

/** What a `monitor` asks for. */
export interface MonitorRequest {
  readonly subjects: readonly MonitorSubject[];
  /** Only of this device. */
  readonly dev?: string;
  /** `[LINK]` and the like before each. */
  readonly label: boolean;
  readonly timestamp?: 'long' | 'short';
  readonly output: OutputOptions;
}

const subjectsOf: Record<MonitorEvent['type'], readonly MonitorSubject[]> = {
  link: ['link', 'bridge-link'],
  qdisc: ['qdisc'],
  chain: ['chain'],
  filter: ['filter'],
  priority: ['filter'],
  actions: ['actions'],
  'actions-flush': ['actions'],
  fdb: ['fdb', 'neigh'],
  miss: ['miss'],
  'no-tap': ['mirror'],
};

/** The device that an event is about; undefined: none. */
function deviceOf(event: MonitorEvent): string | undefined {
  switch (event.type) {
    case 'link':
      return event.link.name;
    case 'qdisc':
      return event.qdisc.dev;
    case 'filter':
      return event.filter.dev;
    case 'priority':
      return event.priority.dev;
    case 'fdb':
      return event.entry.dev;
    case 'chain':
    case 'miss':
    case 'no-tap':
      return event.dev;
    default:
      return undefined;
  }
}

/** In whose words an event is to be told; undefined where it was not asked for. */
export function monitorSubject(event: MonitorEvent, request: MonitorRequest): MonitorSubject | undefined {
  if (request.dev !== undefined && deviceOf(event) !== request.dev) return undefined;
  return subjectsOf[event.type].find((subject) => request.subjects.includes(subject));
}
