/**
 * Merging the packets of a batch before they are written to a port (GRO). A write to a TAP costs the kernel 1.5 to
 * 3.5 µs whatever its size, so 45 segments in one frame instead of 45 is what makes a userspace endpoint fast.
 *
 * The batch is a chain of packets bound for one port. Walking it once, every packet either joins the open run of its
 * flow or begins a group of its own; then the groups are written in the order of their first packets. At most one
 * run of a flow is open, and it is always the flow's latest group: whatever cannot join it (a pure ACK, a SYN, a bad
 * checksum, a super-frame) closes it, and packets whose flow cannot be told (fragments, headers that disagree) close
 * every run. So the order within a flow is never changed; that between flows may be.
 *
 * Nothing is copied but one block of headers per run; payload is strung together by iovecs, and the packets' own
 * bytes are not touched, because a mirrored copy may share them. Nothing outlives a call: there is no timer.
 *
 * The checksums of everything that is merged were verified (or are unfinished, see lanes/tcp.ts), because the merged
 * packet gets a new one. A packet alone is passed with the checksum it has, right or wrong, and is not even looked at.
 */
import type { Arena } from '../memory/arena.js';
import {
  GSO_NONE,
  JOINS,
  NONE,
  type PacketIndex,
  type Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_ODD,
  SHAPE_TCP,
  SHAPE_UDP,
  SIZE_GUESSED,
} from '../memory/packets.js';
import type { FrameVector } from '../memory/vectors.js';
import type { Checksummer } from '../wire/checksum.js';
import { copyBytes } from './copy-bytes.js';
import { FlowTable } from './flow-table.js';
import { admitShape, ipFollows, ipIntact, writeIpLength } from './ip-headers.js';
import type { MergeLane } from './lanes/merge.js';
import { addEntry, Passthrough } from './lanes/passthrough.js';
import { TcpLane } from './lanes/tcp.js';
import { UdpLane } from './lanes/udp.js';
import { NO_COALESCING } from './offloads.js';
import {
  DROPPED_BAD_SUPER_FRAME,
  DROPPED_TOO_MANY_SEGMENTS,
  FRAGMENT,
  HEAD_CHECKSUM,
  IP_CHECKSUM,
  LONGER,
  MERGED,
  NO_LANE,
  ODD,
  OFF,
  OPENED,
  OUTCOMES,
  SEGMENTED,
  SUPER_FRAME,
  TOO_LONG,
  TOO_MANY,
  TRANSPORT_CHECKSUM,
} from './outcomes.js';
import { Runs } from './runs.js';
import { NEEDS_CSUM, VNET_BYTES, writeVnetHeader } from './vnet-header.js';

const MAX_IP_LENGTH = 65535;
const MAX_GSO_SIZE = 65535;
/**
 * Bytes of headers set aside for each frame. A run of two or more takes one block, of 12 bytes and the longest
 * headers that can be merged (two VLAN tags, IPv6, TCP with 40 bytes of options: 122 bytes), which two shares cover.
 */
const HEADER_SHARE = 80;

export class Coalescer {
  /** Packets by outcome (see outcomes.ts), since the start; the caller reads, and may zero it. */
  readonly outcomes = new Float64Array(OUTCOMES.length);
  /** Packets, a super-frame as its segments, that the last call dropped as DROPPED_BAD_SUPER_FRAME. */
  badSuperFrames = 0;
  /** The same for DROPPED_TOO_MANY_SEGMENTS. */
  tooManySegments = 0;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;
  private readonly flows: FlowTable;
  private readonly runs: Runs;
  private readonly tcp: MergeLane;
  private readonly udp: MergeLane;
  private readonly passthrough: Passthrough;
  private mtu = 0;
  private offloads = 0;
  /** Runs before this one are closed. */
  private firstOpen = 0;
  /** The run that ends with the packet placed last, where another may join it; or -1. */
  private latest = -1;
  private entriesLeft = 0;
  private iovecsLeft = 0;
  private headersLeft = 0;

  /** For up to `capacity` packets in one call; what a chain has beyond that is left for the next. */
  constructor(arena: Arena, packets: Packets, checksums: Checksummer, capacity: number) {
    this.arena = arena;
    this.packets = packets;
    this.checksums = checksums;
    this.flows = new FlowTable(arena, packets, capacity);
    this.runs = new Runs(capacity, packets.capacity);
    this.tcp = new TcpLane(arena, packets, checksums);
    this.udp = new UdpLane(arena, packets, checksums);
    this.passthrough = new Passthrough(arena, packets, checksums);
  }

  /**
   * Appends frames for the chain of dissected packets that begins with `head` to `out`. `mtu` is the port's (bytes
   * of an IP packet), from which super-frames of unknown gsoSize get theirs; `offloads` says what the port takes.
   * Returns NONE, or the first packet for which there was no room: write `out`, reset it and go on from there. (An
   * empty vector always takes at least one.) The bytes of the packets are lent to `out` until it is reset.
   *
   * Packets of equal addresses, protocol and ports must have equal hashes.
   */
  run(head: PacketIndex, mtu: number, offloads: number, out: FrameVector): PacketIndex {
    const { packets, runs } = this;
    this.mtu = mtu;
    this.offloads = offloads;
    this.firstOpen = 0;
    this.latest = -1;
    this.entriesLeft = out.capacity - out.count;
    this.iovecsLeft = out.iovecs.capacity - out.iovecs.used;
    this.headersLeft = out.headers.room;
    this.flows.clear();
    runs.used = 0;
    this.badSuperFrames = 0;
    this.tooManySegments = 0;
    let i = head;
    while (i !== NONE && runs.used < runs.capacity) {
      let outcome = MERGED;
      if ((packets.flags[i] & JOINS) === 0 || this.latest < 0 || !this.joinLatest(i))
        outcome = packets.gsoType[i] === GSO_NONE ? this.placeFrame(i, out) : this.placeSuperFrame(i, out);
      if (outcome < 0) break;
      this.outcomes[outcome] += 1;
      if (outcome === DROPPED_BAD_SUPER_FRAME) this.badSuperFrames += packets.segments(i);
      else if (outcome === DROPPED_TOO_MANY_SEGMENTS) this.tooManySegments += packets.segments(i);
      i = packets.next[i] as PacketIndex;
    }
    for (let r = 0; r < runs.used; r++) this.write(r, out);
    return i;
  }

  /** Appends a packet that somebody has compared with the one before it; false where there is no room in the run. */
  private joinLatest(i: PacketIndex): boolean {
    const { packets, runs, latest } = this;
    const lane = this.laneOf(packets.shape[i]);
    const bytes = packets.end[i] - packets.payload[i];
    if (lane === null || !this.hasRoom(lane, latest, i, bytes) || !this.reserve(1, HEADER_SHARE)) return false;
    runs.headIntact[latest] = 1;
    runs.append(latest, i, bytes);
    return true;
  }

  /** Gives a plain frame its place; returns the outcome, or -1 where there is no room. */
  private placeFrame(i: PacketIndex, out: FrameVector): number {
    const { packets, runs, flows } = this;
    this.latest = -1;
    const headerBytes = this.passthrough.costOfFrame(i, this.offloads);
    if (headerBytes > out.headers.capacity) return DROPPED_BAD_SUPER_FRAME;
    if (!this.reserve(1, headerBytes > HEADER_SHARE ? headerBytes : HEADER_SHARE)) return -1;
    const shape = packets.shape[i];
    if ((shape & (SHAPE_FRAGMENT | SHAPE_ODD)) !== 0) {
      runs.open(i, 0);
      this.firstOpen = runs.used;
      return (shape & SHAPE_FRAGMENT) !== 0 ? FRAGMENT : ODD;
    }
    const lane = this.laneOf(shape);
    if (lane === null) {
      runs.open(i, 0);
      return NO_LANE;
    }
    const wanted = lane.offloads(shape);
    if ((this.offloads & (wanted | NO_COALESCING)) !== wanted) {
      runs.open(i, 0);
      return OFF;
    }
    const slot = flows.find(i);
    let admitted = admitShape(shape);
    if (admitted === MERGED) admitted = lane.admit(i);
    if (admitted !== MERGED) {
      flows.run[slot] = -1;
      runs.open(i, 0);
      return admitted;
    }
    const bytes = packets.end[i] - packets.payload[i];
    const r = flows.run[slot];
    let outcome = OPENED;
    if (r >= this.firstOpen) {
      outcome = this.join(lane, r, i, bytes);
      if (outcome === MERGED) {
        runs.append(r, i, bytes);
        if (bytes < runs.segmentBytes[r] || lane.ends(i)) flows.run[slot] = -1;
        else this.latest = r;
        return MERGED;
      }
    }
    const own = runs.open(i, bytes);
    const broken = outcome === IP_CHECKSUM || outcome === TRANSPORT_CHECKSUM;
    this.latest = broken || lane.ends(i) ? -1 : own;
    flows.run[slot] = this.latest;
    return outcome;
  }

  /** The lane for packets of the shape; null: they are never merged. */
  private laneOf(shape: number): MergeLane | null {
    if ((shape & SHAPE_TCP) !== 0) return this.tcp;
    return (shape & SHAPE_UDP) !== 0 ? this.udp : null;
  }

  /** Whether `i` may join run `r`: headers first, sizes, and the checksums (the dearest) last. */
  private join(lane: MergeLane, r: number, i: PacketIndex, bytes: number): number {
    const { packets, runs, checksums } = this;
    const tail = runs.tail[r] as PacketIndex;
    let outcome = ipFollows(this.arena, packets, tail, i);
    if (outcome !== MERGED) return outcome;
    outcome = lane.follows(tail, i);
    if (outcome !== MERGED) return outcome;
    if (bytes > runs.segmentBytes[r]) return LONGER;
    if (runs.count[r] >= lane.maxSegments) return TOO_MANY;
    if (!this.hasRoom(lane, r, i, bytes)) return TOO_LONG;
    if (runs.headIntact[r] === 0) {
      const head = runs.head[r] as PacketIndex;
      if (!ipIntact(checksums, packets, head) || !lane.intact(head)) return HEAD_CHECKSUM;
      runs.headIntact[r] = 1;
    }
    if (!ipIntact(checksums, packets, i)) return IP_CHECKSUM;
    return lane.intact(i) ? MERGED : TRANSPORT_CHECKSUM;
  }

  /** Whether one more packet of `bytes` payload bytes leaves run `r` within what a super-frame may be. */
  private hasRoom(lane: MergeLane, r: number, i: PacketIndex, bytes: number): boolean {
    const { packets, runs } = this;
    const headers = packets.payload[i] - packets.l3[i];
    return runs.count[r] < lane.maxSegments && headers + runs.payloadBytes[r] + bytes <= MAX_IP_LENGTH;
  }

  /** The same for a super-frame. One that needs no cutting at this port's MTU becomes a plain frame. */
  private placeSuperFrame(i: PacketIndex, out: FrameVector): number {
    const { packets, passthrough } = this;
    this.latest = -1;
    const gsoSize = this.gsoSize(i);
    if (gsoSize < 1) return DROPPED_BAD_SUPER_FRAME;
    if (this.isGuessed(i) && packets.payloadBytes(i) <= gsoSize) {
      packets.gsoType[i] = GSO_NONE;
      return this.placeFrame(i, out);
    }
    const wanted = passthrough.offloads(i);
    if (wanted >= 0 && (this.offloads & wanted) === wanted) {
      if (!this.reserve(1, HEADER_SHARE)) return -1;
      this.openAlone(i);
      return SUPER_FRAME;
    }
    if (!passthrough.costOfSegments(i, gsoSize)) return DROPPED_BAD_SUPER_FRAME;
    const { entries, headerBytes } = passthrough;
    if (entries > out.capacity || entries * 2 > out.iovecs.capacity || headerBytes > out.headers.capacity)
      return DROPPED_TOO_MANY_SEGMENTS;
    if (!this.reserve(entries, headerBytes)) return -1;
    this.openAlone(i);
    return SEGMENTED;
  }

  /** Payload bytes of the segments of super-frame `i`: no more than the MTU allows where they are not known. */
  private gsoSize(i: PacketIndex): number {
    const { packets } = this;
    const known = packets.gsoSize[i];
    if (!this.isGuessed(i)) return known;
    const most = this.mtu - (packets.payload[i] - packets.l3[i]);
    return Math.min(most, known === 0 ? MAX_GSO_SIZE : known);
  }

  private isGuessed(i: PacketIndex): boolean {
    return this.packets.gsoSize[i] === 0 || (this.packets.flags[i] & SIZE_GUESSED) !== 0;
  }

  /** A group of super-frame `i` alone, which ends the run of its flow (or all, where its flow is not known). */
  private openAlone(i: PacketIndex): void {
    const { packets, runs, flows } = this;
    const shape = packets.shape[i];
    runs.open(i, 0);
    if ((shape & (SHAPE_FRAGMENT | SHAPE_ODD)) !== 0) this.firstOpen = runs.used;
    else if (this.laneOf(shape) !== null) flows.run[flows.find(i)] = -1;
  }

  /** Sets room aside: entries of two iovecs each, and bytes of headers. False where there is not enough. */
  private reserve(entries: number, headerBytes: number): boolean {
    if (entries > this.entriesLeft || entries * 2 > this.iovecsLeft || headerBytes > this.headersLeft) return false;
    this.entriesLeft -= entries;
    this.iovecsLeft -= entries * 2;
    this.headersLeft -= headerBytes;
    return true;
  }

  private write(r: number, out: FrameVector): void {
    const { packets, runs, passthrough } = this;
    const head = runs.head[r] as PacketIndex;
    const lane = this.laneOf(packets.shape[head]);
    if (lane !== null && runs.count[r] > 1) {
      this.writeRun(lane, r, head, out);
    } else if (packets.gsoType[head] === GSO_NONE) {
      passthrough.addFrame(head, this.offloads, out);
    } else {
      const gsoSize = this.gsoSize(head);
      const wanted = passthrough.offloads(head);
      if (wanted >= 0 && (this.offloads & wanted) === wanted) passthrough.addSuperFrame(head, gsoSize, out);
      else passthrough.addSegments(head, gsoSize, out);
    }
  }

  /** One block of virtio-net header and headers, then every payload where it stands. */
  private writeRun(lane: MergeLane, r: number, head: PacketIndex, out: FrameVector): void {
    const { packets, runs, arena } = this;
    const shape = packets.shape[head];
    const l3 = packets.l3[head];
    const l4 = packets.l4[head];
    const headerBytes = packets.payload[head];
    const length = headerBytes + runs.payloadBytes[r];
    const start = out.iovecs.used;
    const at = out.headers.take(VNET_BYTES + headerBytes);
    const frame = at + VNET_BYTES;
    const gsoType = lane.gsoType(shape);
    writeVnetHeader(arena, at, NEEDS_CSUM, gsoType, headerBytes, runs.segmentBytes[r], l4, lane.checksumOffset);
    copyBytes(arena, frame, packets.frame[head], headerBytes);
    writeIpLength(this.checksums, frame + l3, (shape & SHAPE_IPV4) !== 0, length - l3);
    lane.complete(frame + l4, head, runs.tail[r] as PacketIndex, length - l4);
    out.iovecs.add(at, VNET_BYTES + headerBytes);
    const { frame: frames, payload, end } = packets;
    const { link } = runs;
    let i = head as number;
    for (let n = runs.count[r]; n > 0; n--) {
      out.iovecs.add(frames[i] + payload[i], end[i] - payload[i]);
      i = link[i];
    }
    addEntry(out, start, length, runs.count[r]);
  }
}
