/**
 * Frames that come in at a vxlan device as if they had been received there, although no underlay did: answers to
 * frames that are too large, and what one device of this host sends to another. They wait here until the queues of the batch are written, since their own way may lead into
 * any of them.
 */
import type { Arena } from '../memory/arena.js';
import { NONE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../memory/packets.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import type { Checksummer } from '../wire/checksum.js';
import { ANSWER_BYTES, wantsAnswer, writeAnswer } from './too-big.js';
import type { UnderlayPaths } from './underlay-paths.js';

/** Answers of one batch. */
export const ANSWERS = 64;
/** Answers of one second. */
const BUDGET = 1000;

/** What became of a frame that is larger than the way to its peer takes. */
export const NOT_ANSWERED = 0;
export const ANSWERED = 1;
/** It would be answered, but others were just now. */
export const ANSWERS_SPENT = 2;

export class Inbound {
  /** Frames that wait. */
  count = 0;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;
  private readonly batch: ReceivedDatagrams;
  private readonly paths: UnderlayPaths;
  private readonly waiting: Int32Array;
  /** By place: 4 or 6 for a frame from another device of this host, by the family of the tunnel; else 0. */
  private readonly families: Int32Array;
  private readonly memory: number;
  /** Where the records of answers begin among those of the batch. */
  private readonly firstRecord: number;
  private used = 0;
  private second = 0;
  private spent = 0;

  /** The last ANSWERS records of the batch are its own. */
  constructor(arena: Arena, packets: Packets, checksums: Checksummer, batch: ReceivedDatagrams, paths: UnderlayPaths) {
    this.arena = arena;
    this.packets = packets;
    this.checksums = checksums;
    this.batch = batch;
    this.paths = paths;
    this.waiting = new Int32Array(packets.capacity);
    this.families = new Int32Array(packets.capacity);
    this.memory = arena.alloc(ANSWERS * ANSWER_BYTES);
    this.firstRecord = batch.tunnelCapacity - ANSWERS;
  }

  /** The time, in seconds: once a batch. */
  set now(second: number) {
    if (second === this.second) return;
    this.second = second;
    this.spent = 0;
  }

  /** The next frame that waits, the first one first; its `device` is where it comes in. */
  take(n: number): PacketIndex {
    return this.waiting[n] as PacketIndex;
  }

  /** 4 or 6 where that frame is from another device of this host, by the family of the tunnel; else 0. */
  family(n: number): number {
    return this.families[n];
  }

  /** Forgets those that waited; the bytes of the answers stay until `reset`. */
  clear(): void {
    this.count = 0;
  }

  /** The end of a batch: nothing refers to an answer any more. */
  reset(): void {
    this.count = 0;
    this.used = 0;
  }

  /** A frame for vxlan device `device` of this host, from another one; false where the batch is full. */
  pass(packet: PacketIndex, device: number, family: number): boolean {
    const { packets } = this;
    // The packet stands in a queue that is being written, and may have other destinations.
    const copy = packets.share(packet);
    if (copy === NONE) return false;
    packets.device[copy] = device;
    packets.flags[copy] &= ~(TUNNEL_RECEIVED | TUNNEL_TRANSMIT);
    this.families[this.count] = family;
    this.waiting[this.count++] = copy;
    return true;
  }

  /**
   * Answers packet `packet`, which was to go through `device` by the completed record `record` of `records`, that no
   * more than `mtu` bytes fit. The answer comes in at `device` from the peer, so that the rules there lead it back;
   * `collects`: with the metadata of the tunnel, which a classic device has not.
   */
  answer(
    packet: PacketIndex,
    device: number,
    records: Int32Array,
    record: number,
    mtu: number,
    collects: boolean,
  ): number {
    const { packets, arena } = this;
    if (!wantsAnswer(arena.u8, packets, packet, mtu)) return NOT_ANSWERED;
    if (this.used === ANSWERS || this.spent === BUDGET) return ANSWERS_SPENT;
    const at = this.memory + this.used * ANSWER_BYTES;
    const length = writeAnswer(arena, this.checksums, packets, packet, mtu, at);
    const answer = packets.take(at, length);
    if (answer === NONE) return ANSWERS_SPENT;
    packets.device[answer] = device;
    if (collects) {
      packets.flags[answer] = TUNNEL_RECEIVED;
      packets.tunnel[answer] = this.firstRecord + this.used;
    }
    this.writeRecord((this.firstRecord + this.used) * TUNNEL_WORDS, records, record * TUNNEL_WORDS);
    this.families[this.count] = 0;
    this.waiting[this.count++] = answer;
    this.used++;
    this.spent++;
    return ANSWERED;
  }

  /**
   * Room for a frame of `length` bytes that comes in at `device` without metadata, to be written now: its arena offset,
   * or -1 where the batch has no more.
   */
  reserve(length: number, device: number): number {
    if (this.used === ANSWERS) return -1;
    const at = this.memory + this.used * ANSWER_BYTES;
    const packet = this.packets.take(at, length);
    if (packet === NONE) return -1;
    this.packets.device[packet] = device;
    this.waiting[this.count++] = packet;
    this.used++;
    return at;
  }

  /** As if the peer had sent it: what was the destination is the source, and the other way round. */
  private writeRecord(to: number, records: Int32Array, from: number): void {
    const { tunnels } = this.batch;
    for (let w = 0; w < TUNNEL_WORDS; w++) tunnels[to + w] = records[from + w];
    tunnels[to + TunnelWord.FLAGS] &= TUNNEL_KEY | TUNNEL_CSUM;
    tunnels[to + TunnelWord.SRC_PORT] = 0;
    for (let w = 0; w < 4; w++) {
      const source = records[from + TunnelWord.SRC_IP + w];
      tunnels[to + TunnelWord.SRC_IP + w] = records[from + TunnelWord.DST_IP + w];
      tunnels[to + TunnelWord.DST_IP + w] = source;
    }
    if (isZero(tunnels, to + TunnelWord.DST_IP)) {
      for (let w = 0; w < 4; w++) tunnels[to + TunnelWord.DST_IP + w] = this.paths.source(records, from, w);
    }
  }
}

function isZero(words: Int32Array, at: number): boolean {
  return (words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0;
}
