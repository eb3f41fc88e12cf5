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

/** The table that `vtep workers` prints, with a trailing newline. */
export function printWorkers(rows: readonly WorkerRow[]): string {
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
  return lines.map((line) => `${line.map((word, n) => word.padStart(widths[n] ?? 0)).join('  ')}\n`).join('');
}
