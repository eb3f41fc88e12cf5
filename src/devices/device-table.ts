/**
 * What a worker must know of each device, in shared memory: the control thread writes it (it follows rtnetlink), the
 * workers read it. One row of 32 words per device index; each word is written on its own, so a reader sees the old
 * or the new value of a word.
 */
import { MAX_DEVICES } from '../memory/counters.js';

/** HOST: an interface that is not vtep's, and only sent to. */
export const DeviceKind = { NONE: 0, TAP: 1, VXLAN: 2, HOST: 3 } as const;

/** Bits of a vxlan device's mode. */
export const VxlanMode = {
  /** One VNI, and destinations from the forwarding table; otherwise external. */
  CLASSIC: 1,
  /** Inner source addresses are learned. */
  LEARN: 2,
  L2_MISS: 4,
  /** Only VNIs of its filter are taken, and each is counted. */
  VNI_FILTER: 8,
  L3_MISS: 16,
  /** Questions for neighbours are answered instead of sent. */
  PROXY: 32,
  /** Mirrored traffic, of a receiver and of its TAPs alike: frames stay as they are, and none is taken from the host. */
  MIRROR: 64,
  /** A receiver of which each VNI has a TAP of its own. */
  TAPS: 128,
  /** Frames for a router go to the neighbour behind it, where the host knows that one. */
  RSC: 256,
} as const;

const ROW = 32;
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
  TUNNEL_TOS: 16,
  TUNNEL_TTL: 17,
  TUNNEL_DF: 18,
  FLOW_LABEL: 19,
  EXTENSIONS: 20,
  PORT: 21,
} as const;

/** For TUNNEL_TOS and TUNNEL_TTL: as the inner header has it. */
export const INHERIT = -1;

/** Values of `tunnelDf`: whether an outer IPv4 header says "don't fragment". */
export const DF_UNSET = 0;
export const DF_SET = 1;
/** As the inner IPv4 header says; always over an inner IPv6 one, whose routers do not fragment either. */
export const DF_INHERIT = 2;

/** Bits of `extensions`. */
export const EXTENSION_GBP = 1;
export const EXTENSION_GPE = 2;
/** What goes to an address of this host takes the short way to the device there. */
export const LOCAL_BYPASS = 4;

/** What the headers of a vxlan device look like where the tunnel metadata of a frame says nothing of it. */
export interface HeaderDefaults {
  /** 0 … 255, or INHERIT; the ECN bits do not count. */
  readonly tos: number;
  /** 1 … 255, 0 for the route's hop limit, or INHERIT. */
  readonly ttl: number;
  /** DF_UNSET, DF_SET or DF_INHERIT. */
  readonly df: number;
  /** 0 … 2^20-1, IPv6 only. */
  readonly flowLabel: number;
  /** EXTENSION_* and LOCAL_BYPASS. */
  readonly extensions: number;
  /** The device's own UDP port (dstport). */
  readonly port: number;
  /** Bits of the two words of a received VXLAN header that must be zero. */
  readonly reservedHigh: number;
  readonly reservedLow: number;
}

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

  /** Outer TOS byte of what is sent, or INHERIT. */
  tunnelTos(device: number): number {
    return this.words[device * ROW + Word.TUNNEL_TOS];
  }

  /** Outer TTL of what is sent, 0 for the route's hop limit, or INHERIT. */
  tunnelTtl(device: number): number {
    return this.words[device * ROW + Word.TUNNEL_TTL];
  }

  /** DF_UNSET, DF_SET or DF_INHERIT. */
  tunnelDf(device: number): number {
    return this.words[device * ROW + Word.TUNNEL_DF];
  }

  /** Outer IPv6 flow label, 20 bits. */
  flowLabel(device: number): number {
    return this.words[device * ROW + Word.FLOW_LABEL];
  }

  /** EXTENSION_* and LOCAL_BYPASS bits. */
  extensions(device: number): number {
    return this.words[device * ROW + Word.EXTENSIONS];
  }

  /** UDP port that the device receives on. */
  port(device: number): number {
    return this.words[device * ROW + Word.PORT];
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

  /** Control side: what a vxlan device's options say of its headers. */
  setHeaders(device: number, headers: HeaderDefaults): void {
    this.setReservedBits(device, headers.reservedHigh, headers.reservedLow);
    const at = device * ROW;
    Atomics.store(this.words, at + Word.TUNNEL_TOS, headers.tos);
    Atomics.store(this.words, at + Word.TUNNEL_TTL, headers.ttl);
    Atomics.store(this.words, at + Word.TUNNEL_DF, headers.df);
    Atomics.store(this.words, at + Word.FLOW_LABEL, headers.flowLabel);
    Atomics.store(this.words, at + Word.EXTENSIONS, headers.extensions);
    Atomics.store(this.words, at + Word.PORT, headers.port);
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
