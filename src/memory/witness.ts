/**
 * Who sees what is counted under a reason: the frame at hand, with the rule and the tunnel that it belongs to. It keeps
 * the last frames of each reason (drop-ring.ts), and hands all of them to a capture where one is on.
 *
 * A flood of drops costs next to nothing here: of each reason no more than DROP_FRAMES frames are kept in each eighth of
 * a second, the first ones of it; for all others it is a comparison.
 */
import { DROP_FRAMES, type DropRing, DropWord, FrameKind, HAS_RECEIVED, HAS_TRANSMIT } from './drop-ring.js';
import { NONE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from './packets.js';
import { REASON_NUMBERS } from './reason-names.js';
import type { ReceivedDatagrams } from './received.js';
import { TUNNEL_WORDS } from './tunnel.js';
import type { FrameVector } from './vectors.js';

/** Milliseconds in which so many frames are kept as a ring has place for. */
export const DROP_WINDOW = 128;

/** What a capture takes of it. */
export interface ReasonTap {
  /** `packet` was counted under a reason at a device; NONE: the bytes at hand. */
  counted(device: number, reason: number, packet: PacketIndex): void;
}

export class Witness {
  /**
   * The bytes at hand, for what is counted without a packet: a FrameKind, their place in the arena, how many stand
   * there and how many there are in all; of a datagram the message of the batch that it came with.
   */
  kind: number = FrameKind.NONE;
  at = 0;
  length = 0;
  whole = 0;
  message = 0;
  /** The records of tunnel_key set that are in force. */
  transmitTunnels: Int32Array = new Int32Array(0);
  /** null: nobody captures. */
  tap: ReasonTap | null = null;
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly receivedTunnels: Int32Array;
  private readonly ring: DropRing;
  private window = 0;
  /** Of each reason: the last window that brought one, how many it brought, and the last that brought enough. */
  private readonly windows = new Int32Array(REASON_NUMBERS).fill(-1);
  private readonly kept = new Int32Array(REASON_NUMBERS);
  private readonly full = new Int32Array(REASON_NUMBERS).fill(-1);

  constructor(bytes: Uint8Array, packets: Packets, batch: ReceivedDatagrams, ring: DropRing) {
    this.bytes = bytes;
    this.packets = packets;
    this.receivedTunnels = batch.tunnels;
    this.ring = ring;
  }

  /** The time of a batch: the window that it falls into, of a clock that never goes back; modulo 2^32, for it is only compared. */
  tick(window: number): void {
    this.window = window;
  }

  /** Whether somebody takes what is counted under a reason now: in a flood of drops nobody does, and nothing has to be at hand. */
  sees(reason: number): boolean {
    return this.full[reason] !== this.window || this.tap !== null;
  }

  /** From now on the bytes at hand are a datagram of message `m`. */
  datagram(at: number, length: number, m: number): void {
    this.kind = FrameKind.DATAGRAM;
    this.at = at;
    this.length = length;
    this.whole = length;
    this.message = m;
  }

  /** From now on there are none. */
  nothing(): void {
    this.kind = FrameKind.NONE;
    this.length = 0;
    this.whole = 0;
  }

  /** From now on they are the frame of entry `f` of a vector, behind what the port has before it. */
  written({ iovecs, iovecStart, iovecCount, bytes }: FrameVector, f: number): void {
    const { arena } = iovecs;
    let skip = -bytes[f];
    for (let n = 0; n < iovecCount[f]; n++) skip += arena.i32[(iovecs.at(iovecStart[f] + n) >> 2) + 2];
    this.nothing();
    for (let n = 0; n < iovecCount[f]; n++) {
      const iovec = iovecs.at(iovecStart[f] + n) >> 2;
      const length = arena.i32[iovec + 2];
      if (length > skip) {
        this.kind = FrameKind.FRAME;
        this.at = ((arena.i32[iovec] - arena.base) | 0) + skip;
        this.length = length - skip;
        this.whole = bytes[f];
        return;
      }
      skip -= length;
    }
  }

  /** A packet, or where it is NONE the bytes at hand, is counted under a reason. In a flood this is all that is done. */
  counted(device: number, reason: number, packet: PacketIndex): void {
    if (this.sees(reason)) this.show(device, reason, packet);
  }

  private show(device: number, reason: number, packet: PacketIndex): void {
    if (this.tap !== null) this.tap.counted(device, reason, packet);
    const { window } = this;
    if (this.full[reason] === window) return;
    if (this.windows[reason] !== window) {
      this.windows[reason] = window;
      this.kept[reason] = 0;
    }
    this.keep(device, reason, packet);
    if (++this.kept[reason] === DROP_FRAMES) this.full[reason] = window;
  }

  private keep(device: number, reason: number, packet: PacketIndex): void {
    const { ring, packets } = this;
    const { words } = ring;
    const slot = ring.begin(reason, Date.now());
    words[slot + DropWord.DEVICE] = device;
    if (packet !== NONE) {
      words[slot + DropWord.RULE] = packets.rule[packet];
      words[slot + DropWord.KIND] = FrameKind.FRAME;
      const received = this.receivedRecord(packet);
      if (received >= 0) {
        words[slot + DropWord.RECORDS] |= HAS_RECEIVED;
        copyRecord(this.receivedTunnels, received, words, slot + DropWord.RECEIVED);
      }
      if ((packets.flags[packet] & TUNNEL_TRANSMIT) !== 0) {
        words[slot + DropWord.RECORDS] |= HAS_TRANSMIT;
        copyRecord(this.transmitTunnels, packets.tunnel[packet], words, slot + DropWord.TRANSMIT);
      }
      ring.keep(slot, this.bytes, packets.frame[packet], packets.length[packet], packets.length[packet]);
    } else {
      words[slot + DropWord.RULE] = -1;
      words[slot + DropWord.KIND] = this.kind;
      if (this.kind === FrameKind.DATAGRAM) {
        words[slot + DropWord.RECORDS] |= HAS_RECEIVED;
        copyRecord(this.receivedTunnels, this.message, words, slot + DropWord.RECEIVED);
      }
      ring.keep(slot, this.bytes, this.at, this.length, this.whole);
    }
    ring.end(reason, slot);
  }

  /** The record of the batch that a packet was received with, whatever actions have said since; -1: none. */
  receivedRecord(packet: PacketIndex): number {
    const { packets } = this;
    if (packets.origin[packet] >= 0) return packets.origin[packet];
    return (packets.flags[packet] & TUNNEL_RECEIVED) !== 0 ? packets.tunnel[packet] : -1;
  }
}

function copyRecord(from: Int32Array, record: number, to: Int32Array, at: number): void {
  const start = record * TUNNEL_WORDS;
  for (let w = 0; w < TUNNEL_WORDS; w++) to[at + w] = from[start + w];
}
