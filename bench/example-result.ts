/** A result for the tests of what is drawn from one. */
import type { Result } from './result.js';
import { pairedRatios, summarize } from './statistics.js';

const gigabits = { base: [4, 4.2, 3.8], tested: [2.4, 2.1, 2.28] };
const micros = { base: [7, 8, 7], tested: [35, 32, 42] };

export const EXAMPLE: Result = {
  version: 1,
  date: '2026-01-02T03:04:05.000Z',
  machine: { kernel: '6.18.0', node: '20.19.0', cpu: 'Test CPU', cpus: 2, otherWork: 0.01 },
  runs: 3,
  seconds: 2,
  base: 'kernel',
  tested: 'vtep',
  rows: [
    {
      id: 'wire-receive-1',
      title: 'TCP receive, wire, 1 stream',
      mode: 'wire',
      unit: 'Gb/s',
      target: 0.6,
      base: { ...summarize(gigabits.base), retransmits: [0, 3, 0] },
      tested: { ...summarize(gigabits.tested), cpuSecondsPerGigabyte: summarize([3.1, 3.2, 3.3]) },
      ratio: pairedRatios(gigabits.base, gigabits.tested),
    },
    {
      id: 'rtt-flood',
      title: 'round trip, flood ping',
      mode: 'wire',
      unit: 'µs',
      base: summarize(micros.base),
      tested: summarize(micros.tested),
      ratio: pairedRatios(micros.base, micros.tested),
    },
  ],
  failures: [],
};
