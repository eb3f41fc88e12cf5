/**
 * What a worker must know of each device, in shared memory: the control thread writes it (it follows rtnetlink), the
 * workers read it. One row of 16 words per device index; each word is written on its own, so a reader sees the old
 * or the new value of a word.
 */
import { MAX_DEVICES } from '../memory/counters.js';

export const DeviceKind = { NONE: 0, TAP: 1, VXLAN: 2 } as const;

/** Bits of a vxlan device's mode. */
export const VxlanMode = {
  /** One VNI, and destinations from the forwarding table; otherwise external. */
  CLASSIC: 1,
  /** Inner source addresses are learned. */
  LEARN: 2,
  L2_MISS: 4,
} as const;

const ROW = 16;
const Word = {
  KIND: 0,
  UP: 1,
  IFINDEX: 2,
  MTU: 3,
  MAC_HIGH: 4,
  MAC_LOW: 5,
  RESERVED_HIGH: 6,
  RESERVED_LOW: 7,
  VXLAN_MODE: 12,
  VNI: 13,
} as const;

export class DeviceTable {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(MAX_DEVICES * ROW * 4);
    this.words = new Int32Array(this.buffer);
  }

  /** A value of DeviceKind; NONE for an index that no device has. */
  kind(device: number): number {
    return this.words[device * ROW + Word.KIND];
  }

  isUp(device: number): boolean {
    return this.words[device * ROW + Word.UP] !== 0;
  }

  ifindex(device: number): number {
    return this.words[device * ROW + Word.IFINDEX];
  }

  /** Bytes of the largest IP packet, as `ip link` shows. */
  mtu(device: number): number {
    return this.words[device * ROW + Word.MTU];
  }

  /** The first four bytes of the device's MAC, as a signed word. */
  macHigh(device: number): number {
    return this.words[device * ROW + Word.MAC_HIGH];
  }

  /** The last two bytes of the device's MAC. */
  macLow(device: number): number {
    return this.words[device * ROW + Word.MAC_LOW];
  }

  /** Bits of the first four bytes of a VXLAN header that must be zero (`reserved_bits`). */
  reservedHigh(device: number): number {
    return this.words[device * ROW + Word.RESERVED_HIGH];
  }

  reservedLow(device: number): number {
    return this.words[device * ROW + Word.RESERVED_LOW];
  }

  /** Bits of VxlanMode. */
  vxlanMode(device: number): number {
    return this.words[device * ROW + Word.VXLAN_MODE];
  }

  /** The one VNI of a classic device; 0 for an external one. */
  vni(device: number): number {
    return this.words[device * ROW + Word.VNI];
  }

  /** Control side: a new device, down. */
  add(device: number, kind: number, ifindex: number): void {
    this.words.fill(0, device * ROW, (device + 1) * ROW);
    this.words[device * ROW + Word.IFINDEX] = ifindex;
    Atomics.store(this.words, device * ROW + Word.KIND, kind);
  }

  remove(device: number): void {
    Atomics.store(this.words, device * ROW + Word.KIND, DeviceKind.NONE);
    Atomics.store(this.words, device * ROW + Word.UP, 0);
  }

  setUp(device: number, up: boolean): void {
    Atomics.store(this.words, device * ROW + Word.UP, up ? 1 : 0);
  }

  setMtu(device: number, mtu: number): void {
    Atomics.store(this.words, device * ROW + Word.MTU, mtu);
  }

  setMac(device: number, mac: Uint8Array): void {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
    Atomics.store(this.words, device * ROW + Word.MAC_HIGH, (a << 24) | (b << 16) | (c << 8) | d);
    Atomics.store(this.words, device * ROW + Word.MAC_LOW, (e << 8) | f);
  }

  setReservedBits(device: number, high: number, low: number): void {
    Atomics.store(this.words, device * ROW + Word.RESERVED_HIGH, high | 0);
    Atomics.store(this.words, device * ROW + Word.RESERVED_LOW, low | 0);
  }

  setVxlan(device: number, mode: number, vni: number): void {
    Atomics.store(this.words, device * ROW + Word.VXLAN_MODE, mode);
    Atomics.store(this.words, device * ROW + Word.VNI, vni);
  }
}
