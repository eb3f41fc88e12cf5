/**
 * Ethernet II header (IEEE 802.3 clause 3): destination, source, type or length. The preamble and the FCS never reach
 * software. A view is a function over `(bytes, at)` with `at` the first byte of the header.
 */
import { putU16, requireRoom, requireSize, u16 } from './bytes.js';
import { ETHERTYPE_802_2, ETHERTYPE_802_3, ETHERTYPE_MIN } from './ether-type.js';

/** Bytes of the header. */
export const ETH_HEADER = 14;
/** Bytes of a MAC address. */
export const ETH_ADDRESS = 6;

/** Field offsets. */
export const ETH_DST = 0;
export const ETH_SRC = 6;
export const ETH_TYPE = 12;

/** The type field as it stands, host order: an EtherType, a tag's TPID, or a length below 0x0600. */
export function ethType(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + ETH_TYPE);
}

export function putEthType(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at + ETH_TYPE, value);
}

/** Whether the destination has the group bit: broadcast or multicast. */
export function ethIsGroup(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + ETH_DST] & 1) !== 0;
}

/**
 * The kernel's name for what follows a type field: `type` itself, or one of the two names for the frames of
 * IEEE 802.3, whose field is a length (eth_type_trans, vlan_set_encap_proto). `next` is the first byte behind the
 * field, `end` the first behind the frame.
 */
export function protocolOfType(type: number, bytes: Uint8Array, next: number, end: number): number {
  if (type >= ETHERTYPE_MIN) return type;
  return end - next >= 2 && u16(bytes, next) === 0xffff ? ETHERTYPE_802_3 : ETHERTYPE_802_2;
}

/**
 * The protocol of a frame, which `tc filter … protocol` is compared with (skb_protocol with skip_vlan false): for a
 * tagged frame the outermost tag's TPID. `length` is the frame's, at least 14.
 */
export function frameProtocol(bytes: Uint8Array, frame: number, length: number): number {
  return protocolOfType(u16(bytes, frame + ETH_TYPE), bytes, frame + ETH_HEADER, frame + length);
}

export interface EthernetRecord {
  /** 6 bytes. */
  readonly destination: Uint8Array;
  /** 6 bytes. */
  readonly source: Uint8Array;
  /** Host order, 0 … 65535. */
  readonly type: number;
}

/** The header at `at`, its addresses copied; undefined where `length` bytes do not hold one. */
export function parseEthernet(bytes: Uint8Array, at: number, length: number): EthernetRecord | undefined {
  if (length < ETH_HEADER) return undefined;
  return {
    destination: bytes.slice(at + ETH_DST, at + ETH_DST + ETH_ADDRESS),
    source: bytes.slice(at + ETH_SRC, at + ETH_SRC + ETH_ADDRESS),
    type: ethType(bytes, at),
  };
}

/** Writes the header and returns its bytes. Throws a RangeError where it does not fit. */
export function emitEthernet(record: EthernetRecord, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, ETH_HEADER, 'Ethernet header');
  requireSize(record.destination, ETH_ADDRESS, 'destination MAC');
  requireSize(record.source, ETH_ADDRESS, 'source MAC');
  bytes.set(record.destination, at + ETH_DST);
  bytes.set(record.source, at + ETH_SRC);
  putEthType(bytes, at, record.type);
  return ETH_HEADER;
}
