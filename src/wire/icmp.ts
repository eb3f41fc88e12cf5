/** The first eight bytes that every ICMP and ICMPv6 message has (RFC 792, RFC 4443). */
import { putU16, putU32, requireRoom, u16, u32 } from './bytes.js';

/** Bytes of the part common to all messages. */
export const ICMP_HEADER = 8;

/** Field offsets. */
export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
export const ICMP_REST = 4;

export function icmpType(bytes: Uint8Array, at: number): number {
  return bytes[at + ICMP_TYPE];
}

export function icmpCode(bytes: Uint8Array, at: number): number {
  return bytes[at + ICMP_CODE];
}

export function icmpChecksum(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + ICMP_CHECKSUM);
}

export function putIcmpChecksum(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + ICMP_CHECKSUM, value);
}

export interface IcmpRecord {
  readonly type: number;
  readonly code: number;
  /** As it stands: neither verified on parsing nor computed on emission. */
  readonly checksum: number;
  /** The second word, unsigned: identifier and sequence number of an echo, MTU of a "packet too big", … */
  readonly rest: number;
}

/** The message's first eight bytes; undefined where `length` is less. */
export function parseIcmp(bytes: Uint8Array, at: number, length: number): IcmpRecord | undefined {
  if (length < ICMP_HEADER) return undefined;
  return {
    type: icmpType(bytes, at),
    code: icmpCode(bytes, at),
    checksum: icmpChecksum(bytes, at),
    rest: u32(bytes, at + ICMP_REST),
  };
}

/** Writes the eight bytes and returns their number. Throws a RangeError where they do not fit. */
export function emitIcmp(record: IcmpRecord, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, ICMP_HEADER, 'ICMP header');
  bytes[at + ICMP_TYPE] = record.type;
  bytes[at + ICMP_CODE] = record.code;
  putIcmpChecksum(bytes, at, record.checksum);
  putU32(bytes, at + ICMP_REST, record.rest);
  return ICMP_HEADER;
}
