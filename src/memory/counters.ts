/**
 * Counters in shared memory. Each worker owns a set and is its only writer; the control thread reads all sets and
 * adds them up. A counter is a double: exact to 2^53 (8 days of bytes at 100 Gb/s; from there on it rounds), and
 * neither side needs a BigInt. Aligned doubles do not tear on the processors that Node.js runs on.
 */
import { NONE, type PacketIndex } from './packets.js';
import { PEER_TRAFFIC_BYTES, PeerTraffic } from './peer-traffic.js';
import { REASONS } from './reasons.js';
import { Tape } from './tape.js';
import type { Witness } from './witness.js';

export const MAX_DEVICES = 1024;

/** Columns of a device's row: the fields of rtnl_link_stats64 that vtep keeps. */
export const DeviceCounter = {
  RX_PACKETS: 0,
  RX_BYTES: 1,
  RX_DROPPED: 2,
  RX_ERRORS: 3,
  RX_FRAME_ERRORS: 4,
  RX_LENGTH_ERRORS: 5,
  TX_PACKETS: 6,
  TX_BYTES: 7,
  TX_DROPPED: 8,
  TX_ERRORS: 9,
  /** What met the ingress filters: packets as segments, bytes without the Ethernet header; drops by the frame. */
  HOOK_PACKETS: 10,
  HOOK_BYTES: 11,
  HOOK_DROPS: 12,
  TX_ABORTED_ERRORS: 13,
  TX_CARRIER_ERRORS: 14,
  /** Where the kernel's tunnels count a way that leads back into the device (ELOOP). */
  COLLISIONS: 15,
} as const;
export const DEVICE_COUNTERS = 16;

/** Counters of the worker itself: work per packet, which benches and gates read. */
export const WorkCounter = {
  WAKEUPS: 0,
  RECEIVE_CALLS: 1,
  RECEIVED_MESSAGES: 2,
  RECEIVED_DATAGRAMS: 3,
  SEND_CALLS: 4,
  SENT_MESSAGES: 5,
  SENT_DATAGRAMS: 6,
  TAP_READS: 7,
  TAP_FRAMES_READ: 8,
  TAP_WRITES: 9,
  TAP_FRAMES_WRITTEN: 10,
  LOOKUPS: 11,
  PROBES: 12,
  /** Look-ups that the flow cache answered, and those that it passed on. */
  CACHE_HITS: 13,
  CACHE_MISSES: 14,
  /** Looks for more work instead of sleeping, and those of them that found none. */
  BUSY_POLLS: 15,
  IDLE_POLLS: 16,
  /** Threads that took the place of one that had died. */
  RESTARTS: 17,
  /** Super-frames that were handed to the kernel whole (io/tunnel-gso). */
  SENT_SUPER_FRAMES: 20,
} as const;
export const WORK_COUNTERS = 32;

/** Sizes that are counted by powers of two. */
export const SizeHistogram = {
  /** Datagrams of a receive batch. */
  RECEIVE_BATCH: 0,
  /** Frames of the wire's size that were merged into one written to a TAP or to an interface. */
  WRITTEN_SEGMENTS: 1,
  /** Datagrams that one message to the underlay became. */
  SENT_SEGMENTS: 2,
} as const;
/** Bucket n counts sizes up to 2^n; the last takes all that are larger. */
export const SIZE_BUCKETS = 12;
const SIZE_HISTOGRAMS = 3;

/** Reasons of vtep's own are below this number; as many of a program that embeds it follow. */
export const CUSTOM_REASON = 128;
export const CUSTOM_REASONS = 32;
const REASON_ROW = CUSTOM_REASON + CUSTOM_REASONS;
if (REASONS.length > CUSTOM_REASON) throw new Error('counters: more reasons than a row holds');
const WORK_AT = MAX_DEVICES * (DEVICE_COUNTERS + REASON_ROW);
/** Bytes of the buffer that devices and reasons count in; what workers count of themselves is behind them. */
export const DEVICE_BYTES = WORK_AT * 8;
const SIZES_AT = WORK_AT + WORK_COUNTERS;
const PEERS_AT = SIZES_AT + SIZE_HISTOGRAMS * SIZE_BUCKETS;
const BYTES = PEERS_AT * 8 + PEER_TRAFFIC_BYTES;

/** One worker's counters over a SharedArrayBuffer. */
export class Counters {
  readonly buffer: SharedArrayBuffer;
  /** What is counted of devices and under reasons, while it is on. */
  readonly tape = new Tape();
  /** Who sees what is counted under reasons; null: nobody. */
  witness: Witness | null = null;
  /** Traffic by peer and VNI, while somebody looks. */
  readonly peers: PeerTraffic;
  private readonly values: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(BYTES);
    this.values = new Float64Array(this.buffer, 0, PEERS_AT);
    this.peers = new PeerTraffic(this.buffer, PEERS_AT * 8);
  }

  /** Adds to a counter of a device. */
  device(device: number, counter: number, by: number): void {
    const at = device * DEVICE_COUNTERS + counter;
    this.values[at] += by;
    if (this.tape.isOn) this.tape.note(at, 0, by);
  }

  deviceValue(device: number, counter: number): number {
    return this.values[device * DEVICE_COUNTERS + counter];
  }

  /**
   * Counts `packets` packets of a device, a super-frame as its segments, under a reason. `packet`: which one it is;
   * where that is left out the datagram at hand, if there is one.
   */
  reason(device: number, reason: number, packets: number, packet: PacketIndex = NONE): void {
    const at = MAX_DEVICES * DEVICE_COUNTERS + device * REASON_ROW + reason;
    this.values[at] += packets;
    if (this.tape.isOn) this.tape.note(at, 0, packets);
    if (this.witness !== null && packets > 0) this.witness.counted(device, reason, packet);
  }

  /** Counts what the tape holds once more for each of `times` packets. */
  replay(times: number): void {
    const { tape, values } = this;
    for (let n = 0; n < tape.length; n++) values[tape.row(n)] += tape.amount(n) * times;
  }

  reasonValue(device: number, reason: number): number {
    return this.values[MAX_DEVICES * DEVICE_COUNTERS + device * REASON_ROW + reason];
  }

  /** Sets a reason that another than the worker counts: its only writer then. */
  setReason(device: number, reason: number, packets: number): void {
    this.values[MAX_DEVICES * DEVICE_COUNTERS + device * REASON_ROW + reason] = packets;
  }

  work(counter: number, by: number): void {
    this.values[WORK_AT + counter] += by;
  }

  workValue(counter: number): number {
    return this.values[WORK_AT + counter];
  }

  /** Counts something of a size from 1 on. */
  size(histogram: number, size: number): void {
    this.values[SIZES_AT + histogram * SIZE_BUCKETS + Math.min(SIZE_BUCKETS - 1, 32 - Math.clz32(size - 1))] += 1;
  }

  /** How many there were of bucket `bucket` (see SIZE_BUCKETS). */
  sizeValue(histogram: number, bucket: number): number {
    return this.values[SIZES_AT + histogram * SIZE_BUCKETS + bucket];
  }

  /** Zeroes everything a device counted: its index goes to another. */
  clearDevice(device: number): void {
    this.values.fill(0, device * DEVICE_COUNTERS, (device + 1) * DEVICE_COUNTERS);
    const at = MAX_DEVICES * DEVICE_COUNTERS + device * REASON_ROW;
    this.values.fill(0, at, at + REASON_ROW);
  }
}

/** Columns of an action's row. */
export const ActionCounter = {
  PACKETS: 0,
  BYTES: 1,
  DROPS: 2,
  OVERLIMITS: 3,
  REQUEUES: 4,
  /** Milliseconds of the steady clock (clock.ts), below 0 where it was before the machine was started; 0: never. */
  LAST_USED: 5,
  FIRST_USED: 6,
  /** Packets that `random determ` has counted. */
  COUNTED: 7,
} as const;
export const ACTION_COUNTERS = 8;

const SLAB_BITS = 12;
const SLAB_ROWS = 1 << SLAB_BITS;

/** Counters of actions: rows in slabs of 4,096, so that they grow without moving. One set per worker. */
export class ActionCounters {
  readonly slabs: Float64Array[] = [];
  /** What `hit` and `add` count, while it is on. */
  readonly tape = new Tape();

  /** A new slab; the owner hands its buffer to the other thread, which calls `attach`. */
  grow(): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(SLAB_ROWS * ACTION_COUNTERS * 8);
    this.attach(buffer);
    return buffer;
  }

  attach(buffer: SharedArrayBuffer): void {
    this.slabs.push(new Float64Array(buffer));
  }

  get capacity(): number {
    return this.slabs.length * SLAB_ROWS;
  }

  /** Counts one packet (of `segments` segments and `bytes` bytes) that met the action at `now` (ms of the steady clock). */
  hit(row: number, segments: number, bytes: number, now: number): void {
    const slab = this.slabs[row >> SLAB_BITS];
    const at = (row & (SLAB_ROWS - 1)) * ACTION_COUNTERS;
    slab[at] += segments;
    slab[at + 1] += bytes;
    slab[at + 5] = now;
    if (slab[at + 6] === 0) slab[at + 6] = now;
    const { tape } = this;
    if (!tape.isOn) return;
    tape.note(row, ActionCounter.PACKETS, segments);
    tape.note(row, ActionCounter.BYTES, bytes);
  }

  add(row: number, counter: number, by: number): void {
    this.slabs[row >> SLAB_BITS][(row & (SLAB_ROWS - 1)) * ACTION_COUNTERS + counter] += by;
    if (this.tape.isOn) this.tape.note(row, counter, by);
  }

  /** Counts what the tape holds once more for each of `times` packets, at the time that stands there. */
  replay(times: number): void {
    const { tape } = this;
    for (let n = 0; n < tape.length; n++) {
      const row = tape.row(n);
      const at = (row & (SLAB_ROWS - 1)) * ACTION_COUNTERS + tape.column(n);
      this.slabs[row >> SLAB_BITS][at] += tape.amount(n) * times;
    }
  }

  /** Counts one more in COUNTED; whether the count is now a multiple of `of`. */
  isTurn(row: number, of: number): boolean {
    const slab = this.slabs[row >> SLAB_BITS];
    const at = (row & (SLAB_ROWS - 1)) * ACTION_COUNTERS + 7;
    slab[at] += 1;
    return slab[at] % of === 0;
  }

  value(row: number, counter: number): number {
    return this.slabs[row >> SLAB_BITS][(row & (SLAB_ROWS - 1)) * ACTION_COUNTERS + counter];
  }

  /** An action was used at this time too (LAST_USED or FIRST_USED): the later, or the earlier, of both stays. */
  usedAt(row: number, counter: number, time: number): void {
    const slab = this.slabs[row >> SLAB_BITS];
    const at = (row & (SLAB_ROWS - 1)) * ACTION_COUNTERS + counter;
    const there = slab[at];
    if (there === 0 || (counter === ActionCounter.LAST_USED ? time > there : time < there)) slab[at] = time;
  }

  /** Where nobody has counted nothing is written: memory that was never written to costs nothing. */
  clear(row: number): void {
    const slab = this.slabs[row >> SLAB_BITS];
    const at = (row & (SLAB_ROWS - 1)) * ACTION_COUNTERS;
    for (let i = at; i < at + ACTION_COUNTERS; i++) if (slab[i] !== 0) slab[i] = 0;
  }
}
