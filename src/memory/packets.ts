/**
 * Packet descriptors, as a structure of arrays: one column per property, one index per packet. The bytes of a packet
 * stay where the system call put them; encapsulating, decapsulating and queueing change descriptors only.
 *
 * Life: a worker takes packets for one batch, runs it to completion (every queue flushed), and resets. Nothing
 * outlives the batch, so there is no reference counting: an index is borrowed until `reset`.
 */
import type { Arena } from './arena.js';

declare const packetIndex: unique symbol;
/** An index into the columns of `Packets`. */
export type PacketIndex = number & { readonly [packetIndex]: true };

/** No packet; ends a chain. */
export const NONE = -1 as PacketIndex;

/** Bits of `flags`. */
/** The checksum at `csumStart + csumOffset` holds the folded pseudo-header sum only; the last device finishes it. */
export const UNFINISHED = 1;
/** `tunnel` is an index into the batch's received records. */
export const TUNNEL_RECEIVED = 2;
/** `tunnel` is an index into the snapshot's `tunnel_key set` records. */
export const TUNNEL_TRANSMIT = 4;
/** Another packet refers to the same bytes (mirror): copy before changing any. */
export const SHARED = 8;

/** `gsoSize` is what an MTU allows, not what the sender said: an output with a smaller MTU may lower it. */
export const SIZE_GUESSED = 16;
/**
 * The Ethernet header has been taken off (`vlan pop_eth`): its bytes still stand at the frame's start, and are counted
 * in `length`, but mean nothing until `push_eth` writes them anew. Such a frame must not leave on any device.
 */
export const BARE = 32;
/**
 * The packet may stand in one super-frame with the one before it in its queue, directly behind it: somebody has
 * compared their headers and verified their checksums (wire/trains.ts). Set in queues to ports only.
 */
export const JOINS = 64;

/** Values of `gsoType`: those of virtio_net_hdr.gso_type. */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** The CWR flag of the first segment must not be repeated (VIRTIO_NET_HDR_GSO_ECN). */
export const GSO_ECN = 0x80;

/** Bits of `shape`: what the dissector found, for whoever needs to know the layers again. */
export const SHAPE_IPV4 = 1;
export const SHAPE_IPV6 = 2;
/** `l4` points at a whole TCP header, `payload` behind it. */
export const SHAPE_TCP = 4;
/** `l4` points at a whole UDP header, `payload` behind it. */
export const SHAPE_UDP = 8;
/** First or later fragment. */
export const SHAPE_FRAGMENT = 16;
/** IPv4 options or IPv6 extension headers. */
export const SHAPE_OPTIONS = 32;
/** The IP header's length is less than what follows it in the frame (padding). */
export const SHAPE_PADDED = 64;
/** Lengths, versions or offsets disagree: pass on, never offload. */
export const SHAPE_ODD = 128;
/** One VLAN tag or more. */
export const SHAPE_VLAN = 256;

/**
 * Bytes before each column: 17 cache lines. Columns side by side, each of a power of two, would have all that belongs to
 * one packet compete for one set of the first cache (64 sets of 8 or 12 lines); so each stands in a set of its own.
 */
const STAGGER = 17 * 64;

export class Packets {
  readonly capacity: number;
  /** Arena offset of the first byte of the Ethernet header. */
  readonly frame: Int32Array;
  /** Bytes of the frame, from the Ethernet header on. */
  readonly length: Int32Array;
  /** Bytes before the frame that belong to nobody else: whoever owns the packet may move its start into them. */
  readonly headroom: Int32Array;
  readonly flags: Int32Array;
  /** Tunnel record index; meaningful with TUNNEL_RECEIVED or TUNNEL_TRANSMIT. */
  readonly tunnel: Int32Array;
  /** Device index (not ifindex) whose hook the packet passes now. */
  readonly device: Int32Array;
  readonly gsoType: Int32Array;
  /** Payload bytes of each segment of a super-frame; 0 with a gsoType other than GSO_NONE means "from the output's MTU". */
  readonly gsoSize: Int32Array;
  /** Payload bytes of a super-frame when it came in (`fixSegments`); 0: what its headers say. */
  readonly gsoBytes: Int32Array;
  /** Bytes from the frame's start; meaningful with UNFINISHED. */
  readonly csumStart: Int32Array;
  /** Bytes from csumStart. */
  readonly csumOffset: Int32Array;
  readonly shape: Int32Array;
  /** Bytes from the frame's start to the network header; -1 where there is none. */
  readonly l3: Int32Array;
  /** Bytes from the frame's start to the transport header; -1 where there is none. */
  readonly l4: Int32Array;
  /** Bytes from the frame's start to the transport payload; -1 where there is none. */
  readonly payload: Int32Array;
  /** Bytes from the frame's start to the end of the IP packet (its own length field); frame length where not IP. */
  readonly end: Int32Array;
  /** Hash of the inner flow, 32 bits, for source ports and lanes. */
  readonly hash: Int32Array;
  /** What `skbedit mark` and `skbedit priority` say of the packet; 0 where nothing did. */
  readonly mark: Int32Array;
  readonly priority: Int32Array;
  /** The rule (its id) whose actions the packet met last, and the received record that it came under; -1: none. */
  readonly rule: Int32Array;
  readonly origin: Int32Array;
  /** The next packet of the queue this one stands in. */
  readonly next: Int32Array;
  private taken = 0;
  /** Packets that `share` leaves to those who `take`: frames that are there already go before copies. */
  reserved = 0;

  constructor(arena: Arena, capacity: number) {
    this.capacity = capacity;
    const column = (): Int32Array => {
      arena.alloc(STAGGER);
      return arena.column(capacity);
    };
    this.frame = column();
    this.length = column();
    this.headroom = column();
    this.flags = column();
    this.tunnel = column();
    this.device = column();
    this.gsoType = column();
    this.gsoSize = column();
    this.gsoBytes = column();
    this.csumStart = column();
    this.csumOffset = column();
    this.shape = column();
    this.l3 = column();
    this.l4 = column();
    this.payload = column();
    this.end = column();
    this.hash = column();
    this.mark = column();
    this.priority = column();
    this.next = column();
    this.rule = column();
    this.origin = column();
  }

  get count(): number {
    return this.taken;
  }

  /** Forgets every packet. */
  reset(): void {
    this.taken = 0;
    this.reserved = 0;
  }

  /** A packet for the frame at `offset`, all else plain; NONE where the batch is full. */
  take(offset: number, length: number): PacketIndex {
    const i = this.taken;
    if (i === this.capacity) return NONE;
    this.taken = i + 1;
    this.frame[i] = offset;
    this.length[i] = length;
    this.headroom[i] = 0;
    this.mark[i] = 0;
    this.priority[i] = 0;
    this.flags[i] = 0;
    this.tunnel[i] = -1;
    this.gsoType[i] = GSO_NONE;
    this.gsoSize[i] = 0;
    this.gsoBytes[i] = 0;
    this.csumStart[i] = 0;
    this.csumOffset[i] = 0;
    this.rule[i] = -1;
    this.origin[i] = -1;
    this.next[i] = NONE;
    return i as PacketIndex;
  }

  /** A second descriptor of the same bytes (mirror); both become SHARED. NONE where what is left is reserved. */
  share(i: PacketIndex): PacketIndex {
    if (this.taken >= this.capacity - this.reserved) return NONE;
    const j = this.take(this.frame[i], this.length[i]);
    if (j === NONE) return NONE;
    this.flags[i] |= SHARED;
    this.flags[j] = this.flags[i] & ~JOINS;
    this.tunnel[j] = this.tunnel[i];
    this.device[j] = this.device[i];
    this.gsoType[j] = this.gsoType[i];
    this.gsoSize[j] = this.gsoSize[i];
    this.gsoBytes[j] = this.gsoBytes[i];
    this.csumStart[j] = this.csumStart[i];
    this.csumOffset[j] = this.csumOffset[i];
    this.shape[j] = this.shape[i];
    this.l3[j] = this.l3[i];
    this.l4[j] = this.l4[i];
    this.payload[j] = this.payload[i];
    this.end[j] = this.end[i];
    this.hash[j] = this.hash[i];
    this.mark[j] = this.mark[i];
    this.priority[j] = this.priority[i];
    this.rule[j] = this.rule[i];
    this.origin[j] = this.origin[i];
    return j;
  }

  /**
   * Packets for `count` frames of which nothing but their place differs from `i`'s, a plain frame: the first at
   * `offset`, the others `stride` bytes behind each other. They are chained, and have consecutive indices, the first of
   * which is returned; the caller has seen that there is room.
   */
  repeat(i: PacketIndex, count: number, offset: number, stride: number): PacketIndex {
    const first = this.taken;
    const end = first + count;
    this.taken = end;
    for (let j = first; j < end; j++) {
      this.frame[j] = offset;
      this.length[j] = this.length[i];
      this.headroom[j] = this.headroom[i];
      this.flags[j] = this.flags[i];
      this.tunnel[j] = this.tunnel[i];
      this.device[j] = this.device[i];
      this.gsoType[j] = GSO_NONE;
      this.gsoSize[j] = 0;
      this.gsoBytes[j] = 0;
      this.csumStart[j] = 0;
      this.csumOffset[j] = 0;
      this.shape[j] = this.shape[i];
      this.l3[j] = this.l3[i];
      this.l4[j] = this.l4[i];
      this.payload[j] = this.payload[i];
      this.end[j] = this.end[i];
      this.hash[j] = this.hash[i];
      this.mark[j] = this.mark[i];
      this.priority[j] = this.priority[i];
      this.rule[j] = this.rule[i];
      this.origin[j] = this.origin[i];
      this.next[j] = j + 1;
      offset += stride;
    }
    this.next[end - 1] = NONE;
    return first as PacketIndex;
  }

  /**
   * Keeps the payload bytes of a super-frame as they are when it comes in, dissected. Its copies and what rewriting
   * makes of it stand for the same segments then, whatever their headers say, as shinfo->gso_segs stays and skb_segment
   * cuts all of an skb, whatever length its IP header names.
   */
  fixSegments(i: PacketIndex): void {
    if (this.gsoType[i] !== GSO_NONE) this.gsoBytes[i] = this.end[i] - Math.max(this.payload[i], 0);
  }

  /**
   * Payload bytes that the segments of super-frame `i` share out: those it came in with. One whose headers did not
   * parse counts as if it were all payload.
   */
  payloadBytes(i: PacketIndex): number {
    const fixed = this.gsoBytes[i];
    return fixed > 0 ? fixed : this.end[i] - Math.max(this.payload[i], 0);
  }

  /** Segments that a dissected packet stands for on a wire: 1, or those of a super-frame whose gsoSize is known. */
  segments(i: PacketIndex): number {
    const size = this.gsoSize[i];
    if (this.gsoType[i] === GSO_NONE || size === 0) return 1;
    const bytes = this.payloadBytes(i);
    return bytes <= size ? 1 : Math.ceil(bytes / size);
  }
}
