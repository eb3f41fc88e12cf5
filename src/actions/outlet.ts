import type { PacketIndex } from '../memory/packets.js';

/** Where mirred sends: implemented by the worker's output queues. */
export interface Outlet {
  /**
   * Whether the device takes frames now: 0, or the number of the reason why not ('mirred-down', 'mirred-gone').
   */
  refusal(device: number): number;
  /** Queues the packet at the device's egress. */
  transmit(device: number, packet: PacketIndex): void;
}
