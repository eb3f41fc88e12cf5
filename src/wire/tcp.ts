/** TCP header (RFC 9293). Views check nothing: the caller has seen 20 bytes. */
import { i32, putU16, putU32, requireRoom, u16, u32 } from './bytes.js';

/** Bytes of a header without options. */
export const TCP_HEADER = 20;
/** Bytes of the longest header. */
export const TCP_HEADER_MAX = 60;

/** Field offsets. */
export const TCP_SRC_PORT = 0;
export const TCP_DST_PORT = 2;
export const TCP_SEQ = 4;
export const TCP_ACK = 8;
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;

/** Bits of the flags. */
export const TCP_FLAG_FIN = 0x01;
export const TCP_FLAG_SYN = 0x02;
export const TCP_FLAG_RST = 0x04;
export const TCP_FLAG_PSH = 0x08;
export const TCP_FLAG_ACK = 0x10;
export const TCP_FLAG_URG = 0x20;
export const TCP_FLAG_ECE = 0x40;
export const TCP_FLAG_CWR = 0x80;

export function tcpSrcPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + TCP_SRC_PORT);
}

export function tcpDstPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + TCP_DST_PORT);
}

/** Sequence number as a signed integer: compare two by `(a - b) | 0`, add by `(a + n) | 0`. */
export function tcpSeq(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + TCP_SEQ);
}

/** Acknowledgement number as a signed integer. */
export function tcpAck(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + TCP_ACK);
}

/** Header bytes as the data offset says, 0 … 60: below 20 the header is invalid. */
export function tcpHeaderLength(bytes: Uint8Array, at: number): number {
  return (bytes[at + TCP_DATA_OFFSET] >>> 4) << 2;
}

/** The eight flags, CWR to FIN. */
export function tcpFlags(bytes: Uint8Array, at: number): number {
  return bytes[at + TCP_FLAGS];
}

/** The flags with the four reserved bits above them, 12 bits: what flower's tcp_flags sees. */
export function tcpFlags12(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + TCP_DATA_OFFSET) & 0xfff;
}

export function tcpWindow(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + TCP_WINDOW);
}

export function tcpChecksum(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + TCP_CHECKSUM);
}

export function tcpUrgent(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + TCP_URGENT);
}

/** Writes the sequence number modulo 2^32. The checksum is the caller's. */
export function putTcpSeq(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at + TCP_SEQ, value);
}

/** Writes the eight flags, leaving the reserved bits. The checksum is the caller's. */
export function putTcpFlags(bytes: Uint8Array, at: number, value: number): void {
  bytes[at + TCP_FLAGS] = value;
}

export function putTcpChecksum(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + TCP_CHECKSUM, value);
}

export interface TcpRecord {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Unsigned, 0 … 2^32-1. */
  readonly seq: number;
  /** Unsigned, 0 … 2^32-1. */
  readonly ack: number;
  /** 12 bits: four reserved ones, then CWR … FIN. */
  readonly flags: number;
  readonly window: number;
  /** As it stands: neither verified on parsing nor computed on emission. */
  readonly checksum: number;
  readonly urgent: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options: Uint8Array;
}

/** The header at `at`, copied; undefined where `length` bytes do not hold it whole, or its data offset is below 5. */
export function parseTcp(bytes: Uint8Array, at: number, length: number): TcpRecord | undefined {
  if (length < TCP_HEADER) return undefined;
  const header = tcpHeaderLength(bytes, at);
  if (header < TCP_HEADER || header > length) return undefined;
  return {
    sourcePort: tcpSrcPort(bytes, at),
    destinationPort: tcpDstPort(bytes, at),
    seq: u32(bytes, at + TCP_SEQ),
    ack: u32(bytes, at + TCP_ACK),
    flags: tcpFlags12(bytes, at),
    window: tcpWindow(bytes, at),
    checksum: tcpChecksum(bytes, at),
    urgent: tcpUrgent(bytes, at),
    options: bytes.slice(at + TCP_HEADER, at + header),
  };
}

/** Writes the header with its options and returns its bytes. Throws a RangeError where it does not fit. */
export function emitTcp(record: TcpRecord, bytes: Uint8Array, at: number): number {
  const header = TCP_HEADER + record.options.length;
  if (header > TCP_HEADER_MAX || (header & 3) !== 0) throw new RangeError('TCP options: 0, 4 … 40 bytes');
  requireRoom(bytes, at, header, 'TCP header');
  putU16(bytes, at + TCP_SRC_PORT, record.sourcePort);
  putU16(bytes, at + TCP_DST_PORT, record.destinationPort);
  putU32(bytes, at + TCP_SEQ, record.seq);
  putU32(bytes, at + TCP_ACK, record.ack);
  putU16(bytes, at + TCP_DATA_OFFSET, (header << 10) | (record.flags & 0xfff));
  putU16(bytes, at + TCP_WINDOW, record.window);
  putTcpChecksum(bytes, at, record.checksum);
  putU16(bytes, at + TCP_URGENT, record.urgent);
  bytes.set(record.options, at + TCP_HEADER);
  return header;
}
