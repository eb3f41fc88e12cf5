import { readFileSync } from 'node:fs';
import type { CounterSets } from '../memory/counter-sets.js';
import { REASON } from '../memory/reasons.js';
import { type Device, isHere } from './device-registry.js';

/** Fields of a line of /proc/net/dev behind the name: eight of receive, then bytes, packets, errs and drop of transmit. */
const TRANSMIT_DROPS = 11;

/**
 * What the kernel dropped of the frames that the host sent into a TAP, before vtep could read them: only the kernel
 * counts it. `refresh` puts it beside vtep's own reasons, as `tap-queue-full`; this thread alone writes that one.
 */
export class HostQueues {
  private readonly counters: Pick<CounterSets, 'setReason'>;
  /** What a device that was found had dropped before. */
  private readonly before = new Map<number, number>();

  constructor(counters: Pick<CounterSets, 'setReason'>) {
    this.counters = counters;
  }

  /** A device begins to count. */
  begin(device: Device): void {
    this.before.set(device.index, device.isNew ? 0 : (drops().get(device.name) ?? 0));
  }

  /** An earlier endpoint had counted so many. */
  restore(index: number, packets: number): void {
    this.before.set(index, (this.before.get(index) ?? 0) - packets);
  }

  /** Takes over what the kernel has counted; a device in another network namespace keeps its last count. */
  refresh(devices: readonly Device[]): void {
    const dropped = drops();
    for (const device of devices) {
      const now = isHere(device) && device.fd >= 0 ? dropped.get(device.name) : undefined;
      if (now === undefined) continue;
      const since = Math.max(0, now - (this.before.get(device.index) ?? 0));
      this.counters.setReason(device.index, REASON['tap-queue-full'], since);
    }
  }
}

/** Frames that each interface of this network namespace dropped on transmit. */
function drops(): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of readFileSync('/proc/net/dev', 'utf8').split('\n')) {
    const [name = '', numbers] = line.split(':');
    const field = numbers?.trim().split(/\s+/)[TRANSMIT_DROPS];
    if (field !== undefined) found.set(name.trim(), Number(field));
  }
  return found;
}
