/**
 * VXLAN header (RFC 7348 section 5): flags, 24 reserved bits, VNI, 8 reserved bits. Behind it stands an Ethernet frame.
 *
 * Validation is split where the kernel's vxlan_rcv splits it, so that a datagram with two faults is counted under the
 * same one: length, then I flag (`vxlanHeaderCheck`), then the caller looks the VNI up, then the reserved bits
 * (`vxlanReservedCheck`), then whether a frame follows (`vxlanFrameCheck`). `vxlanCheck` is all three in a row, for
 * callers that take every VNI. A check returns a small integer and touches no byte behind `length`.
 */
import { i32, putU32, requireRoom } from './bytes.js';
import { ETH_HEADER } from './ethernet.js';

/** Bytes of the header. */
export const VXLAN_HEADER = 8;
/** IANA's UDP port. */
export const VXLAN_PORT = 4789;
/** The largest VNI. */
export const VXLAN_VNI_MAX = 0xffffff;

/** Field offsets: two words. */
export const VXLAN_FLAGS = 0;
export const VXLAN_VNI = 4;

/** The I flag within the first word: there is a VNI. */
export const VXLAN_FLAG_VNI = 0x08000000;

/**
 * Bits of the two words that must be zero unless a device's `reserved_bits` says otherwise: all but the I flag and
 * the VNI (0xf7ffffff000000ff), as signed integers.
 */
export const VXLAN_RESERVED_HIGH = 0xf7ffffff | 0;
export const VXLAN_RESERVED_LOW = 0x000000ff;

/** Verdicts. Each failure stands for one drop reason. */
export const VXLAN_OK = 0;
/** Less than 8 bytes. */
export const VXLAN_SHORT_HEADER = 1;
/** The I flag is not set. */
export const VXLAN_NO_VNI_FLAG = 2;
/** A bit of the reserved mask is set. */
export const VXLAN_RESERVED_BITS = 3;
/** Nothing follows the header. */
export const VXLAN_NO_FRAME = 4;
/** 1 … 13 bytes follow the header. */
export const VXLAN_SHORT_FRAME = 5;

/** The VNI, 0 … 2^24-1. */
export function vxlanVni(bytes: Uint8Array, at: number): number {
  return (bytes[at + VXLAN_VNI] << 16) | (bytes[at + VXLAN_VNI + 1] << 8) | bytes[at + VXLAN_VNI + 2];
}

/** Before the VNI look-up: VXLAN_OK, VXLAN_SHORT_HEADER or VXLAN_NO_VNI_FLAG. `length` is the UDP payload's. */
export function vxlanHeaderCheck(bytes: Uint8Array, at: number, length: number): number {
  if (length < VXLAN_HEADER) return VXLAN_SHORT_HEADER;
  return (bytes[at] & 0x08) === 0 ? VXLAN_NO_VNI_FLAG : VXLAN_OK;
}

/**
 * After the VNI look-up: VXLAN_OK or VXLAN_RESERVED_BITS. The masks say which bits of the first and second word must
 * be zero; signed and unsigned readings do equally. The I flag and the VNI are never reserved, whatever the masks say.
 */
export function vxlanReservedCheck(bytes: Uint8Array, at: number, maskHigh: number, maskLow: number): number {
  const high = i32(bytes, at + VXLAN_FLAGS) & maskHigh & VXLAN_RESERVED_HIGH;
  const low = i32(bytes, at + VXLAN_VNI) & maskLow & VXLAN_RESERVED_LOW;
  return (high | low) === 0 ? VXLAN_OK : VXLAN_RESERVED_BITS;
}

/** After the header: VXLAN_OK, VXLAN_NO_FRAME or VXLAN_SHORT_FRAME. `length` is the UDP payload's, at least 8. */
export function vxlanFrameCheck(length: number): number {
  if (length >= VXLAN_HEADER + ETH_HEADER) return VXLAN_OK;
  return length > VXLAN_HEADER ? VXLAN_SHORT_FRAME : VXLAN_NO_FRAME;
}

/** All checks in the kernel's order, for a port that takes every VNI (external mode). */
export function vxlanCheck(bytes: Uint8Array, at: number, length: number, maskHigh: number, maskLow: number): number {
  const header = vxlanHeaderCheck(bytes, at, length);
  if (header !== VXLAN_OK) return header;
  const reserved = vxlanReservedCheck(bytes, at, maskHigh, maskLow);
  return reserved !== VXLAN_OK ? reserved : vxlanFrameCheck(length);
}

/** Writes a header with the I flag and `vni`, every reserved bit zero (RFC 7348: MUST be zero on send). */
export function putVxlanHeader(bytes: Uint8Array, at: number, vni: number): void {
  putU32(bytes, at + VXLAN_FLAGS, VXLAN_FLAG_VNI);
  putU32(bytes, at + VXLAN_VNI, vni << 8);
}

export interface VxlanRecord {
  /** The first word, unsigned: flags and reserved bits. */
  readonly flags: number;
  /** 0 … 2^24-1; meaningful with VXLAN_FLAG_VNI. */
  readonly vni: number;
  /** The last byte. */
  readonly reserved: number;
}

/** The header at `at`, not judged; undefined where `length` bytes do not hold one. */
export function parseVxlan(bytes: Uint8Array, at: number, length: number): VxlanRecord | undefined {
  if (length < VXLAN_HEADER) return undefined;
  return {
    flags: i32(bytes, at + VXLAN_FLAGS) >>> 0,
    vni: vxlanVni(bytes, at),
    reserved: bytes[at + VXLAN_HEADER - 1],
  };
}

/** Writes the header as recorded and returns its bytes. Throws a RangeError where it does not fit. */
export function emitVxlan(record: VxlanRecord, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, VXLAN_HEADER, 'VXLAN header');
  putU32(bytes, at + VXLAN_FLAGS, record.flags);
  putU32(bytes, at + VXLAN_VNI, (record.vni << 8) | (record.reserved & 0xff));
  return VXLAN_HEADER;
}
