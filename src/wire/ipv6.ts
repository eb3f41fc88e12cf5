/** IPv6 header (RFC 8200) and the fragment header (section 4.5). Views check nothing: the caller has seen 40 bytes. */
import { i32, putU16, putU32, requireRoom, requireSize, u16 } from './bytes.js';
import { ipVersion } from './ipv4.js';

/** Bytes of the fixed header. */
export const IPV6_HEADER = 40;
/** Bytes of a fragment header. */
export const IPV6_FRAGMENT_HEADER = 8;

/** Field offsets. */
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SRC = 8;
export const IPV6_DST = 24;

/** Traffic class: DSCP and ECN, 0 … 255. */
export function ipv6TrafficClass(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) >>> 4) & 0xff;
}

/** Flow label, 20 bits. */
export function ipv6FlowLabel(bytes: Uint8Array, at: number): number {
  return i32(bytes, at) & 0xfffff;
}

/** Bytes behind the fixed header, extension headers included; 0 in a super-frame longer than 65,535 (or a jumbogram). */
export function ipv6PayloadLength(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + IPV6_PAYLOAD_LENGTH);
}

export function ipv6NextHeader(bytes: Uint8Array, at: number): number {
  return bytes[at + IPV6_NEXT_HEADER];
}

export function ipv6HopLimit(bytes: Uint8Array, at: number): number {
  return bytes[at + IPV6_HOP_LIMIT];
}

export function putIpv6TrafficClass(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (bytes[at] & 0xf0) | ((value >>> 4) & 0xf);
  bytes[at + 1] = (bytes[at + 1] & 0x0f) | ((value & 0xf) << 4);
}

export function putIpv6PayloadLength(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + IPV6_PAYLOAD_LENGTH, value);
}

/** Next header of the extension header at `at`: hop-by-hop, routing, destination options, fragment. */
export function ipv6ExtensionNext(bytes: Uint8Array, at: number): number {
  return bytes[at];
}

/** Bytes of a hop-by-hop, routing or destination options header, 8 … 2048. Not for the fragment header. */
export function ipv6ExtensionLength(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1] + 1) << 3;
}

/** Offset, reserved bits and M flag of the fragment header at `at`, 16 bits as they stand. */
export function ipv6Fragment(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + 2);
}

/** The offset (in bytes, a multiple of 8) within what `ipv6Fragment` returns. */
export const IPV6_OFFSET_MASK = 0xfff8;

export interface Ipv6Record {
  /** DSCP and ECN, 0 … 255. */
  readonly trafficClass: number;
  /** 0 … 2^20-1. */
  readonly flowLabel: number;
  /** Bytes behind the fixed header, 0 … 65535. */
  readonly payloadLength: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  /** 16 bytes. */
  readonly source: Uint8Array;
  /** 16 bytes. */
  readonly destination: Uint8Array;
}

/** The fixed header at `at`, copied; undefined where `length` bytes do not hold it or the version is not 6. */
export function parseIpv6(bytes: Uint8Array, at: number, length: number): Ipv6Record | undefined {
  if (length < IPV6_HEADER || ipVersion(bytes, at) !== 6) return undefined;
  return {
    trafficClass: ipv6TrafficClass(bytes, at),
    flowLabel: ipv6FlowLabel(bytes, at),
    payloadLength: ipv6PayloadLength(bytes, at),
    nextHeader: ipv6NextHeader(bytes, at),
    hopLimit: ipv6HopLimit(bytes, at),
    source: bytes.slice(at + IPV6_SRC, at + IPV6_DST),
    destination: bytes.slice(at + IPV6_DST, at + IPV6_HEADER),
  };
}

/** Writes the fixed header and returns its bytes. Throws a RangeError where it does not fit. */
export function emitIpv6(record: Ipv6Record, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, IPV6_HEADER, 'IPv6 header');
  requireSize(record.source, 16, 'source address');
  requireSize(record.destination, 16, 'destination address');
  putU32(bytes, at, 0x60000000 | ((record.trafficClass & 0xff) << 20) | (record.flowLabel & 0xfffff));
  putIpv6PayloadLength(bytes, at, record.payloadLength);
  bytes[at + IPV6_NEXT_HEADER] = record.nextHeader;
  bytes[at + IPV6_HOP_LIMIT] = record.hopLimit;
  bytes.set(record.source, at + IPV6_SRC);
  bytes.set(record.destination, at + IPV6_DST);
  return IPV6_HEADER;
}
