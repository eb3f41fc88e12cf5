/**
 * For tests: frames built by hand, a slow dissector that fills the columns offloads read, and a workbench that
 * places frames in an arena and collects what came out. Everything here is naive on purpose.
 */
import { Arena } from '../memory/arena.js';
import {
  NONE,
  type PacketIndex,
  Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_IPV6,
  SHAPE_ODD,
  SHAPE_OPTIONS,
  SHAPE_PADDED,
  SHAPE_TCP,
  SHAPE_UDP,
  SHAPE_VLAN,
  UNFINISHED,
} from '../memory/packets.js';
import { type DatagramVector, FrameVector } from '../memory/vectors.js';
import { Checksummer } from '../wire/checksum.js';
import { simdChecksums } from '../wire/simd-checksums.js';

export interface FrameSpec {
  readonly version: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly ethernet: string;
  readonly vlans: readonly number[];
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tos: number;
  readonly ttl: number;
  readonly id: number;
  readonly fragment: number;
  readonly ipOptions: string;
  readonly sequence: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** Hex, a multiple of 4 bytes. */
  readonly options: string;
  readonly payload: Uint8Array;
  /** The transport checksum holds the pseudo-header sum only. */
  readonly unfinished: boolean;
  /** UDP without a checksum. */
  readonly noChecksum: boolean;
  readonly badIpChecksum: boolean;
  readonly badChecksum: boolean;
  /** Bytes behind the IP packet. */
  readonly padding: number;
}

const defaults: FrameSpec = {
  version: 4,
  protocol: 'tcp',
  ethernet: '52540000000b52540000000a',
  vlans: [],
  source: 1,
  destination: 2,
  sourcePort: 40000,
  destinationPort: 5201,
  tos: 0,
  ttl: 64,
  id: 1000,
  fragment: 0x4000,
  ipOptions: '',
  sequence: 1000,
  ack: 77,
  flags: 0x10,
  window: 501,
  urgent: 0,
  options: '0101080a0000000100000002',
  payload: new Uint8Array(100),
  unfinished: false,
  noChecksum: false,
  badIpChecksum: false,
  badChecksum: false,
  padding: 0,
};

/** RFC 1071 by the letter. */
export function naiveSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return sum;
}

/** Bytes of hex digits; white space, and what follows a # on its line, is left out. */
export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/#.*|\s/g, ''), 'hex'));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function u16(...values: number[]): Uint8Array {
  return new Uint8Array(values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]));
}

function u32(value: number): Uint8Array {
  return u16((value >>> 16) & 0xffff, value & 0xffff);
}

/** `length` bytes of reproducible noise. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A frame with right lengths and checksums, except where the spec says otherwise. */
export function buildFrame(given: Partial<FrameSpec>): Uint8Array {
  const spec: FrameSpec = { ...defaults, ...given };
  const v4 = spec.version === 4;
  const address = (n: number): Uint8Array =>
    v4 ? u32(0x0a000000 + n) : concat(hex('20010db8'), new Uint8Array(8), u32(n));
  const addresses = concat(address(spec.source), address(spec.destination));
  const options = hex(spec.options);
  const protocol = spec.protocol === 'tcp' ? 6 : 17;
  const ports = u16(spec.sourcePort, spec.destinationPort);
  const transport =
    spec.protocol === 'tcp'
      ? concat(
          ports,
          u32(spec.sequence),
          u32(spec.ack),
          u16(((5 + options.length / 4) << 12) | spec.flags, spec.window, 0, spec.urgent),
          options,
          spec.payload,
        )
      : concat(ports, u16(8 + spec.payload.length, 0), spec.payload);
  const pseudo = concat(addresses, u32(transport.length), u32(protocol));
  let checksum = spec.unfinished ? naiveSum(pseudo) : ~naiveSum(concat(pseudo, transport)) & 0xffff;
  if (spec.protocol === 'udp' && checksum === 0) checksum = 0xffff;
  if (spec.noChecksum) checksum = 0;
  if (spec.badChecksum) checksum ^= 0x0100;
  transport.set(u16(checksum), spec.protocol === 'tcp' ? 16 : 6);
  const ipOptions = hex(spec.ipOptions);
  let ip: Uint8Array;
  if (v4) {
    const words = 5 + ipOptions.length / 4;
    const total = words * 4 + transport.length;
    const front = concat(
      u16(0x4000 | (words << 8) | spec.tos, total, spec.id, spec.fragment, (spec.ttl << 8) | protocol),
    );
    const sum = ~naiveSum(concat(front, addresses, ipOptions)) & 0xffff;
    ip = concat(front, u16(spec.badIpChecksum ? sum ^ 1 : sum), addresses, ipOptions);
  } else {
    const first = concat(u32((0x60000000 | (spec.tos << 20)) >>> 0), u16(ipOptions.length + transport.length));
    const next = ipOptions.length > 0 ? 60 : protocol;
    ip = concat(first, new Uint8Array([next, spec.ttl]), addresses, ipOptions);
  }
  const tags = concat(...spec.vlans.map((vlan) => u16(0x8100, vlan)));
  const padding = new Uint8Array(spec.padding).fill(0x5a);
  return concat(hex(spec.ethernet), tags, u16(v4 ? 0x0800 : 0x86dd), ip, transport, padding);
}

/** Fills shape, l3, l4, payload, end and hash of packet `i` from its bytes. */
export function dissect(packets: Packets, u8: Uint8Array, i: PacketIndex): void {
  const frame = u8.slice(packets.frame[i], packets.frame[i] + packets.length[i]);
  const at = (offset: number): number => frame[offset] * 256 + frame[offset + 1];
  let shape = 0;
  let l3 = 12;
  while (at(l3) === 0x8100) {
    shape |= SHAPE_VLAN;
    l3 += 4;
  }
  const type = at(l3);
  l3 += 2;
  let l4 = -1;
  let payload = -1;
  let end = frame.length;
  let protocol = -1;
  if (type === 0x0800) {
    shape |= SHAPE_IPV4;
    l4 = l3 + (frame[l3] & 15) * 4;
    end = l3 + at(l3 + 2);
    protocol = frame[l3 + 9];
    if (l4 !== l3 + 20) shape |= SHAPE_OPTIONS;
    if ((at(l3 + 6) & 0x3fff) !== 0) shape |= SHAPE_FRAGMENT;
  } else if (type === 0x86dd) {
    shape |= SHAPE_IPV6;
    l4 = l3 + 40;
    end = l4 + at(l3 + 4);
    protocol = frame[l3 + 6];
    if (protocol === 60) {
      shape |= SHAPE_OPTIONS;
      protocol = frame[l4];
      l4 += 8 + frame[l4 + 1] * 8;
    }
  }
  if (end < frame.length) shape |= SHAPE_PADDED;
  if (end > frame.length) shape |= SHAPE_ODD;
  if (protocol === 6) {
    shape |= SHAPE_TCP;
    payload = l4 + (frame[l4 + 12] >> 4) * 4;
  } else if (protocol === 17) {
    shape |= SHAPE_UDP;
    payload = l4 + 8;
  }
  packets.shape[i] = shape;
  packets.l3[i] = shape & (SHAPE_IPV4 | SHAPE_IPV6) ? l3 : -1;
  packets.l4[i] = l4;
  packets.payload[i] = payload;
  packets.end[i] = end;
  const addresses = shape & SHAPE_IPV4 ? frame.slice(l3 + 12, l3 + 20) : frame.slice(l3 + 8, l3 + 40);
  const tuple = l4 < 0 ? frame.slice(0, 14) : concat(addresses, frame.slice(l4, l4 + 4), new Uint8Array([protocol]));
  packets.hash[i] = tuple.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), 0x811c9dc5 | 0);
}

/** What came out of a vector: bytes strung together, and the entry's columns. */
export interface Written {
  /** Of a FrameVector: the virtio-net header's fields. */
  readonly header: readonly number[];
  readonly bytes: Uint8Array;
  readonly segments: number;
  readonly iovecs: number;
}

/** An arena, packets in it, and a frame vector. */
export class Workbench {
  readonly arena: Arena;
  readonly packets: Packets;
  readonly checksums: Checksummer;
  readonly frames: FrameVector;

  constructor(bytes = 4 << 20, packets = 1024, frames = 1024) {
    this.arena = new Arena(bytes);
    this.packets = new Packets(this.arena, packets);
    this.checksums = new Checksummer(this.arena.memory.buffer, simdChecksums(this.arena.memory));
    this.frames = new FrameVector(this.arena, frames);
    const headers = this.frames.headers;
    this.arena.u8.fill(0xa5, headers.offset, headers.offset + headers.capacity);
  }

  /** Takes a packet for `frame`, whose first byte comes to stand at `alignment` modulo 8. */
  place(frame: Uint8Array, alignment = 0): PacketIndex {
    const at = this.arena.alloc(frame.length + 16, 8) + alignment;
    this.arena.u8.set(frame, at);
    const i = this.packets.take(at, frame.length);
    if (i === NONE) throw new Error('no packet left');
    dissect(this.packets, this.arena.u8, i);
    return i;
  }

  /** The same for a frame whose transport checksum is to be finished later. */
  placeUnfinished(frame: Uint8Array, alignment = 0): PacketIndex {
    const i = this.place(frame, alignment);
    this.packets.flags[i] |= UNFINISHED;
    this.packets.csumStart[i] = this.packets.l4[i];
    this.packets.csumOffset[i] = (this.packets.shape[i] & SHAPE_TCP) !== 0 ? 16 : 6;
    return i;
  }

  /** Chains the packets in the order given and returns the first. */
  chain(indices: readonly PacketIndex[]): PacketIndex {
    indices.forEach((i, n) => {
      this.packets.next[i] = indices[n + 1] ?? NONE;
    });
    return indices[0] ?? NONE;
  }

  bytesOf(i: PacketIndex): Uint8Array {
    const at = this.packets.frame[i];
    return this.arena.u8.slice(at, at + this.packets.length[i]);
  }

  /** The bytes of entry `e` of a vector. */
  gather(vector: FrameVector | DatagramVector, e: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let v = vector.iovecStart[e]; v < vector.iovecStart[e] + vector.iovecCount[e]; v++) {
      const words = this.arena.u32.slice(vector.iovecs.at(v) >> 2, (vector.iovecs.at(v) >> 2) + 4);
      const address = words[0] + words[1] * 2 ** 32;
      const at = address - this.arena.base;
      parts.push(this.arena.u8.slice(at, at + words[2]));
    }
    return concat(...parts);
  }

  /** Every entry of the frame vector, which is checked for its books. */
  written(): Written[] {
    const { frames } = this;
    const all: Written[] = [];
    let iovecs = 0;
    for (let f = 0; f < frames.count; f++) {
      const bytes = this.gather(frames, f);
      if (frames.iovecStart[f] !== iovecs) throw new Error(`entry ${f} begins at iovec ${frames.iovecStart[f]}`);
      iovecs += frames.iovecCount[f];
      if (frames.bytes[f] !== bytes.length - 12) throw new Error(`entry ${f} says ${frames.bytes[f]} bytes`);
      if (frames.errno[f] !== 0) throw new Error(`entry ${f} has an errno`);
      const v = new DataView(bytes.buffer, bytes.byteOffset);
      const header = [v.getUint8(0), v.getUint8(1), ...[2, 4, 6, 8, 10].map((offset) => v.getUint16(offset, true))];
      all.push({ header, bytes: bytes.slice(12), segments: frames.segments[f], iovecs: frames.iovecCount[f] });
    }
    if (iovecs !== frames.iovecs.used || iovecs > frames.iovecs.capacity) throw new Error('iovecs do not add up');
    if (frames.headers.used > frames.headers.capacity) throw new Error('headers overflow');
    return all;
  }
}
