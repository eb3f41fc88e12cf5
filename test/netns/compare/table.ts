/** Verdicts as a table for people. */
import { ASPECTS, type Verdict } from './verdict.js';

const WIDTH = { title: 38, options: 42 } as const;

function cut(text: string, width: number): string {
  return (text.length > width ? `${text.slice(0, width - 1)}…` : text).padEnd(width);
}

function pair(kernel: number, vtep: number): string {
  return (kernel === vtep ? String(kernel) : `${kernel}/${vtep}`).padStart(7);
}

export const HEADING = [
  cut('comparison', WIDTH.title),
  cut('mode and options', WIDTH.options),
  '   wire',
  '  inner',
  '    FDB',
  '  drops',
  ' counters',
  ' equal',
].join(' ');

/** Packets lost on the way in, as the counters of both say: kernel/vtep where they differ. */
function dropped(counters: Readonly<Record<string, number>>): number {
  return ['rx_errors', 'rx_dropped', 'tx_errors', 'tx_dropped'].reduce((sum, name) => sum + (counters[name] ?? 0), 0);
}

export function tableLine({ row, kernel, vtep, differences }: Verdict): string {
  const differing = new Set(differences.map(({ aspect }) => aspect));
  return [
    cut(row.title, WIDTH.title),
    cut(`${row.mode} ${row.vtep ?? row.options} ${row.set ?? ''}`.trim(), WIDTH.options),
    pair(kernel.wire.length, vtep.wire.length),
    pair(kernel.inner.length, vtep.inner.length),
    pair(kernel.fdb.length, vtep.fdb.length),
    pair(dropped(kernel.counters), dropped(vtep.counters)),
    (differing.has('counters') ? 'differ' : 'equal').padStart(9),
    differences.length === 0 ? '   yes' : `    NO: ${ASPECTS.filter((aspect) => differing.has(aspect)).join(', ')}`,
  ].join(' ');
}

/** What differs, a line an aspect. */
export function differingLines({ differences, vtep }: Verdict): string[] {
  const lines = differences.flatMap(({ aspect, kernel, vtep: ours }) => [
    `    ${aspect}, kernel only: ${JSON.stringify(kernel)}`,
    `    ${aspect}, vtep only:   ${JSON.stringify(ours)}`,
  ]);
  return lines.length === 0 ? [] : [...lines, `    vtep's reasons: ${JSON.stringify(vtep.drops)}`];
}
