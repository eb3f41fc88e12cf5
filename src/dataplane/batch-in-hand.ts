/**
 * The batch in hand, which is lost with a thread that dies. It is counted from where it stood: what was not looked at any more,
 * and what waited in queues. Of the one queue that was being written some may have left before, and of the message or frame
 * that was being looked at the copies that it had made are counted with it, so that the count may be too high, never too low.
 */
import { DeviceKind, type DeviceTable } from '../devices/device-table.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import { NONE, type PacketIndex, type Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import type { Hooks } from './classify.js';
import type { Decapsulator } from './decapsulate.js';
import type { Demultiplexer } from './demultiplexer.js';
import { type OutputQueues, TO_PORT } from './queues.js';

export class BatchInHand {
  /** The message or frame that is looked at. */
  at = 0;
  /** Packets that there were before it was looked at. */
  packetsBefore = 0;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly queues: OutputQueues;
  private readonly hook: Hooks;
  private readonly demultiplexer: Demultiplexer;
  private readonly decapsulator: Decapsulator;
  /** Where it is from: an underlay's number or a device's, the other one -1; both: there is none. */
  private underlay = -1;
  private port = -1;
  /** Its messages or frames. */
  private count = 0;

  constructor(
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    queues: OutputQueues,
    hook: Hooks,
    demultiplexer: Demultiplexer,
    decapsulator: Decapsulator,
  ) {
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.queues = queues;
    this.hook = hook;
    this.demultiplexer = demultiplexer;
    this.decapsulator = decapsulator;
  }

  /** An underlay has received so many messages. */
  beginReceived(underlay: number, messages: number): void {
    this.underlay = underlay;
    this.count = messages;
  }

  /** The host has sent so many frames on a device. */
  beginFromHost(device: number, frames: number): void {
    this.port = device;
    this.count = frames;
  }

  /** It is done with. */
  end(): void {
    this.underlay = -1;
    this.port = -1;
  }

  /** Counts it as lost, and what waits in the queues that have not been written. */
  lose(): void {
    if (this.underlay >= 0) this.loseReceived();
    else if (this.port >= 0) this.loseFromHost();
    this.loseQueued();
  }

  private loseReceived(): void {
    const { decapsulator, packets, at } = this;
    let lost = 0;
    for (let m = at; m < this.count; m++) lost += decapsulator.datagrams(m);
    // Of a bundle, those that had been taken stand in queues; one of them was looked at.
    if (lost > 0) lost -= Math.min(decapsulator.datagrams(at) - 1, packets.count - this.packetsBefore - 1);
    this.drop(this.demultiplexer.owner(this.underlay), DeviceCounter.RX_DROPPED, lost);
  }

  /** On a vxlan device what the host sends is transmit. */
  private loseFromHost(): void {
    const { packets, at, port } = this;
    let lost = 0;
    for (let i = at; i < this.count; i++) {
      if (i > at) this.hook.key.dissect(i as PacketIndex);
      lost += packets.segments(i as PacketIndex);
    }
    const transmit = this.devices.kind(port) === DeviceKind.VXLAN;
    this.drop(port, transmit ? DeviceCounter.TX_DROPPED : DeviceCounter.RX_DROPPED, lost);
  }

  private loseQueued(): void {
    const { packets, queues, devices } = this;
    for (let n = queues.written; n < queues.count; n++) {
      const device = queues.device(n);
      const toStack = queues.way(n) === TO_PORT && devices.kind(device) === DeviceKind.VXLAN;
      let lost = 0;
      let left = packets.count;
      // A chain that was being changed may go round.
      for (let i = queues.first(n); i !== NONE && left-- > 0; i = packets.next[i] as PacketIndex) {
        lost += packets.segments(i);
      }
      this.drop(device, toStack ? DeviceCounter.RX_DROPPED : DeviceCounter.TX_DROPPED, lost);
    }
  }

  private drop(device: number, counter: number, packets: number): void {
    if (packets <= 0 || device < 0) return;
    this.counters.device(device, counter, packets);
    this.counters.reason(device, REASON['worker-died'], packets);
  }
}
