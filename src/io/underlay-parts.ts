/** What an underlay is made of on a worker: plain numbers, opened and closed by the control thread. */
import type { Arena } from '../memory/arena.js';
import type { Underlay } from './device.js';
import { PcapUnderlay } from './pcap/underlay.js';
import type { RawFamily } from './raw/sockets.js';
import { RawUnderlay } from './raw/underlay.js';
import type { TunnelGso } from './tunnel-gso/tunnel-gso.js';
import type { UdpSockets } from './udp/sockets.js';
import { UdpUnderlay, type UdpUnderlayCapacity } from './udp/underlay.js';

export type UnderlayParts =
  | { readonly kind: 'udp'; readonly sockets: readonly UdpSockets[] }
  | { readonly kind: 'raw'; readonly families: readonly RawFamily[] }
  | { readonly kind: 'pcap'; readonly receiveFd: number; readonly dropsBefore?: number }
  /** An object of this process, for a worker on the caller's thread; `make` is called once, with the worker's arena. */
  | { readonly kind: 'own'; make(arena: Arena): Underlay };

/**
 * The underlay over these parts, with its buffers in `arena`. The parts stay their owner's, as does `gso`: what sends
 * super-frames in one piece, for the kind that can use it.
 */
export function makeUnderlay(
  arena: Arena,
  parts: UnderlayParts,
  capacity: UdpUnderlayCapacity,
  gso: TunnelGso | null = null,
): Underlay {
  switch (parts.kind) {
    case 'udp':
      return new UdpUnderlay(arena, parts.sockets, capacity, gso);
    case 'raw':
      return new RawUnderlay(arena, parts.families, capacity);
    case 'pcap':
      return new PcapUnderlay(arena, parts.receiveFd, capacity, parts.dropsBefore);
    case 'own':
      return parts.make(arena);
  }
}

/** The socket through which an underlay joins multicast groups of a family; undefined: it has none, or needs none. */
export function membershipFd(parts: UnderlayParts, family: 4 | 6): number | undefined {
  switch (parts.kind) {
    case 'udp':
      return parts.sockets.find((each) => each.family === family)?.receiveFd;
    case 'raw':
      return parts.families.find((each) => each.family === family)?.udpFd;
    case 'pcap':
    case 'own':
      // It listens to whatever passes, and asks nobody to send it.
      return undefined;
  }
}
