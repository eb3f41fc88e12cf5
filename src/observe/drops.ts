import type { Counters } from '../memory/counters.js';
import { type ReasonNames, TABLE_REASONS } from '../memory/reason-names.js';
import type { Snapshot } from './rates.js';
import { columns, wrap } from './text-table.js';

/** One reason at one device. */
export interface DropRow {
  readonly reason: string;
  readonly verdict: 'drop' | 'pass';
  readonly device: string;
  readonly count: number;
  /** In a second; absent where nobody has measured. */
  readonly rate?: number;
  readonly sentence: string;
  /** The last ones, the newest first; absent where nobody asked for them. */
  readonly frames?: readonly DropFrame[];
}

/** One of the last frames of a reason. */
export interface DropFrame {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Bytes that it had. */
  readonly length: number;
  readonly vni?: number;
  /** Addresses of the outer header that it came with. */
  readonly outer?: { readonly source: string; readonly destination: string };
  /** Where `tunnel_key set` would have sent it. */
  readonly to?: { readonly destination: string; readonly vni?: number };
  /** The filter whose actions it met last. */
  readonly rule?: DropRule;
  /** The frame in a few words. */
  readonly frame: string;
  /** Its first bytes, as hexadecimal digits: of the inner frame, or where that was not reached of the VXLAN header. */
  readonly bytes: string;
}

export interface DropRule {
  readonly dev: string;
  readonly hook: string;
  readonly chain: number;
  readonly pref: number;
  readonly handle: number;
}

type Named = readonly { readonly index: number; readonly name: string }[];

/** The reasons that there are. */
type Names = Pick<ReasonNames, 'list'>;

export interface DropDetails {
  readonly rates?: ReadonlyMap<string, number> | undefined;
  readonly frames?: ((device: number, reason: number) => readonly DropFrame[]) | undefined;
  /** Absent: those of the table. */
  readonly reasons?: Names;
}

/** What a counter of a device and a reason is called in a snapshot. */
export function dropName(device: number, reason: number): string {
  return `${device} ${reason}`;
}

/** Every reason that has counted anything, at `time`. */
export function dropSnapshot(
  devices: Named,
  sets: readonly Counters[],
  time: number,
  reasons: Names = TABLE_REASONS,
): Snapshot {
  const counts = new Map<string, number>();
  const numbers = reasons.list().map(({ number }) => number);
  for (const { index } of devices) {
    for (const reason of numbers) {
      let count = 0;
      for (const set of sets) count += set.reasonValue(index, reason);
      if (count > 0) counts.set(dropName(index, reason), count);
    }
  }
  return { time, counts };
}

/** Every reason that has counted anything, by device in the order given and then as in the table of reasons. */
export function dropRows(
  devices: Named,
  sets: readonly Counters[],
  { rates, frames, reasons = TABLE_REASONS }: DropDetails = {},
): DropRow[] {
  const { counts } = dropSnapshot(devices, sets, 0, reasons);
  const all = reasons.list();
  return devices.flatMap(({ index, name: device }) =>
    all.flatMap(({ name: reason, verdict, sentence, number }): DropRow[] => {
      const count = counts.get(dropName(index, number));
      if (count === undefined) return [];
      const rate = rates && { rate: Math.round((rates.get(dropName(index, number)) ?? 0) * 10) / 10 };
      return [{ reason, verdict, device, count, ...rate, sentence, ...(frames && { frames: frames(index, number) }) }];
    }),
  );
}

/** Narrower than this no sentence is put into a column. */
const LEAST_SENTENCE = 32;

/** The table that `vtep drops` prints, with a trailing newline; `width`: characters of the terminal's lines. */
export function printDrops(rows: readonly DropRow[], width = Number.POSITIVE_INFINITY): string {
  if (rows.length === 0) return 'nothing dropped\n';
  const hasRates = rows.some(({ rate }) => rate !== undefined);
  const heads = columns(
    [
      ['DEVICE', 'REASON', 'COUNT', ...(hasRates ? ['RATE'] : [])],
      ...rows.map(({ device, reason, count, rate = 0 }) => [
        device,
        reason,
        `${count}`,
        ...(hasRates ? [rateWord(rate)] : []),
      ]),
    ],
    [false, false, true, true].slice(0, hasRates ? 4 : 3),
  );
  const beside = Math.max(...heads.map((head) => head.length)) + 2;
  const isBeside = width - beside >= LEAST_SENTENCE;
  const indent = isBeside ? beside : 4;
  const lines = [isBeside ? `${(heads[0] ?? '').padEnd(beside)}WHAT IT MEANS` : (heads[0] ?? '')];
  rows.forEach((row, n) => {
    const head = heads[n + 1] ?? '';
    const sentence = row.verdict === 'pass' ? `${row.sentence} (not lost)` : row.sentence;
    const [first = '', ...rest] = wrap(sentence, width - indent);
    if (isBeside) lines.push(`${head.padEnd(beside)}${first}`);
    else lines.push(head, `${' '.repeat(indent)}${first}`);
    for (const line of rest) lines.push(`${' '.repeat(indent)}${line}`);
    for (const frame of row.frames ?? []) {
      const [start = '', ...more] = wrap(printDropFrame(frame), Math.max(20, width - 6));
      lines.push(`    ${start}`, ...more.map((line) => `      ${line}`));
    }
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** Packets in a second, as people read them. */
export function rateWord(rate: number): string {
  return `${rate >= 100 || rate === 0 ? Math.round(rate) : rate.toFixed(1)}/s`;
}

/** The time of day here, to the millisecond. */
export function clockWord(time: number): string {
  const date = new Date(time);
  const two = (number: number): string => `${number}`.padStart(2, '0');
  const milliseconds = `${date.getMilliseconds()}`.padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

/** One of the last frames, in one line. */
export function printDropFrame({ time, vni, outer, to, rule, frame }: DropFrame): string {
  return [
    clockWord(time),
    ...(vni === undefined ? [] : [`vni ${vni}`]),
    ...(outer ? [`outer ${outer.source} > ${outer.destination}`] : []),
    ...(to ? [`to ${to.destination}${to.vni === undefined ? '' : ` vni ${to.vni}`}`] : []),
    ...(rule ? [printDropRule(rule)] : []),
    frame,
  ].join('  ');
}

/** Where a filter stands, as tc names it. */
export function printDropRule({ dev, hook, chain, pref, handle }: DropRule): string {
  return `rule dev ${dev} ${hook} chain ${chain} pref ${pref} handle 0x${handle.toString(16)}`;
}
