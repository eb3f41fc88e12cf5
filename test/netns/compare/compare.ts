import { Topology } from '../topology.js';
import { KernelEndpoint, prepare, VtepEndpoint } from './endpoint.js';
import { observe } from './observe.js';
import type { Row } from './row.js';
import { judge, type Verdict } from './verdict.js';

/** Gives rows to a kernel device and to vtep, each on a pair of hosts of its own, both at a time. */
export async function compareRows(
  underlay: 4 | 6,
  rows: readonly Row[],
  said: (verdict: Verdict) => void,
): Promise<void> {
  const [one, other] = [await Topology.up({ underlay, mode: 'wire' }), await Topology.up({ underlay, mode: 'wire' })];
  try {
    await Promise.all([prepare(one), prepare(other)]);
    const kernel = new KernelEndpoint(one);
    const vtep = await VtepEndpoint.start(other);
    for (const row of rows) {
      const [theirs, ours] = await Promise.all([observe(kernel, row), observe(vtep, row)]);
      said(judge(row, theirs, ours));
    }
    await vtep.stop();
  } finally {
    await Promise.all([one.down(), other.down()]);
  }
}

export function isOf(underlay: 4 | 6, row: Row): boolean {
  return row.underlay === undefined || row.underlay === underlay;
}
