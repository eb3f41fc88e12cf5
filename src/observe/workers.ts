import { type Counters, WorkCounter } from '../memory/counters.js';

/** What a worker has done since the start. */
export interface WorkerRow {
  readonly worker: number;
  /** The processor that it is pinned to. */
  readonly cpu?: number;
  /** How often it slept until something came. */
  readonly wakeups: number;
  /** How often it looked for more instead of sleeping, and how often in vain. */
  readonly polls: number;
  readonly idlePolls: number;
  readonly receivedDatagrams: number;
  readonly sentDatagrams: number;
  /** Frames read from TAPs, and written to TAPs and interfaces of the host. */
  readonly framesRead: number;
  readonly framesWritten: number;
  readonly lookups: number;
  readonly cacheHits: number;
  /** Threads that took the place of one that had died of an error. */
  readonly restarts: number;
}

/** A row for each set of counters; `cpus` names the processors that they are pinned to, one after the other. */
export function workerRows(sets: readonly Counters[], cpus: readonly number[] = []): WorkerRow[] {
  return sets.map((set, worker) => {
    const cpu = cpus[worker % cpus.length];
    return {
      worker,
      ...(cpu !== undefined && { cpu }),
      wakeups: set.workValue(WorkCounter.WAKEUPS),
      polls: set.workValue(WorkCounter.BUSY_POLLS),
      idlePolls: set.workValue(WorkCounter.IDLE_POLLS),
      receivedDatagrams: set.workValue(WorkCounter.RECEIVED_DATAGRAMS),
      sentDatagrams: set.workValue(WorkCounter.SENT_DATAGRAMS),
      framesRead: set.workValue(WorkCounter.TAP_FRAMES_READ),
      framesWritten: set.workValue(WorkCounter.TAP_FRAMES_WRITTEN),
      lookups: set.workValue(WorkCounter.LOOKUPS),
      cacheHits: set.workValue(WorkCounter.CACHE_HITS),
      restarts: set.workValue(WorkCounter.RESTARTS),
    };
  });
}

const GAP = '  ';
const titles = [
  'WORKER',
  'CPU',
  'WAKEUPS',
  'POLLS',
  'IN VAIN',
  'RECEIVED',
  'SENT',
  'READ',
  'WRITTEN',
  'LOOKUPS',
  'CACHED',
  'RESTARTS',
];

/**
 * The table that `vtep workers` prints, with a trailing newline; on a screen of fewer `columns` than it is wide as several
 * below each other, each of which begins with the worker's number.
 */
export function printWorkers(rows: readonly WorkerRow[], columns = Number.POSITIVE_INFINITY): string {
  const lines = [
    titles,
    ...rows.map((row) => [
      `${row.worker}`,
      row.cpu === undefined ? 'any' : `${row.cpu}`,
      `${row.wakeups}`,
      `${row.polls}`,
      `${row.idlePolls}`,
      `${row.receivedDatagrams}`,
      `${row.sentDatagrams}`,
      `${row.framesRead}`,
      `${row.framesWritten}`,
      `${row.lookups}`,
      `${row.cacheHits}`,
      `${row.restarts}`,
    ]),
  ];
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const table = (which: readonly number[]): string =>
    lines.map((line) => `${which.map((n) => (line[n] ?? '').padStart(widths[n] ?? 0)).join(GAP)}\n`).join('');
  return fitting(widths, columns).map(table).join('\n');
}

/** Indices of the columns of each table that fits: the first column, and as many of the others as there is room for, one at least. */
function fitting(widths: readonly number[], columns: number): number[][] {
  const [first = 0] = widths;
  const tables: number[][] = [];
  let room = 0;
  for (const [n, width] of widths.entries()) {
    if (n === 0) continue;
    room -= GAP.length + width;
    if (room >= 0) tables.at(-1)?.push(n);
    else {
      tables.push([0, n]);
      room = columns - first - GAP.length - width;
    }
  }
  return tables;
}
