import { AT_EGRESS, type Sampler } from '../actions/outlet.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import type { SampleRing } from '../memory/sample-ring.js';

/** Samples as the ring takes them. */
export class RingSampler implements Sampler {
  private readonly u8: Uint8Array;
  private readonly packets: Packets;
  private readonly ring: SampleRing;

  constructor(u8: Uint8Array, packets: Packets, ring: SampleRing) {
    this.u8 = u8;
    this.packets = packets;
    this.ring = ring;
  }

  sample(packet: PacketIndex, hook: number, group: number, rate: number, length: number): boolean {
    const { frame, device } = this.packets;
    const whole = this.packets.length[packet];
    return this.ring.write(this.u8, frame[packet], whole, length, group, rate, device[packet], hook === AT_EGRESS);
  }
}
