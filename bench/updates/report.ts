/** What updates cost the traffic, in words. */
import type { Machine } from '../result.js';
import { median } from '../statistics.js';
import { warnings } from '../table.js';
import type { PingTimes } from '../traffic/round-trips.js';

/** The slowest of a hundred round trips may take less than so many times as long. */
const MOST_SLOWDOWN = 2;

export interface UpdateResult {
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  readonly updates: number;
  /** Other rules that were there. */
  readonly rules: number;
  readonly perSecond: number;
  /** Runs of round trips without updates, and with. */
  readonly before: readonly PingTimes[];
  readonly during: readonly PingTimes[];
}

function lost(runs: readonly PingTimes[]): number {
  return runs.reduce((sum, { sent, received }) => sum + sent - received, 0);
}

function medianOf(runs: readonly PingTimes[], name: 'p50' | 'p99'): number {
  return median(runs.map((run) => run[name]));
}

export function slowdown({ before, during }: Pick<UpdateResult, 'before' | 'during'>): number {
  return medianOf(during, 'p99') / medianOf(before, 'p99');
}

export function withinTarget(result: UpdateResult): boolean {
  return lost(result.during) === 0 && slowdown(result) < MOST_SLOWDOWN;
}

/** The same for a document: Markdown. */
export function markdownReport(result: UpdateResult): string {
  const { machine, date } = result;
  const sentences = report(result)
    .trimEnd()
    .split('\n')
    .map((sentence) => `- ${sentence}`);
  const where = `Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} × ${machine.cpu}, ${date.slice(0, 10)}.`;
  return [...sentences, '', where, ...warnings(machine.otherWork), ''].join('\n');
}

export function report(result: UpdateResult): string {
  const { updates, rules, perSecond, before, during } = result;
  const times = (runs: readonly PingTimes[]): string =>
    `half within ${medianOf(runs, 'p50').toFixed(0)} µs, 99 of 100 within ${medianOf(runs, 'p99').toFixed(0)} µs`;
  const sent = during.reduce((sum, run) => sum + run.sent, 0);
  return `${[
    `${updates} single-rule updates among ${rules} rules: ${perSecond.toFixed(0)} a second, each in force before the next.`,
    `Round trips without: ${times(before)}.`,
    `Round trips with:    ${times(during)}; ${lost(during)} of ${sent} lost.`,
    `The slowest of a hundred: ${slowdown(result).toFixed(2)} × as long, target < ${MOST_SLOWDOWN} × and none lost: ${withinTarget(result) ? 'met' : 'missed'}.`,
  ].join('\n')}\n`;
}
