/** Drops as they happen: what has changed between two looks, and how a terminal or a pipe is told of it. */
import { clockWord, type DropRow, printDropFrame, rateWord } from './drops.js';
import { perSecond, type Snapshot } from './rates.js';
import { columns, cut } from './text-table.js';

/** A reason that has counted up. */
export interface DropChange {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly device: string;
  readonly reason: string;
  readonly verdict: 'drop' | 'pass';
  /** How many more there are than at the look before. */
  readonly more: number;
  readonly rate: number;
  readonly count: number;
  readonly sentence: string;
  /** Those that have come since, the oldest first; absent where nobody asked for them. */
  readonly frames?: DropRow['frames'];
}

export class DropWatch {
  private before: Snapshot | undefined;
  /** The newest frame that was told, by row: milliseconds since the epoch. */
  private readonly told = new Map<string, number>();
  /** The rows of the last look, with the rates since the one before. */
  rows: readonly DropRow[] = [];

  /** Takes a look at `time` (milliseconds since the epoch); what has changed since the last, nothing at the first. */
  look(rows: readonly DropRow[], time: number): DropChange[] {
    const { before } = this;
    const now: Snapshot = { time, counts: new Map(rows.map((row) => [nameOf(row), row.count])) };
    const rates = before ? perSecond(before, now) : new Map<string, number>();
    this.before = now;
    this.rows = rows.map((row) => ({ ...row, rate: rates.get(nameOf(row)) ?? 0 }));
    const frames = new Map(rows.map((row) => [nameOf(row), this.news(row)]));
    if (!before) return [];
    return this.rows.flatMap((row): DropChange[] => {
      const { device, reason, verdict, count, rate = 0, sentence } = row;
      const from = before.counts.get(nameOf(row)) ?? 0;
      if (count === from) return [];
      const seen = frames.get(nameOf(row));
      const more = count > from ? count - from : count;
      return [{ time, device, reason, verdict, more, rate, count, sentence, ...(seen && { frames: seen }) }];
    });
  }

  private news(row: DropRow): DropRow['frames'] {
    const { frames } = row;
    if (!frames) return undefined;
    const told = this.told.get(nameOf(row)) ?? 0;
    this.told.set(nameOf(row), frames[0]?.time ?? told);
    return frames.filter(({ time }) => time > told).reverse();
  }
}

function nameOf({ device, reason }: DropRow): string {
  return `${device} ${reason}`;
}

/** A line for each change, and one for each frame, without newlines. */
export function printDropChanges(changes: readonly DropChange[]): string[] {
  return changes.flatMap(({ time, device, reason, more, rate, count, frames = [] }) => [
    `${clockWord(time).slice(0, 8)}  ${device}  ${reason}  +${more}  ${rateWord(rate)}  ${count} in all`,
    ...frames.map((frame) => `    ${printDropFrame(frame)}`),
  ]);
}

/** The table for a terminal of so many columns and lines: no line is longer, and there are no more of them. */
export function drawDrops(rows: readonly DropRow[], width: number, height: number): string[] {
  if (rows.length === 0) return [cut('nothing dropped', width)];
  const lines = columns(
    [
      ['DEVICE', 'REASON', 'COUNT', 'RATE', 'WHAT IT MEANS'],
      ...rows.map(({ device, reason, count, rate = 0, verdict, sentence }) => [
        ...[device, reason, `${count}`, rateWord(rate)],
        verdict === 'pass' ? `${sentence} (not lost)` : sentence,
      ]),
    ],
    [false, false, true, true, false],
  );
  const drawn = lines.flatMap((line, n) => [line, ...(rows[n - 1]?.frames ?? []).map((f) => `  ${printDropFrame(f)}`)]);
  const shown = drawn.length <= height ? drawn : [...drawn.slice(0, height - 1), `… ${drawn.length - height + 1} more`];
  return shown.map((line) => cut(line, width));
}
