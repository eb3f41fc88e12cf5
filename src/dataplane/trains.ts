/**
 * The short way for trains (wire/trains.ts says what one is): datagrams that follow one which has gone all the way
 * through validation, dissection, look-up and actions do what it did, without any of that.
 *
 * It is right because each of these looks at nothing but the outer header (the same record, or one that says the
 * same), the bytes that were compared, and what does not change within a batch: rules, devices, the time. What a
 * frame does besides going into a queue is counted, and that is noted while the first one does it and added again for
 * those that follow. Whatever is not so ends it: actions that look at a clock or at chance, that rewrite or copy
 * (Executor.repeats), frames that were taken for super-frames or for unfinished ones, and all but TCP and UDP in plain
 * IP. (An ECN field that the outer one changed is compared as it is then: no other follows but one that has it so.)
 *
 * What is not added again is the work that was not done: look-ups and probes.
 *
 * Nothing outlives a batch, nor the datagram of another flow in between.
 */
import type { Executor } from '../actions/execute.js';
import type { Arena } from '../memory/arena.js';
import type { ActionCounters, Counters } from '../memory/counters.js';
import {
  GSO_NONE,
  JOINS,
  NONE,
  type PacketIndex,
  type Packets,
  SHAPE_IPV4,
  SHAPE_IPV6,
  SHAPE_TCP,
  SHAPE_UDP,
  SHAPE_VLAN,
  UNFINISHED,
} from '../memory/packets.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_KEY, TUNNEL_VXLAN_OPT, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { pseudoHeader } from '../offload/unfinished.js';
import { type Checksummer, fold } from '../wire/checksum.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.js';
import type { SimdChecksums } from '../wire/simd-checksums.js';
import { TCP_DATA_OFFSET, TCP_FLAG_ACK, TCP_FLAGS } from '../wire/tcp.js';
import { PLAN_BYTES, TRAIN_IPV4, TRAIN_MERGES, TRAIN_TCP, Trains } from '../wire/trains.js';
import { VXLAN_HEADER } from '../wire/vxlan.js';
import { type OutputQueues, TO_TUNNEL } from './queues.js';

/** Flags that records get from the VXLAN header when a datagram goes the long way. */
const FROM_HEADER = TUNNEL_KEY | TUNNEL_VXLAN_OPT;

/** No queue: the frames end otherwise. */
const NOWHERE = -1;

export class ReceivedTrains {
  /** Whether there is a short way; off, every datagram goes the long one. */
  isOn = true;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly counters: Counters;
  private readonly actionCounters: ActionCounters;
  private readonly checksums: Checksummer;
  private readonly executor: Executor;
  private readonly queues: OutputQueues;
  private readonly batch: ReceivedDatagrams;
  private readonly trains: Trains;
  private readonly joins: number;
  /** The packet that went all the way, or NONE; its datagram's bytes, message and queue. */
  private leader: PacketIndex = NONE;
  private length = 0;
  private message = 0;
  private queue = NOWHERE;
  private isNoting = false;
  /** The last datagram of the train, and whether the comparison is prepared for it. */
  private at = 0;
  private isPrepared = false;

  constructor(
    arena: Arena,
    packets: Packets,
    counters: Counters,
    actionCounters: ActionCounters,
    checksums: Checksummer,
    simd: SimdChecksums | null,
    executor: Executor,
    queues: OutputQueues,
    batch: ReceivedDatagrams,
  ) {
    this.arena = arena;
    this.packets = packets;
    this.counters = counters;
    this.actionCounters = actionCounters;
    this.checksums = checksums;
    this.executor = executor;
    this.queues = queues;
    this.batch = batch;
    this.trains = new Trains(checksums, simd, arena.alloc(PLAN_BYTES, 16));
    this.joins = arena.alloc(packets.capacity * 4);
  }

  /** Whether there is anything to follow. */
  get isLed(): boolean {
    return this.leader !== NONE;
  }

  /** Nothing follows what was there. */
  forget(): void {
    this.leader = NONE;
  }

  /**
   * A datagram of `length` bytes sets out on the long way, of message `m`, of which `rest` bytes are behind it. What it
   * does is noted where another may follow: noting costs a tenth of the way.
   */
  begin(length: number, rest: number, m: number): void {
    this.leader = NONE;
    this.isNoting = this.isOn && (rest >= length || (rest === 0 && this.goesOn(length, m)));
    if (!this.isNoting) return;
    this.counters.tape.begin();
    this.actionCounters.tape.begin();
    this.executor.repeats = true;
    this.queues.appended = 0;
  }

  /**
   * It has arrived: `packet`, or NONE where others shall not follow it; its datagram is `length` bytes at `at`, of
   * message `m`. `dropped`: by filters. One that neither they dropped nor a queue has is kept by somebody.
   */
  end(packet: PacketIndex, at: number, length: number, m: number, dropped: boolean): void {
    if (!this.isNoting) return;
    const whole = this.counters.tape.end();
    if (!this.actionCounters.tape.end() || !whole || packet === NONE) return;
    const { packets, queues } = this;
    // One that took other packets has been copied, or answered.
    if (!this.executor.repeats || packets.count !== packet + 1 || !isPlain(packets, packet)) return;
    if (queues.appended !== (dropped ? 0 : 1) || (!dropped && !queues.endsWith(queues.last, packet))) return;
    this.queue = dropped ? NOWHERE : queues.last;
    this.leader = packet;
    this.length = length;
    this.message = m;
    this.at = at;
    this.isPrepared = false;
  }

  /**
   * Where there is something to follow: how many of `count` datagrams of message `m`, of `length` bytes each, side by side from `at` on, follow the last
   * one: all that concerns them is done.
   */
  follow(at: number, length: number, count: number, m: number): number {
    const { packets } = this;
    if (length !== this.length) return 0;
    if (m !== this.message && !this.saysTheSame(m)) return 0;
    const room = packets.capacity - packets.count;
    if (count > room) count = room;
    if (!this.isPrepared) this.prepare();
    const followers = this.trains.followers(this.at, at, length, count, this.joins);
    if (followers === 0) return 0;
    if (this.queue !== NOWHERE) this.take(at, followers);
    this.counters.replay(followers);
    this.actionCounters.replay(followers);
    this.message = m;
    this.at = at + (followers - 1) * length;
    return followers;
  }

  /** Whether the message behind `m` looks as if it were of the same flow: so long, and from the same port. */
  private goesOn(length: number, m: number): boolean {
    const { batch } = this;
    const next = m + 1;
    if (next >= batch.count) return false;
    const { tunnels, segmentSize } = batch;
    const from = TunnelWord.SRC_PORT;
    return (
      (segmentSize[next] === 0 ? batch.length[next] : segmentSize[next]) === length &&
      tunnels[next * TUNNEL_WORDS + from] === tunnels[m * TUNNEL_WORDS + from]
    );
  }

  /** Whether the outer header of message `m` is that of the train's. (VNI and policy stand in the bytes compared.) */
  private saysTheSame(m: number): boolean {
    const { tunnels } = this.batch;
    const a = this.message * TUNNEL_WORDS;
    const b = m * TUNNEL_WORDS;
    for (let w = TunnelWord.DST_PORT; w < TunnelWord.GBP; w++) if (tunnels[a + w] !== tunnels[b + w]) return false;
    const flags = tunnels[a + TunnelWord.FLAGS] ^ tunnels[b + TunnelWord.FLAGS];
    return (flags & ~FROM_HEADER) === 0 && tunnels[a + TunnelWord.FAMILY] === tunnels[b + TunnelWord.FAMILY];
  }

  private prepare(): void {
    this.isPrepared = true;
    const { packets, leader } = this;
    const shape = packets.shape[leader];
    const frame = packets.frame[leader];
    const l4 = packets.l4[leader];
    const tcp = (shape & SHAPE_TCP) !== 0;
    const bytes = packets.end[leader] - l4;
    const pseudo = fold(pseudoHeader(this.checksums, packets, leader, tcp ? IPPROTO_TCP : IPPROTO_UDP, bytes));
    let kind = (shape & SHAPE_IPV4) !== 0 ? TRAIN_IPV4 : 0;
    if (tcp) kind |= TRAIN_TCP;
    if (packets.end[leader] > packets.payload[leader] && (!tcp || this.isPlainAck(frame + l4))) kind |= TRAIN_MERGES;
    const l3 = VXLAN_HEADER + packets.l3[leader];
    this.trains.use(kind, l3, VXLAN_HEADER + l4, VXLAN_HEADER + packets.payload[leader], this.length, pseudo);
  }

  /** Whether a TCP header says ACK and nothing else: what the coalescer goes on merging behind. */
  private isPlainAck(tcp: number): boolean {
    const { u8 } = this.arena;
    return u8[tcp + TCP_FLAGS] === TCP_FLAG_ACK && (u8[tcp + TCP_DATA_OFFSET] & 0x0f) === 0;
  }

  /** Puts packets for the followers into the queue of the first. */
  private take(at: number, count: number): void {
    const { packets, queues, queue } = this;
    const first = packets.repeat(this.leader, count, at + VXLAN_HEADER, this.length);
    queues.extend(queue, first, (first + count - 1) as PacketIndex);
    if ((queue & 1) === TO_TUNNEL) return;
    const { i32 } = this.arena;
    const joins = this.joins >> 2;
    const { flags } = packets;
    for (let n = 0; n < count; n++) if (i32[joins + n] !== 0) flags[first + n] |= JOINS;
  }
}

/** A frame of which the bytes compared say all there is to know. */
function isPlain(packets: Packets, i: PacketIndex): boolean {
  const shape = packets.shape[i] & ~SHAPE_VLAN;
  if ((packets.flags[i] & UNFINISHED) !== 0 || packets.gsoType[i] !== GSO_NONE) return false;
  return (
    shape === (SHAPE_IPV4 | SHAPE_TCP) ||
    shape === (SHAPE_IPV4 | SHAPE_UDP) ||
    shape === (SHAPE_IPV6 | SHAPE_TCP) ||
    shape === (SHAPE_IPV6 | SHAPE_UDP)
  );
}
