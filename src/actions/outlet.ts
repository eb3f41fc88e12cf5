import type { PacketIndex } from '../memory/packets.js';

/** Which hook of a device a frame is at: what came in on it, or what leaves through it. */
export const AT_INGRESS = 0;
export const AT_EGRESS = 1;

/** Where actions hand frames to, and who reads their headers: implemented by the worker's hooks. */
export interface Outlet {
  /**
   * Whether the device takes frames now: 0, or the number of the reason why not ('mirred-down', 'mirred-gone').
   */
  refusal(device: number): number;
  /**
   * Sends a packet, whose columns are true, that is at `hook` of its device, to `toHook` of another, through the
   * filters there. False where these dropped it.
   */
  forward(packet: PacketIndex, hook: number, device: number, toHook: number): boolean;
  /** Reads the headers of a packet whose bytes have changed: its columns, and the flow key, are true again. */
  refresh(packet: PacketIndex): void;
  /** The IP protocol of a packet whose columns are true, behind IPv6's extension headers. */
  protocol(packet: PacketIndex): number;
}

/** Who takes the copies of action sample. */
export interface Sampler {
  /**
   * The packet, at `hook` of its device, is one of `rate` that belong to `group`; `length` bytes of it are wanted. The
   * bytes are borrowed until the call returns. False where there was no room.
   */
  sample(packet: PacketIndex, hook: number, group: number, rate: number, length: number): boolean;
}
