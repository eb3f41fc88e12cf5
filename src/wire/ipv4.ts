/** IPv4 header (RFC 791; DSCP and ECN per RFC 2474 and 3168). Views check nothing: the caller has seen 20 bytes. */
import { i32, putU16, requireRoom, requireSize, u16 } from './bytes.js';

/** Bytes of a header without options. */
export const IPV4_HEADER = 20;
/** Bytes of the longest header. */
export const IPV4_HEADER_MAX = 60;

/** Field offsets. */
export const IPV4_VERSION_IHL = 0;
export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SRC = 12;
export const IPV4_DST = 16;

/** Bits of the word at IPV4_FRAGMENT. */
export const IPV4_DONT_FRAGMENT = 0x4000;
export const IPV4_MORE_FRAGMENTS = 0x2000;
export const IPV4_OFFSET_MASK = 0x1fff;

/** 4 in an IPv4 header. */
export function ipVersion(bytes: Uint8Array, at: number): number {
  return bytes[at] >>> 4;
}

/** Header bytes as its IHL says, 0 … 60: below 20 the header is invalid. */
export function ipv4HeaderLength(bytes: Uint8Array, at: number): number {
  return (bytes[at + IPV4_VERSION_IHL] & 15) << 2;
}

/** DSCP and ECN, 0 … 255. */
export function ipv4Tos(bytes: Uint8Array, at: number): number {
  return bytes[at + IPV4_TOS];
}

/** Bytes of header and payload; 0 in a super-frame that is longer than 65,535. */
export function ipv4TotalLength(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + IPV4_TOTAL_LENGTH);
}

export function ipv4Id(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + IPV4_ID);
}

/** Flags and fragment offset, 16 bits as they stand. */
export function ipv4Fragment(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + IPV4_FRAGMENT);
}

export function ipv4Ttl(bytes: Uint8Array, at: number): number {
  return bytes[at + IPV4_TTL];
}

export function ipv4Protocol(bytes: Uint8Array, at: number): number {
  return bytes[at + IPV4_PROTOCOL];
}

export function ipv4Checksum(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + IPV4_CHECKSUM);
}

/** Source address, a signed reading of its four bytes. */
export function ipv4Src(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + IPV4_SRC);
}

/** Destination address, a signed reading of its four bytes. */
export function ipv4Dst(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + IPV4_DST);
}

/** Writes DSCP and ECN. The checksum is the caller's. */
export function putIpv4Tos(bytes: Uint8Array, at: number, value: number): void {
  bytes[at + IPV4_TOS] = value;
}

/** Writes the total length. The checksum is the caller's. */
export function putIpv4TotalLength(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + IPV4_TOTAL_LENGTH, value);
}

/** Writes the identification modulo 65,536. The checksum is the caller's. */
export function putIpv4Id(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + IPV4_ID, value);
}

export function putIpv4Checksum(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + IPV4_CHECKSUM, value);
}

export interface Ipv4Record {
  /** DSCP and ECN, 0 … 255. */
  readonly tos: number;
  /** Bytes of header and payload, 0 … 65535. */
  readonly totalLength: number;
  readonly id: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of 8 bytes, 0 … 8191. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  /** As it stands: neither verified on parsing nor computed on emission. */
  readonly checksum: number;
  /** 4 bytes. */
  readonly source: Uint8Array;
  /** 4 bytes. */
  readonly destination: Uint8Array;
  /** A multiple of 4 bytes, at most 40. */
  readonly options: Uint8Array;
}

/**
 * The header at `at`, copied; undefined where `length` bytes do not hold it whole with its options, the version is
 * not 4 or the IHL is below 5. The reserved flag is not kept.
 */
export function parseIpv4(bytes: Uint8Array, at: number, length: number): Ipv4Record | undefined {
  if (length < IPV4_HEADER || ipVersion(bytes, at) !== 4) return undefined;
  const header = ipv4HeaderLength(bytes, at);
  if (header < IPV4_HEADER || header > length) return undefined;
  const fragment = ipv4Fragment(bytes, at);
  return {
    tos: ipv4Tos(bytes, at),
    totalLength: ipv4TotalLength(bytes, at),
    id: ipv4Id(bytes, at),
    dontFragment: (fragment & IPV4_DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & IPV4_MORE_FRAGMENTS) !== 0,
    fragmentOffset: fragment & IPV4_OFFSET_MASK,
    ttl: ipv4Ttl(bytes, at),
    protocol: ipv4Protocol(bytes, at),
    checksum: ipv4Checksum(bytes, at),
    source: bytes.slice(at + IPV4_SRC, at + IPV4_DST),
    destination: bytes.slice(at + IPV4_DST, at + IPV4_HEADER),
    options: bytes.slice(at + IPV4_HEADER, at + header),
  };
}

/** Writes the header with its options and returns its bytes. Throws a RangeError where it does not fit. */
export function emitIpv4(record: Ipv4Record, bytes: Uint8Array, at: number): number {
  const header = IPV4_HEADER + record.options.length;
  if (header > IPV4_HEADER_MAX || (header & 3) !== 0) throw new RangeError('IPv4 options: 0, 4 … 40 bytes');
  requireRoom(bytes, at, header, 'IPv4 header');
  requireSize(record.source, 4, 'source address');
  requireSize(record.destination, 4, 'destination address');
  bytes[at + IPV4_VERSION_IHL] = 0x40 | (header >> 2);
  bytes[at + IPV4_TOS] = record.tos;
  putIpv4TotalLength(bytes, at, record.totalLength);
  putIpv4Id(bytes, at, record.id);
  const flags = (record.dontFragment ? IPV4_DONT_FRAGMENT : 0) | (record.moreFragments ? IPV4_MORE_FRAGMENTS : 0);
  putU16(bytes, at + IPV4_FRAGMENT, flags | (record.fragmentOffset & IPV4_OFFSET_MASK));
  bytes[at + IPV4_TTL] = record.ttl;
  bytes[at + IPV4_PROTOCOL] = record.protocol;
  putIpv4Checksum(bytes, at, record.checksum);
  bytes.set(record.source, at + IPV4_SRC);
  bytes.set(record.destination, at + IPV4_DST);
  bytes.set(record.options, at + IPV4_HEADER);
  return header;
}
