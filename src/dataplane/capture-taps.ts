/**
 * What captures see of the datapath. There is one of these only while somebody captures; otherwise the hooks below are a
 * comparison with null: one for each batch received, read, written or sent, and one for each datagram that goes the long
 * way (trains.ts: those that follow it are the same).
 *
 * Packets are copied into a ring of each capture, cut to what it wants to keep; where there is no room they are lost, and
 * counted. What is here makes garbage, unlike the rest of the datapath.
 */
import type { Underlay } from '../io/device.js';
import type { Arena } from '../memory/arena.js';
import { CapturePoint, type CaptureRing, CaptureWord } from '../memory/capture-ring.js';
import { FrameKind, HAS_RECEIVED, HAS_TRANSMIT } from '../memory/drop-ring.js';
import { GSO_NONE, NONE, type PacketIndex, type Packets, TUNNEL_TRANSMIT } from '../memory/packets.js';
import { REASONS } from '../memory/reasons.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import type { DatagramVector } from '../memory/vectors.js';
import type { ReasonTap, Witness } from '../memory/witness.js';
import { VXLAN_HEADER, vxlanVni } from '../wire/vxlan.js';
import { type Demultiplexer, NOBODY } from './demultiplexer.js';
import type { OutputQueues } from './queues.js';
import type { UnderlayPaths } from './underlay-paths.js';

/** What a capture wants; -1: any. */
export interface CaptureFilter {
  /** Bit 1 << p is set for each CapturePoint p. */
  readonly points: number;
  readonly device: number;
  readonly vni: number;
  readonly rule: number;
  readonly reason: number;
  /** Bytes of a packet that are kept. */
  readonly snapLength: number;
}

export interface WorkerCapture {
  readonly filter: CaptureFilter;
  readonly ring: CaptureRing;
}

/** No VNI is known. */
const NO_VNI = -2;

export class CaptureTaps implements ReasonTap {
  private readonly captures: readonly WorkerCapture[];
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly batch: ReceivedDatagrams;
  private readonly witness: Witness;
  private readonly points: number;
  /** Where the next packet came from: a record of the batch, a record to send by and its table; -1: none. */
  private received = -1;
  private transmit = -1;
  private transmitTunnels: Int32Array = new Int32Array(0);
  private time = 0;

  constructor(
    captures: readonly WorkerCapture[],
    arena: Arena,
    packets: Packets,
    batch: ReceivedDatagrams,
    witness: Witness,
  ) {
    this.captures = captures;
    this.arena = arena;
    this.packets = packets;
    this.batch = batch;
    this.witness = witness;
    this.points = captures.reduce((points, { filter }) => points | filter.points, 0);
  }

  /** Whether anybody wants what passes a CapturePoint. */
  wants(point: number): boolean {
    return (this.points & (1 << point)) !== 0;
  }

  /** A batch that an underlay has received, before anything is done with it. */
  arrived(underlay: number, demultiplexer: Demultiplexer): void {
    this.tick();
    if (!this.wants(CapturePoint.UNDERLAY_IN)) return;
    const { batch } = this;
    this.transmit = -1;
    for (let m = 0; m < batch.count; m++) {
      if (batch.refused[m] !== 0) continue;
      const end = batch.offset[m] + batch.length[m];
      const step = batch.segmentSize[m] > 0 ? batch.segmentSize[m] : batch.length[m];
      for (let at = batch.offset[m]; at < end || at === batch.offset[m]; at += Math.max(1, step)) {
        const length = Math.min(step, end - at);
        const vni = length < VXLAN_HEADER ? NO_VNI : vxlanVni(this.arena.u8, at);
        let device = demultiplexer.single(underlay);
        if (device === NOBODY) device = demultiplexer.find(underlay, vni);
        if (device === NOBODY) device = demultiplexer.owner(underlay);
        this.received = m;
        this.bytes(CapturePoint.UNDERLAY_IN, FrameKind.DATAGRAM, device, -1, -1, vni, at, length, length);
      }
    }
  }

  /** The frames of a batch that the host has sent on a device. */
  sentByHost(device: number, count: number): void {
    this.tick();
    if (!this.wants(CapturePoint.HOST)) return;
    for (let i = 0; i < count; i++) this.packet(CapturePoint.HOST, device, -1, i as PacketIndex);
  }

  /** A packet that was decapsulated and accepted, before its device's filters. */
  decapsulated(packet: PacketIndex): void {
    this.packet(CapturePoint.DECAP, this.packets.device[packet], -1, packet);
  }

  /** What is about to leave by any device: nothing of it is merged or encapsulated yet. */
  leaving(queues: OutputQueues): void {
    this.tick();
    if (!this.wants(CapturePoint.OUT)) return;
    for (let n = 0; n < queues.count; n++) {
      for (let i = queues.first(n); i !== NONE; i = this.packets.next[i] as PacketIndex) {
        this.packet(CapturePoint.OUT, queues.device(n), -1, i);
      }
    }
  }

  /** What an underlay has sent of a vector, by records of `tunnels`; `port`: that of records that leave it to the device. */
  sent(
    device: number,
    port: number,
    underlay: Underlay,
    vector: DatagramVector,
    tunnels: Int32Array,
    paths: UnderlayPaths,
  ): void {
    if (!this.wants(CapturePoint.UNDERLAY_OUT)) return;
    for (let m = 0; m < vector.count; m++) {
      if (vector.errno[m] !== 0) continue;
      const record = vector.destination[m];
      const packet = vector.packet[m] as PacketIndex;
      this.received = this.witness.receivedRecord(packet);
      this.transmit = 0;
      this.transmitTunnels = withSource(tunnels, record, paths);
      const family = this.transmitTunnels[TunnelWord.FAMILY];
      this.transmitTunnels[TunnelWord.SRC_PORT] = underlay.sourcePort?.(family, vector.hash[m]) ?? 0;
      if (this.transmitTunnels[TunnelWord.DST_PORT] === 0) this.transmitTunnels[TunnelWord.DST_PORT] = port;
      const vni = this.transmitTunnels[TunnelWord.VNI];
      const rule = this.packets.rule[packet];
      const iovec = vector.iovecs.at(vector.iovecStart[m]);
      const whole = lengthOf(this.arena, iovec, vector.iovecCount[m]);
      // A super-frame that goes out whole is seen whole.
      const step = vector.segmentSize[m] > 0 && vector.gsoType[m] === GSO_NONE ? vector.segmentSize[m] : whole;
      for (let at = 0; at < whole; at += step) {
        this.gathered(device, rule, vni, iovec, at, Math.min(step, whole - at));
      }
    }
  }

  counted(device: number, reason: number, packet: PacketIndex): void {
    if (packet !== NONE) {
      this.packet(CapturePoint.DROP, device, reason, packet);
      return;
    }
    const { kind, at, length, whole, message } = this.witness;
    this.transmit = -1;
    this.received = kind === FrameKind.DATAGRAM ? message : -1;
    const vni = kind === FrameKind.DATAGRAM && length >= VXLAN_HEADER ? vxlanVni(this.arena.u8, at) : NO_VNI;
    this.bytes(CapturePoint.DROP, kind, device, reason, -1, vni, at, length, whole);
  }

  /** Once a batch. */
  private tick(): void {
    this.time = performance.timeOrigin + performance.now();
  }

  private packet(point: number, device: number, reason: number, packet: PacketIndex): void {
    const { packets, witness } = this;
    this.received = witness.receivedRecord(packet);
    this.transmit = (packets.flags[packet] & TUNNEL_TRANSMIT) !== 0 ? packets.tunnel[packet] : -1;
    this.transmitTunnels = witness.transmitTunnels;
    const vni = this.received < 0 ? NO_VNI : this.batch.tunnels[this.received * TUNNEL_WORDS + TunnelWord.VNI];
    const { frame, length, rule } = packets;
    const bytes = length[packet];
    this.bytes(point, FrameKind.FRAME, device, reason, rule[packet], vni, frame[packet], bytes, bytes);
  }

  private bytes(
    point: number,
    kind: number,
    device: number,
    reason: number,
    rule: number,
    vni: number,
    at: number,
    length: number,
    whole: number,
  ): void {
    for (const { filter, ring } of this.captures) {
      if (!this.isWanted(filter, point, device, reason, rule, vni)) continue;
      const kept = Math.min(length, filter.snapLength);
      const word = ring.begin(kept, this.time);
      if (word < 0) continue;
      this.head(ring, word, point, kind, device, reason, rule, whole);
      ring.put(word, 0, this.arena.u8, at, kept);
      ring.end();
    }
  }

  /** The `length` bytes from `skip` on of what iovecs have. */
  private gathered(device: number, rule: number, vni: number, iovecs: number, skip: number, length: number): void {
    const { arena } = this;
    for (const { filter, ring } of this.captures) {
      if (!this.isWanted(filter, CapturePoint.UNDERLAY_OUT, device, -1, rule, vni)) continue;
      const kept = Math.min(length, filter.snapLength);
      const word = ring.begin(kept, this.time);
      if (word < 0) continue;
      this.head(ring, word, CapturePoint.UNDERLAY_OUT, FrameKind.DATAGRAM, device, -1, rule, length);
      let before = skip;
      let done = 0;
      for (let iovec = iovecs >> 2; done < kept; iovec += 4) {
        const there = arena.i32[iovec + 2];
        const part = Math.min(there - before, kept - done);
        if (part > 0) {
          ring.put(word, done, arena.u8, ((arena.i32[iovec] - arena.base) | 0) + before, part);
          done += part;
          before = 0;
        } else before -= there;
      }
      ring.end();
    }
  }

  private isWanted(
    filter: CaptureFilter,
    point: number,
    device: number,
    reason: number,
    rule: number,
    vni: number,
  ): boolean {
    if ((filter.points & (1 << point)) === 0) return false;
    if (filter.device >= 0 && filter.device !== device) return false;
    if (filter.rule >= 0 && filter.rule !== rule) return false;
    if (filter.vni >= 0 && filter.vni !== vni && filter.vni !== this.sendVni()) return false;
    if (reason < 0) return filter.reason < 0;
    return filter.reason < 0
      ? reason >= REASONS.length || REASONS[reason].verdict === 'drop'
      : filter.reason === reason;
  }

  private sendVni(): number {
    return this.transmit < 0 ? NO_VNI : this.transmitTunnels[this.transmit * TUNNEL_WORDS + TunnelWord.VNI];
  }

  private head(
    ring: CaptureRing,
    word: number,
    point: number,
    kind: number,
    device: number,
    reason: number,
    rule: number,
    length: number,
  ): void {
    const { words } = ring;
    words[word + CaptureWord.POINT] = point;
    words[word + CaptureWord.KIND] = kind;
    words[word + CaptureWord.DEVICE] = device;
    words[word + CaptureWord.REASON] = reason;
    words[word + CaptureWord.RULE] = rule;
    words[word + CaptureWord.LENGTH] = length;
    if (this.received >= 0) {
      words[word + CaptureWord.RECORDS] |= HAS_RECEIVED;
      copyRecord(this.batch.tunnels, this.received, words, word + CaptureWord.RECEIVED);
    }
    if (this.transmit >= 0) {
      words[word + CaptureWord.RECORDS] |= HAS_TRANSMIT;
      copyRecord(this.transmitTunnels, this.transmit, words, word + CaptureWord.TRANSMIT);
    }
  }
}

function copyRecord(from: Int32Array, record: number, to: Int32Array, at: number): void {
  for (let w = 0; w < TUNNEL_WORDS; w++) to[at + w] = from[record * TUNNEL_WORDS + w];
}

/** A record with the source address that the host chooses where it leaves that open. */
function withSource(tunnels: Int32Array, record: number, paths: UnderlayPaths): Int32Array<ArrayBuffer> {
  const start = record * TUNNEL_WORDS;
  const own = new Int32Array(tunnels.subarray(start, start + TUNNEL_WORDS));
  const at = TunnelWord.SRC_IP;
  if ((own[at] | own[at + 1] | own[at + 2] | own[at + 3]) !== 0) return own;
  for (let w = 0; w < 4; w++) own[at + w] = paths.source(tunnels, start, w);
  return own;
}

function lengthOf({ i32 }: Arena, iovecs: number, count: number): number {
  let length = 0;
  for (let n = 0; n < count; n++) length += i32[(iovecs >> 2) + n * 4 + 2];
  return length;
}
