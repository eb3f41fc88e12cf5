import type { Counters } from '../memory/counters.js';
import { printWorkers, workerRows } from '../observe/workers.js';
import type { Devices } from './devices.js';
import { healthOf } from './health.js';

/**
 * What the daemon says of itself: its `health` (always JSON) or `workers`; undefined: that is none of them.
 * `counters` has a set for each worker, `cpus` the processors that these are pinned to.
 */
export async function reportOf(
  name: string | undefined,
  isJson: boolean,
  devices: Devices,
  counters: readonly Counters[],
  cpus: readonly number[],
): Promise<string | undefined> {
  switch (name) {
    case 'health':
      return `${JSON.stringify(healthOf(devices, counters))}\n`;
    case 'workers': {
      const rows = workerRows(counters, cpus);
      return isJson ? `${JSON.stringify(rows)}\n` : printWorkers(rows);
    }
    default:
      return undefined;
  }
}
