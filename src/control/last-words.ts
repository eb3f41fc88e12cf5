/** What an endpoint has come to, for the last line of its log. */
import { type Counters, WorkCounter } from '../memory/counters.js';
import type { DropRow } from '../observe/drops.js';

/** The sentence: datagrams and frames in and out, and every frame that did not arrive, by device and reason. */
export function lastWords(sets: readonly Counters[], rows: readonly DropRow[]): string {
  const work = (counter: number): number => sets.reduce((sum, set) => sum + set.workValue(counter), 0);
  const lost = rows.filter(({ verdict }) => verdict === 'drop');
  const dropped = lost.reduce((sum, { count }) => sum + count, 0);
  const each = lost.map(({ device, reason, count }) => `${device} ${reason} ${count}`).join(', ');
  return [
    `stopped: ${work(WorkCounter.RECEIVED_DATAGRAMS)} datagrams received and ${work(WorkCounter.SENT_DATAGRAMS)} sent`,
    `${work(WorkCounter.TAP_FRAMES_READ)} frames from the host`,
    dropped === 0 ? 'nothing dropped' : `${dropped} dropped (${each})`,
  ].join(', ');
}
