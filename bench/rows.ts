/** The rows of the benchmark: what is measured, over which link, and what it has to reach. */
import type { EndpointKind } from './endpoints/endpoint.js';

/** super: plain veth, frames of up to 64 KB. wire: packets of wire size with real checksums, as on a network. */
export type Mode = 'wire' | 'super';

/** Seen from the endpoint under test: `receive` is the peer sending. */
export type Direction = 'receive' | 'transmit';

export interface TcpWork {
  readonly kind: 'tcp';
  readonly direction: Direction;
  readonly streams: number;
}

export interface UdpWork {
  readonly kind: 'udp';
  readonly direction: Direction;
  /** UDP payload of an inner datagram, in bytes. */
  readonly size: number;
  readonly flows: number;
}

export interface PingWork {
  readonly kind: 'ping';
  /** Echo requests a run. */
  readonly count: number;
  /** Milliseconds between two requests; 0: a flood, the next one as soon as the answer is there. */
  readonly interval: number;
}

/** Nothing to do: what an endpoint's processes use all the same. */
export interface IdleWork {
  readonly kind: 'idle';
}

export interface Row {
  /** What `--rows` takes. */
  readonly id: string;
  readonly title: string;
  readonly mode: Mode;
  readonly work: TcpWork | UdpWork | PingWork | IdleWork;
  /** Measured with --quick too. */
  readonly quick: boolean;
  /**
   * What the ratio to the kernel's device has to be at least (where more is better) or at most; of idleness: what the
   * value itself has to be below. Absent: no target.
   */
  readonly target?: number;
}

/**
 * Gb/s: TCP payload. kpps: thousands of datagrams delivered a second. µs: average round trip. %: of one core. Of the
 * first two more is better.
 */
export type Unit = 'Gb/s' | 'kpps' | 'µs' | '%';

const UNITS = { tcp: 'Gb/s', udp: 'kpps', ping: 'µs', idle: '%' } as const;

export function unitOf({ work }: Row): Unit {
  return UNITS[work.kind];
}

export function moreIsBetter(unit: Unit): boolean {
  return unit === 'Gb/s' || unit === 'kpps';
}

/** How many times as fast as an endpoint beside the kernel's vtep has to be, in every row. */
export const TIMES_WANTED: Readonly<Partial<Record<EndpointKind, number>>> = { ovs: 3 };

function hasManyFlows(work: Row['work']): boolean {
  return (work.kind === 'tcp' && work.streams > 1) || (work.kind === 'udp' && work.flows > 1);
}

/** Why an endpoint does not take part in a row; undefined where it does. */
export function omission({ mode, work }: Row, kind: EndpointKind): string | undefined {
  const cuts = kind === 'vtep-tunnel-gso' || kind === 'vtep-workers-gso';
  const shares = kind === 'vtep-workers' || kind === 'vtep-workers-gso';
  if (cuts && !(work.kind === 'tcp' && work.direction === 'transmit')) return 'it is vtep but where TCP is sent';
  if (shares && !hasManyFlows(work)) return "one flow is one worker's";
  if (work.kind === 'idle' && kind === 'kernel') return 'it is no process';
  if (mode === 'super' && kind === 'ovs') return 'it drops super-frames on their way into a tunnel';
  if (mode === 'super' && kind === 'naive') return 'a plain TAP takes no unfinished checksum';
  return undefined;
}

function target(value: number | undefined): { readonly target?: number } {
  return value === undefined ? {} : { target: value };
}

function tcp(mode: Mode, direction: Direction, streams: number, wanted?: number): Row {
  return {
    id: `${mode}-${direction}-${streams}`,
    title: `TCP ${direction}, ${mode}, ${streams} stream${streams === 1 ? '' : 's'}`,
    mode,
    work: { kind: 'tcp', direction, streams },
    quick: streams === 1 && (mode === 'wire' || direction === 'receive'),
    ...target(wanted),
  };
}

function udp(direction: Direction, size: number, flows: number, wanted?: number): Row {
  return {
    id: `udp-${size}-${direction}-${flows}`,
    title: `UDP ${direction}, ${size.toLocaleString('en')} B, ${flows === 1 ? '1 flow' : `${flows.toLocaleString('en')} flows`}`,
    mode: 'wire',
    work: { kind: 'udp', direction, size, flows },
    quick: direction === 'receive' && size === 64 && flows === 1,
    ...target(wanted),
  };
}

export const ROWS: readonly Row[] = [
  tcp('wire', 'receive', 1, 0.9),
  tcp('wire', 'receive', 4, 0.9),
  tcp('wire', 'transmit', 1, 0.75),
  tcp('wire', 'transmit', 4, 0.75),
  tcp('super', 'receive', 1, 0.8),
  tcp('super', 'receive', 4, 0.8),
  tcp('super', 'transmit', 1, 0.45),
  tcp('super', 'transmit', 4, 0.45),
  udp('receive', 64, 1, 0.7),
  udp('receive', 64, 1000, 0.4),
  udp('receive', 1400, 1),
  udp('receive', 1400, 1000),
  udp('transmit', 64, 1, 0.7),
  udp('transmit', 64, 1000, 0.4),
  udp('transmit', 1400, 1),
  udp('transmit', 1400, 1000),
  {
    id: 'rtt-flood',
    title: 'round trip, flood',
    mode: 'wire',
    work: { kind: 'ping', count: 5000, interval: 0 },
    quick: true,
    target: 4,
  },
  {
    id: 'rtt-paced',
    title: 'round trip, every 2 ms',
    mode: 'wire',
    work: { kind: 'ping', count: 1000, interval: 2 },
    quick: false,
    target: 6,
  },
  { id: 'idle', title: 'CPU when idle', mode: 'wire', work: { kind: 'idle' }, quick: false, target: 0.5 },
];

/**
 * The rows that words such as `wire-receive-1`, or the beginning of several ids such as `wire` or `rtt`, name, in the
 * order of the table. Throws where a word names none.
 */
export function rowsNamed(words: readonly string[]): Row[] {
  for (const word of words) {
    if (word === '' || !ROWS.some(({ id }) => id.startsWith(word))) {
      throw new Error(`there is no row “${word}”; the rows are ${ROWS.map(({ id }) => id).join(', ')}`);
    }
  }
  return ROWS.filter(({ id }) => words.some((word) => id === word || (id.startsWith(word) && !hasRow(word))));
}

/** Whether a word is a row's whole id: it then names that row alone (`udp-64-receive-1` is not `…-1000`). */
function hasRow(word: string): boolean {
  return ROWS.some(({ id }) => id === word);
}

/** About how long a run takes, in seconds, with all that is around it. */
export function duration({ work }: Row, seconds: number): number {
  switch (work.kind) {
    case 'tcp':
      return seconds + 0.5;
    case 'udp':
      return seconds + 0.9;
    case 'ping':
      return (work.count * Math.max(work.interval, 0.05)) / 1000 + 0.4;
    case 'idle':
      return IDLE_SECONDS;
  }
}

/** Length of a look at an idle endpoint. */
export const IDLE_SECONDS = 3;
