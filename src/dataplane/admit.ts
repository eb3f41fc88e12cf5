/**
 * Has what came up on this host within a batch (inbound.ts) come in at its devices. The third way in, beside the
 * underlays' (decapsulate.ts) and the host's (host-frames.ts).
 */
import { type DeviceTable, VxlanMode } from '../devices/device-table.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import { type Packets, TUNNEL_RECEIVED } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import type { Hooks } from './classify.js';
import type { Inbound } from './inbound.js';
import type { SourceLearning } from './source-learning.js';

export class Admitter {
  private readonly inbound: Inbound;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly hook: Hooks;
  private readonly learning: SourceLearning;

  constructor(
    inbound: Inbound,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    hook: Hooks,
    learning: SourceLearning,
  ) {
    this.inbound = inbound;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.hook = hook;
    this.learning = learning;
  }

  /** Lets in every frame that waits; `isLoop`: they have gone round often enough, and are dropped. */
  admit(isLoop: boolean): void {
    const { inbound, packets, counters } = this;
    const count = inbound.count;
    inbound.clear();
    this.hook.key.beginBatch();
    for (let n = 0; n < count; n++) {
      const packet = inbound.take(n);
      const device = packets.device[packet];
      const segments = packets.segments(packet);
      if (isLoop) {
        counters.device(device, DeviceCounter.RX_DROPPED, segments);
        counters.reason(device, REASON['local-loop'], segments, packet);
        continue;
      }
      // A classic device collects no metadata.
      if ((this.devices.vxlanMode(device) & VxlanMode.CLASSIC) !== 0) packets.flags[packet] &= ~TUNNEL_RECEIVED;
      this.hook.key.dissect(packet);
      const family = inbound.family(n);
      // What the device itself answers was not received by it.
      if (family !== 0) {
        this.learning.learnLocal(packet, device, family);
        counters.device(device, DeviceCounter.RX_PACKETS, segments);
        counters.device(device, DeviceCounter.RX_BYTES, packets.length[packet]);
      }
      this.hook.decide(packet);
    }
  }
}
