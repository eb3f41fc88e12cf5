/**
 * What is lost with a thread that dies: the batch in hand. Counted from where it stood: what was not looked at any more,
 * and what waited in queues. Of the one queue that was being written some may have left before, and of the message or frame
 * that was being looked at the copies that it had made are counted with it, so that the count may be too high, never too low.
 */
import { DeviceKind, type DeviceTable } from '../devices/device-table.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import { NONE, type PacketIndex, type Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { type OutputQueues, TO_PORT } from './queues.js';

/** Counts `packets` that had come in at a device. */
export function loseReceived(counters: Counters, device: number, packets: number): void {
  lose(counters, device, DeviceCounter.RX_DROPPED, packets);
}

/** Counts what the host had sent on a device: on a vxlan device that is transmit. */
export function loseFromHost(devices: DeviceTable, counters: Counters, device: number, packets: number): void {
  const transmit = devices.kind(device) === DeviceKind.VXLAN;
  lose(counters, device, transmit ? DeviceCounter.TX_DROPPED : DeviceCounter.RX_DROPPED, packets);
}

/** Counts what waits in the queues that have not been written. */
export function loseQueued(devices: DeviceTable, counters: Counters, packets: Packets, queues: OutputQueues): void {
  for (let n = queues.written; n < queues.count; n++) {
    const device = queues.device(n);
    const toStack = queues.way(n) === TO_PORT && devices.kind(device) === DeviceKind.VXLAN;
    let lost = 0;
    let left = packets.count;
    // A chain that was being changed may go round.
    for (let i = queues.first(n); i !== NONE && left-- > 0; i = packets.next[i] as PacketIndex) {
      lost += packets.segments(i);
    }
    lose(counters, device, toStack ? DeviceCounter.RX_DROPPED : DeviceCounter.TX_DROPPED, lost);
  }
}

function lose(counters: Counters, device: number, counter: number, packets: number): void {
  if (packets <= 0 || device < 0) return;
  counters.device(device, counter, packets);
  counters.reason(device, REASON['worker-died'], packets);
}
