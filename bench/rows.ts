/** The rows of the benchmark: what is measured, over which link, and what ratio it has to reach. */

/** super: plain veth, frames of up to 64 KB. wire: packets of wire size with real checksums, as on a network. */
export type Mode = 'wire' | 'super';

export interface TcpWork {
  readonly kind: 'tcp';
  /** Seen from the endpoint under test: `receive` is the peer sending. */
  readonly direction: 'receive' | 'transmit';
  readonly streams: number;
}

export interface PingWork {
  readonly kind: 'ping';
  /** Echo requests a run. */
  readonly count: number;
  /** Seconds between two requests; absent: a flood, the next one as soon as the answer is there. */
  readonly interval?: number;
}

export interface Row {
  /** What `--only` takes. */
  readonly id: string;
  readonly title: string;
  readonly mode: Mode;
  readonly work: TcpWork | PingWork;
  /** Measured with --quick too. */
  readonly quick: boolean;
  /** What the ratio to the kernel's device has to be at least (Gb/s) or at most (µs); absent: no target. */
  readonly target?: number;
}

/** Gb/s: TCP payload, higher is better. µs: average round trip, lower is better. */
export type Unit = 'Gb/s' | 'µs';

export function unitOf({ work }: Row): Unit {
  return work.kind === 'tcp' ? 'Gb/s' : 'µs';
}

function tcp(mode: Mode, direction: TcpWork['direction'], streams: number, target?: number): Row {
  return {
    id: `${mode}-${direction}-${streams}`,
    title: `TCP ${direction}, ${mode}, ${streams} stream${streams === 1 ? '' : 's'}`,
    mode,
    work: { kind: 'tcp', direction, streams },
    quick: streams === 1,
    ...(target === undefined ? {} : { target }),
  };
}

export const ROWS: readonly Row[] = [
  tcp('wire', 'receive', 1, 0.6),
  tcp('wire', 'receive', 4),
  tcp('wire', 'transmit', 1, 0.5),
  tcp('wire', 'transmit', 4),
  tcp('super', 'receive', 1, 0.5),
  tcp('super', 'receive', 4),
  tcp('super', 'transmit', 1),
  tcp('super', 'transmit', 4),
  {
    id: 'rtt-flood',
    title: 'round trip, flood ping',
    mode: 'wire',
    work: { kind: 'ping', count: 3000 },
    quick: true,
  },
  {
    id: 'rtt-paced',
    title: 'round trip, a ping every 2 ms',
    mode: 'wire',
    work: { kind: 'ping', count: 1000, interval: 0.002 },
    quick: false,
  },
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
  return ROWS.filter(({ id }) => words.some((word) => id.startsWith(word)));
}

/** About how long a run takes, in seconds, with all that is around it. */
export function duration({ work }: Row, seconds: number): number {
  if (work.kind === 'tcp') return seconds + 0.5;
  return work.interval === undefined ? 0.3 : work.count * work.interval + 0.2;
}
