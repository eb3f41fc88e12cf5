/** Two observations side by side: what is equal, and where not, what is different. */
import { isDeepStrictEqual } from 'node:util';
import type { Observation, Sent } from './observe.js';
import type { Row } from './row.js';

export const ASPECTS = ['link', 'wire', 'ports', 'inner', 'fdb', 'counters'] as const;
export type Aspect = (typeof ASPECTS)[number];

export interface Difference {
  readonly aspect: Aspect;
  readonly kernel: unknown;
  readonly vtep: unknown;
}

export interface Verdict {
  readonly row: Row;
  readonly kernel: Observation;
  readonly vtep: Observation;
  /** Empty where they are equal. */
  readonly differences: readonly Difference[];
}

/** Entries of one list that the other one has not. */
function missing(of: readonly unknown[], from: readonly unknown[]): unknown[] {
  const rest = [...from];
  return of.filter((entry) => {
    const at = rest.findIndex((other) => isDeepStrictEqual(entry, other));
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

function inRange(ports: readonly number[], [low, high]: readonly [number, number]): boolean {
  return ports.every((port) => port >= low && port < high);
}

/** Drops that the kernel counts nowhere, or at the UDP socket, and vtep in rx_dropped as well (docs/differences.md). */
export const SILENT: readonly string[] = [
  ...['short-vxlan-header', 'no-vni-flag', 'unknown-vni', 'no-inner-frame', 'short-inner-frame', 'own-source-mac'],
  ...['bad-source-mac', 'static-mac', 'socket-overflow', 'outer-checksum', 'outer-malformed'],
];

/** The counters of vtep as the kernel would count: the two differences that docs/differences.md names taken out. */
function asTheKernel({ counters, drops, tagBytes }: Observation): Readonly<Record<string, number>> {
  const silent = SILENT.reduce((sum, reason) => sum + (drops[reason] ?? 0), 0);
  const { rx_dropped = 0, tx_bytes = 0 } = counters;
  return { ...counters, rx_dropped: rx_dropped - silent, tx_bytes: tx_bytes - tagBytes };
}

/** Whether both devices were made by the same line, and so have the same said of them. */
function sameWords({ mode, vtep, attributes }: Row): boolean {
  return mode !== 'rules' && vtep === undefined && attributes === undefined;
}

/** Without `dev`, and without an MTU of its own, a device of the kernel's has one that does not fit. */
function mtuOf({ options, mtu }: Row, observed: Observation): readonly number[] {
  return mtu !== undefined || /\bdev\b/.test(options) ? [observed.mtu] : [];
}

function counted(row: Row, counters: Readonly<Record<string, number>>): [name: string, count: number][] {
  const left = { transmit: 'tx_', otherhost: 'rx_otherhost' }[row.uncounted ?? 'transmit'];
  return Object.entries(counters).filter(([name]) => row.uncounted === undefined || !name.startsWith(left));
}

function byShape(sent: readonly Sent[]): readonly unknown[] {
  return sent.map(({ inner, outer }) => ({ inner: typeof inner === 'string' ? inner.slice(0, 160) : inner, outer }));
}

export function judge(row: Row, kernel: Observation, vtep: Observation): Verdict {
  const differences: Difference[] = [];
  const compare = (aspect: Aspect, theirs: readonly unknown[], ours: readonly unknown[]): void => {
    if (isDeepStrictEqual(theirs, ours)) return;
    const [lacking, surplus] = [missing(theirs, ours), missing(ours, theirs)];
    const isOrder = lacking.length === 0 && surplus.length === 0;
    differences.push({ aspect, kernel: isOrder ? 'in another order' : lacking, vtep: isOrder ? '' : surplus });
  };
  if (sameWords(row)) {
    compare('link', [kernel.shown, ...mtuOf(row, kernel)], [vtep.shown, ...mtuOf(row, vtep)]);
  }
  compare('wire', byShape(kernel.wire), byShape(vtep.wire));
  const range = row.ports ?? [32768, 61000];
  compare('ports', [inRange(kernel.ports, range)], [inRange(vtep.ports, range)]);
  compare('inner', kernel.inner, vtep.inner);
  // In mode `rules` they are devices of different kinds, of which only what they send is the same.
  if (row.mode !== 'rules') {
    compare('fdb', kernel.fdb, vtep.fdb);
    compare('counters', counted(row, kernel.counters), counted(row, asTheKernel(vtep)));
  }
  return { row, kernel, vtep, differences };
}
