import type { Counters } from '../memory/counters.js';
import { REASONS } from '../memory/reasons.js';

/** One reason at one device. */
export interface DropRow {
  readonly reason: string;
  readonly verdict: 'drop' | 'pass';
  readonly device: string;
  readonly count: number;
  readonly sentence: string;
}

/** Every reason that has counted anything, by device in the order given and then as in the table of reasons. */
export function dropRows(devices: readonly { index: number; name: string }[], sets: readonly Counters[]): DropRow[] {
  const rows: DropRow[] = [];
  for (const { index, name } of devices) {
    REASONS.forEach((reason, number) => {
      const count = sets.reduce((sum, counters) => sum + counters.reasonValue(index, number), 0);
      if (count === 0) return;
      rows.push({ reason: reason.name, verdict: reason.verdict, device: name, count, sentence: reason.sentence });
    });
  }
  return rows;
}

/** The table that `vtep drops` prints, with a trailing newline. */
export function printDrops(rows: readonly DropRow[]): string {
  if (rows.length === 0) return 'nothing dropped\n';
  const lines = [
    ['DEVICE', 'REASON', 'COUNT', 'WHAT IT MEANS'],
    ...rows.map((row) => [
      row.device,
      row.reason,
      String(row.count),
      row.verdict === 'pass' ? `${row.sentence} (not lost)` : row.sentence,
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map(([device = '', reason = '', count = '', sentence = '']) =>
      [device.padEnd(widths[0] ?? 0), reason.padEnd(widths[1] ?? 0), count.padStart(widths[2] ?? 0), sentence].join(
        '  ',
      ),
    )
    .map((line) => `${line}\n`)
    .join('');
}
