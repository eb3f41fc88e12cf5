import type { DropReason } from './reasons.js';

/**
 * Frames that are handed to a function together. All of it is borrowed: until the function returns, and to be read
 * only, unless something below says otherwise. Frames are whole Ethernet frames, from the destination address on.
 */
export interface FrameBatch {
  /** Frames of the batch: 0 … count-1. */
  readonly count: number;
  /** The memory in which the frames stand, for whoever reads many of them without making an object for each. */
  readonly memory: Uint8Array;
  /** Where frame `i` begins in `memory`, and its bytes. */
  offset(i: number): number;
  length(i: number): number;
  /** Frame `i`, where it stands: a view, borrowed, to be read only. */
  bytes(i: number): Uint8Array;
  /** A copy of frame `i`, which is the caller's. */
  copy(i: number): Uint8Array;
  /** Frame `i` ends here, and is counted under that reason. Whatever was said of it before does not hold any more. */
  drop(i: number, reason: DropReason): void;
}

/** The outer header that a frame came behind. */
export interface TunnelMetadata {
  /** 0 … 2^24-1. */
  readonly vni: number;
  /** Who sent it, and to which address: IPv4 or IPv6 in text. */
  readonly source: string;
  readonly destination: string;
  /** UDP ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tos: number;
  readonly ttl: number;
}

/** Frames that have met a custom action. What is not said of a frame is that it goes on with the next action. */
export interface ActionBatch extends FrameBatch {
  /** The VNI that frame `i` was received with; -1: it has no received metadata (any more). */
  vni(i: number): number;
  /** The metadata that frame `i` was received with; makes an object. */
  tunnel(i: number): TunnelMetadata | undefined;
  /** The device at whose hook frame `i` is. */
  device(i: number): string;
  /** Whether that is its ingress, or its egress. */
  hook(i: number): 'ingress' | 'egress';
  /**
   * How many packets frame `i` stands for on a wire. More than 1: the host sent a super-frame, whose checksum is
   * unfinished; so may be that of a single frame of the host's.
   */
  segments(i: number): number;
  /**
   * Frame `i` as bytes that may be changed, where they stand: of the same length. Headers are read anew behind the
   * action. undefined: it shares its bytes with a copy that goes elsewhere, and there is no room for bytes of its own;
   * it is dropped as `rewrite-no-room`.
   */
  writable(i: number): Uint8Array | undefined;
  /** Frame `i` has no more to do with this rule, as after `action pass`. */
  pass(i: number): void;
  /**
   * Frame `i` ends here, and is counted nowhere as dropped: the caller has taken it over. Returns a copy, which is the
   * caller's, to be sent later (`Device.send`) or never.
   */
  keep(i: number): Uint8Array;
}
