/** UDP header (RFC 768). Views check nothing: the caller has seen 8 bytes. */
import { putU16, requireRoom, u16 } from './bytes.js';

/** Bytes of the header. */
export const UDP_HEADER = 8;

/** Field offsets. */
export const UDP_SRC_PORT = 0;
export const UDP_DST_PORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;

export function udpSrcPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + UDP_SRC_PORT);
}

export function udpDstPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + UDP_DST_PORT);
}

/** Bytes of header and payload as the header says; below 8 it is invalid. */
export function udpLength(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + UDP_LENGTH);
}

/** 0 means "not computed", legal over IPv4 and, for tunnels, over IPv6 (RFC 6935). */
export function udpChecksum(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + UDP_CHECKSUM);
}

/** Writes the length of header and payload. The checksum is the caller's. */
export function putUdpLength(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + UDP_LENGTH, value);
}

export function putUdpChecksum(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + UDP_CHECKSUM, value);
}

export interface UdpRecord {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Bytes of header and payload. */
  readonly length: number;
  /** As it stands: neither verified on parsing nor computed on emission. */
  readonly checksum: number;
}

/** The header at `at`; undefined where `length` bytes do not hold one. Its own length field is not judged. */
export function parseUdp(bytes: Uint8Array, at: number, length: number): UdpRecord | undefined {
  if (length < UDP_HEADER) return undefined;
  return {
    sourcePort: udpSrcPort(bytes, at),
    destinationPort: udpDstPort(bytes, at),
    length: udpLength(bytes, at),
    checksum: udpChecksum(bytes, at),
  };
}

/** Writes the header and returns its bytes. Throws a RangeError where it does not fit. */
export function emitUdp(record: UdpRecord, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, UDP_HEADER, 'UDP header');
  putU16(bytes, at + UDP_SRC_PORT, record.sourcePort);
  putU16(bytes, at + UDP_DST_PORT, record.destinationPort);
  putUdpLength(bytes, at, record.length);
  putUdpChecksum(bytes, at, record.checksum);
  return UDP_HEADER;
}
