/** A result for the tests of what is drawn from one. */
import type { Result } from './result.js';
import { pairedRatios, summarize } from './statistics.js';

const gigabits = { kernel: [4, 4.2, 3.8], vtep: [2.4, 2.1, 2.28], ovs: [0.5, 0.6, 0.55] };
const micros = { kernel: [7, 8, 7], vtep: [35, 32, 42] };

export const EXAMPLE: Result = {
  version: 2,
  date: '2026-01-02T03:04:05.000Z',
  machine: { kernel: '6.18.0', node: '20.19.0', cpu: 'Test CPU', cpus: 2, otherWork: 0.01 },
  runs: 3,
  seconds: 2,
  base: 'kernel',
  tested: 'vtep',
  others: ['ovs'],
  variants: { ovs: 'Open vSwitch 3.1.0' },
  rows: [
    {
      id: 'wire-receive-1',
      title: 'TCP receive, wire, 1 stream',
      mode: 'wire',
      unit: 'Gb/s',
      target: 0.6,
      sides: {
        kernel: { ...summarize(gigabits.kernel), details: { retransmits: 0, machineSecondsPerGigabyte: 2.5 } },
        vtep: {
          ...summarize(gigabits.vtep),
          details: { processSecondsPerGigabyte: 3.2, machineSecondsPerGigabyte: 5.25 },
        },
        ovs: { ...summarize(gigabits.ovs), details: { processSecondsPerGigabyte: 12 } },
      },
      ratios: {
        vtep: pairedRatios(gigabits.kernel, gigabits.vtep),
        ovs: pairedRatios(gigabits.kernel, gigabits.ovs),
      },
    },
    {
      id: 'rtt-flood',
      title: 'round trip, flood',
      mode: 'wire',
      unit: 'µs',
      sides: {
        kernel: { ...summarize(micros.kernel), details: { p50: 7, p90: 8, p99: 12, max: 80 } },
        vtep: { ...summarize(micros.vtep), details: { p50: 33, p90: 40, p99: 90, max: 400 } },
      },
      ratios: { vtep: pairedRatios(micros.kernel, micros.vtep) },
    },
    {
      id: 'idle',
      title: 'CPU when idle',
      mode: 'wire',
      unit: '%',
      target: 0.5,
      sides: { vtep: { ...summarize([0.1, 0.2, 0.15]), details: {} } },
      ratios: {},
    },
  ],
  failures: [],
};
