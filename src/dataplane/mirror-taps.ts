/**
 * The TAPs of mirror receivers (`vni any tap-prefix`), as a worker knows them: which device a VNI's frames go to, and
 * what becomes of frames whose VNI has none.
 *
 * A worker makes no TAP: it asks the control thread, once for each VNI, and is answered with a new table that has the
 * TAP, or with a reason. Frames that come meanwhile are copied and kept, as far as a small fixed room goes, and go
 * on, or are counted, when the answer is there; so the first frame of a VNI is not lost. A VNI that was refused is
 * not asked for again for a while, and no more than ASKS_PER_SECOND are, so that a flood of VNIs costs what any drop
 * costs: a look into two tables.
 */
import { DeviceKind, type DeviceTable } from '../devices/device-table.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import {
  GSO_NONE,
  NONE,
  type PacketIndex,
  type Packets,
  SIZE_GUESSED,
  TUNNEL_RECEIVED,
  UNFINISHED,
} from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_WORDS } from '../memory/tunnel.js';
import { Demultiplexer, TAKER_WORDS } from './demultiplexer.js';

/** Bytes and number of the frames that are kept. */
export const HELD_BYTES = 256 * 1024;
export const HELD_FRAMES = 128;
/** VNIs that have been asked for and not answered. */
export const ASKED = 64;
const ASKS_PER_SECOND = 64;
/** VNIs of which it is remembered that they were refused, and for how many seconds. A power of two. */
const REFUSALS = 1024;
const REFUSAL_SECONDS = 5;

/** Columns of a kept frame; LENGTH 0: it has gone. */
const Held = {
  DEVICE: 0,
  VNI: 1,
  AT: 2,
  LENGTH: 3,
  FLAGS: 4,
  GSO_TYPE: 5,
  GSO_SIZE: 6,
  CSUM_START: 7,
  CSUM_OFFSET: 8,
  SEGMENTS: 9,
  GSO_BYTES: 10,
} as const;
const HELD_ROW = 11;

export class MirrorTaps {
  /** The packet that `release` took last. */
  released: PacketIndex = NONE;
  /** The time, in seconds: once a batch. */
  now = 0;
  /** Frames that are kept. */
  held = 0;
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  /** By the number of a receiver, as if it were an underlay: whose a VNI is. */
  private readonly taps = new Demultiplexer();
  private readonly memory: number;
  private readonly frames = new Int32Array(HELD_FRAMES * HELD_ROW);
  /** The tunnel records of kept frames. */
  private readonly records = new Int32Array(HELD_FRAMES * TUNNEL_WORDS);
  private readonly batch: ReceivedDatagrams;
  private usedBytes = 0;
  /** The next frame that `release` looks at. */
  private next = 0;
  /** Pairs of device and VNI: the first `told` have been handed over by `takeWanted`. */
  private readonly asked = new Int32Array(ASKED * 2);
  private askedCount = 0;
  private told = 0;
  private second = 0;
  private asks = 0;
  private readonly refusedDevice = new Int32Array(REFUSALS).fill(-1);
  private readonly refusedVni = new Int32Array(REFUSALS);
  private readonly refusedReason = new Int32Array(REFUSALS);
  private readonly refusedUntil = new Int32Array(REFUSALS);

  /** `batch` has room for the records of HELD_FRAMES frames behind its own, free between two batches. */
  constructor(arena: Arena, packets: Packets, devices: DeviceTable, counters: Counters, batch: ReceivedDatagrams) {
    this.batch = batch;
    this.bytes = arena.u8;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.memory = arena.alloc(HELD_BYTES);
  }

  /** The device of a VNI's TAP, or -1. */
  find(device: number, vni: number): number {
    const tap = this.taps.find(device, vni);
    return tap >= 0 && this.devices.kind(tap) === DeviceKind.TAP ? tap : -1;
  }

  /** A dissected packet, received in this batch, whose VNI has no TAP: it is kept until the control thread has answered, or dropped and counted. */
  miss(packet: PacketIndex, device: number, vni: number): void {
    const slot = refusalSlot(device, vni);
    if (this.refusedVni[slot] === vni && this.refusedDevice[slot] === device && this.now < this.refusedUntil[slot]) {
      this.drop(device, this.refusedReason[slot], this.packets.segments(packet), packet);
    } else if (!this.isAsked(device, vni) && !this.ask(device, vni)) {
      this.drop(device, REASON['mirror-wait'], this.packets.segments(packet), packet);
    } else if (!this.hold(packet, device, vni)) {
      this.drop(device, REASON['mirror-wait'], this.packets.segments(packet), packet);
    }
  }

  /** Whether there are VNIs to ask the control thread for. */
  get hasWanted(): boolean {
    return this.told < this.askedCount;
  }

  /** Pairs of device and VNI to ask for, each of which `use` must answer. */
  takeWanted(): Int32Array {
    const wanted = this.asked.slice(this.told * 2, this.askedCount * 2);
    this.told = this.askedCount;
    return wanted;
  }

  /**
   * The TAPs that a receiver has from now on (pairs of VNI and device), and VNIs that get none (pairs of VNI and
   * reason), whose kept frames are counted under that. `release` gives the frames that can go on.
   */
  use(device: number, taps: Int32Array, refused: Int32Array): void {
    const takers = new Int32Array((taps.length / 2) * TAKER_WORDS);
    for (let n = 0; n < taps.length / 2; n++) takers.set([taps[n * 2], taps[n * 2 + 1], -1], n * TAKER_WORDS);
    this.taps.share(device, device, takers);
    // There may be room now for what was refused.
    for (let slot = 0; slot < REFUSALS; slot++) if (this.refusedDevice[slot] === device) this.refusedDevice[slot] = -1;
    for (let n = 0; n < taps.length; n += 2) this.answered(device, taps[n]);
    for (let n = 0; n < refused.length; n += 2) this.refuse(device, refused[n], refused[n + 1]);
    this.next = 0;
  }

  /** Takes a packet for the next kept frame that has a TAP now: `released`. Returns the TAP's device; -1: no more. */
  release(): number {
    const { frames, packets } = this;
    for (; this.next < this.held; this.next++) {
      const row = this.next * HELD_ROW;
      if (frames[row + Held.LENGTH] === 0) continue;
      const tap = this.find(frames[row + Held.DEVICE], frames[row + Held.VNI]);
      if (tap < 0) continue;
      const packet = packets.take(frames[row + Held.AT], frames[row + Held.LENGTH]);
      if (packet === NONE) return -1;
      packets.device[packet] = frames[row + Held.DEVICE];
      packets.flags[packet] = frames[row + Held.FLAGS] | TUNNEL_RECEIVED;
      packets.tunnel[packet] = this.batch.capacity + this.next;
      copyRecord(this.records, this.next, this.batch.tunnels, this.batch.capacity + this.next);
      packets.gsoType[packet] = frames[row + Held.GSO_TYPE];
      packets.gsoSize[packet] = frames[row + Held.GSO_SIZE];
      packets.gsoBytes[packet] = frames[row + Held.GSO_BYTES];
      packets.csumStart[packet] = frames[row + Held.CSUM_START];
      packets.csumOffset[packet] = frames[row + Held.CSUM_OFFSET];
      frames[row + Held.LENGTH] = 0;
      this.next++;
      this.released = packet;
      return tap;
    }
    return -1;
  }

  /** Makes room where frames have gone; what `release` gave has been written. */
  compact(): void {
    const { frames, bytes } = this;
    let kept = 0;
    let used = 0;
    for (let n = 0; n < this.held; n++) {
      const row = n * HELD_ROW;
      const length = frames[row + Held.LENGTH];
      if (length === 0) continue;
      const at = frames[row + Held.AT];
      bytes.copyWithin(this.memory + used, at, at + length);
      frames[row + Held.AT] = this.memory + used;
      frames.copyWithin(kept * HELD_ROW, row, row + HELD_ROW);
      copyRecord(this.records, n, this.records, kept);
      used += roomFor(length);
      kept++;
    }
    this.held = kept;
    this.usedBytes = used;
  }

  /** Counts what is kept as lost: nobody will release it. */
  abandon(): void {
    const { frames } = this;
    for (let row = 0; row < this.held * HELD_ROW; row += HELD_ROW) {
      if (frames[row + Held.LENGTH] !== 0)
        this.drop(frames[row + Held.DEVICE], REASON['worker-died'], frames[row + Held.SEGMENTS]);
    }
    this.held = 0;
  }

  private isAsked(device: number, vni: number): boolean {
    for (let n = 0; n < this.askedCount; n++) {
      if (this.asked[n * 2 + 1] === vni && this.asked[n * 2] === device) return true;
    }
    return false;
  }

  private ask(device: number, vni: number): boolean {
    if (this.second !== this.now) {
      this.second = this.now;
      this.asks = 0;
    }
    if (this.askedCount === ASKED || this.asks === ASKS_PER_SECOND) return false;
    this.asks++;
    this.asked[this.askedCount * 2] = device;
    this.asked[this.askedCount * 2 + 1] = vni;
    this.askedCount++;
    return true;
  }

  private answered(device: number, vni: number): void {
    for (let n = 0; n < this.askedCount; n++) {
      if (this.asked[n * 2 + 1] !== vni || this.asked[n * 2] !== device) continue;
      this.asked.copyWithin(n * 2, n * 2 + 2, this.askedCount * 2);
      this.askedCount--;
      if (n < this.told) this.told--;
      return;
    }
  }

  private refuse(device: number, vni: number, reason: number): void {
    this.answered(device, vni);
    const slot = refusalSlot(device, vni);
    this.refusedDevice[slot] = device;
    this.refusedVni[slot] = vni;
    this.refusedReason[slot] = reason;
    this.refusedUntil[slot] = this.now + REFUSAL_SECONDS;
    for (let row = 0; row < this.held * HELD_ROW; row += HELD_ROW) {
      const { frames } = this;
      if (frames[row + Held.DEVICE] !== device || frames[row + Held.VNI] !== vni) continue;
      if (frames[row + Held.LENGTH] !== 0) this.drop(device, reason, frames[row + Held.SEGMENTS]);
      frames[row + Held.LENGTH] = 0;
    }
  }

  /** Copies the frame; false where there is no room. */
  private hold(packet: PacketIndex, device: number, vni: number): boolean {
    const { packets, frames, bytes } = this;
    const length = packets.length[packet];
    if (this.held === HELD_FRAMES || this.usedBytes + length > HELD_BYTES) return false;
    const at = this.memory + this.usedBytes;
    const frame = packets.frame[packet];
    bytes.copyWithin(at, frame, frame + length);
    const row = this.held * HELD_ROW;
    frames[row + Held.DEVICE] = device;
    frames[row + Held.VNI] = vni;
    frames[row + Held.AT] = at;
    frames[row + Held.LENGTH] = length;
    frames[row + Held.FLAGS] = packets.flags[packet] & (UNFINISHED | SIZE_GUESSED);
    frames[row + Held.GSO_TYPE] = packets.gsoType[packet];
    frames[row + Held.GSO_SIZE] = packets.gsoType[packet] === GSO_NONE ? 0 : packets.gsoSize[packet];
    frames[row + Held.CSUM_START] = packets.csumStart[packet];
    frames[row + Held.CSUM_OFFSET] = packets.csumOffset[packet];
    frames[row + Held.SEGMENTS] = packets.segments(packet);
    frames[row + Held.GSO_BYTES] = packets.gsoBytes[packet];
    copyRecord(this.batch.tunnels, packets.tunnel[packet], this.records, this.held);
    this.held++;
    this.usedBytes += roomFor(length);
    return true;
  }

  private drop(device: number, reason: number, segments: number, packet: PacketIndex = NONE): void {
    this.counters.device(device, DeviceCounter.RX_DROPPED, segments);
    this.counters.reason(device, reason, segments, packet);
  }
}

function copyRecord(from: Int32Array, source: number, to: Int32Array, target: number): void {
  for (let w = 0; w < TUNNEL_WORDS; w++) to[target * TUNNEL_WORDS + w] = from[source * TUNNEL_WORDS + w];
}

/** Frames begin at multiples of 8. */
function roomFor(length: number): number {
  return (length + 7) & -8;
}

function refusalSlot(device: number, vni: number): number {
  return (vni ^ (vni >>> 10) ^ (device << 4)) & (REFUSALS - 1);
}
