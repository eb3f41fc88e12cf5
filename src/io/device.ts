/**
 * The whole of I/O: two batch-shaped interfaces. Fakes, fault injectors, capture writers and tracers wrap any
 * implementation. All calls are non-blocking; nothing is queued behind them.
 *
 * Ownership: bytes that `receive` or `read` put into slots are borrowed until the next call of the same batch; bytes
 * that a vector refers to are borrowed to the device until `send` or `write` returns.
 */
import type { Packets } from '../memory/packets.js';
import type { ReceivedDatagrams, Slots } from '../memory/received.js';
import type { DatagramVector, FrameVector } from '../memory/vectors.js';

/**
 * Where VXLAN datagrams come from and go to. Who produces what it receives is its own business: the kernel (udp), or a
 * producer on another thread or in another process that hands over through a descriptor (raw, pcap; see handover/).
 */
export interface Underlay {
  /** Descriptors to wait on for reading (POLLIN). */
  readonly receiveFds: readonly number[];
  /**
   * Receives what waits on descriptor `receiveFds[which]` into `batch` (its former content is forgotten), sets
   * `batch.count` and `batch.overflow`. Returns the number of messages, 0 where nothing waits, or -errno.
   */
  receive(which: number, batch: ReceivedDatagrams): number;
  /** Datagrams that its queues have lost and no `receive` has told of; asks the kernel. */
  takeOverflow(): number;
  /**
   * How much `receive` and `takeOverflow` have told of what was lost, by receive descriptor: who reads it next goes on
   * from there (`dropsBefore`). Absent: there is nothing to go on from.
   */
  dropsTold?(): readonly (readonly [fd: number, count: number])[];
  /**
   * Sends every entry of `vector`, whose destinations are records of `tunnels` (TUNNEL_WORDS words each), and sets
   * `vector.errno`. One entry's failure does not stop the others. Returns the number of system calls made.
   */
  send(vector: DatagramVector, tunnels: Int32Array): number;
  /**
   * Whether a super-frame for the tunnel record at word `record` may be one entry of a vector (with a `gsoType`), to be
   * cut behind its outer headers. True: what the record left to the host (source, TTL) has been filled in. Absent:
   * never.
   */
  takesSuperFrames?(tunnels: Int32Array, record: number): boolean;
  /**
   * The source port of what `send` sends of a family (4 or 6) under a flow's hash, for whoever shows it; 0 where there is
   * none. Absent: nobody knows.
   */
  sourcePort?(family: number, hash: number): number;
}

/** What the host knows of the way to a destination. */
export interface Routes {
  /** Bytes of the largest IP packet, as far as the host knows; of the last `ask` that answered true. */
  readonly mtu: number;
  /** Whether the destination is an address of this host. */
  readonly local: boolean;
  /** Index of the interface that datagrams to it leave by; 0 where nobody knows. */
  readonly device: number;
  /** The source address that the host would choose, four words as in a tunnel record. */
  readonly source: Int32Array;
  /** Asks for the destination of the tunnel record at word `record`; false where there is no route to it. */
  ask(tunnels: Int32Array, record: number): boolean;
}

/** What carries whole Ethernet frames to and from the host: a TAP, or an AF_PACKET port. */
export interface FramePort {
  /** Descriptor to wait on for reading (POLLIN); -1: nothing ever comes in. */
  readonly fd: number;
  /** Frames shorter than an Ethernet header that `read` met and dropped, since the start. */
  readonly short: number;
  /** Frames that `read` dropped because nobody could make sense of their virtio-net header, since the start. */
  readonly malformed: number;
  /**
   * Reads up to `limit` frames into `slots` (from slot `firstSlot` on) and takes a packet for each, with its flags,
   * gsoType, gsoSize, csumStart and csumOffset set. Returns the number of frames, 0 where nothing waits, or -errno
   * (EBADFD: the device is gone) where not even one was read.
   */
  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number;
  /**
   * Writes every frame of `vector` and sets `vector.errno`: 0, what the kernel answered, or the number of a reason,
   * negated. One frame's failure does not stop the others.
   */
  write(vector: FrameVector): void;
}

/** Bytes of the virtio-net header before each frame of a FrameVector (struct virtio_net_hdr_mrg_rxbuf). */
export const VNET_HEADER_BYTES = 12;
