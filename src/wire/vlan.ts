/**
 * IEEE 802.1Q and 802.1ad tags. The TPID stands in the type field before; a tag as seen here is the four bytes behind
 * it: tag control information, then the type of what follows.
 */
import { putU16, requireRoom, u16 } from './bytes.js';
import { ETHERTYPE_QINQ, ETHERTYPE_VLAN } from './ether-type.js';

/** Bytes that a tag adds to a frame. */
export const VLAN_TAG = 4;

/** Field offsets. */
export const VLAN_TCI = 0;
export const VLAN_TYPE = 2;

/** Whether an EtherType announces a tag. */
export function isVlanType(type: number): boolean {
  return type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ;
}

/** VLAN identifier, 0 … 4095; 0 is a priority tag. */
export function vlanId(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + VLAN_TCI) & 0xfff;
}

/** Priority code point, 0 … 7. */
export function vlanPriority(bytes: Uint8Array, at: number): number {
  return bytes[at + VLAN_TCI] >>> 5;
}

/** Type of what follows the tag, host order. */
export function vlanType(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + VLAN_TYPE);
}

export interface VlanRecord {
  /** 0 … 4095. */
  readonly id: number;
  /** 0 … 7. */
  readonly priority: number;
  /** Drop eligible indicator. */
  readonly dropEligible: boolean;
  /** Type of what follows, host order. */
  readonly type: number;
}

/** The tag at `at`; undefined where `length` bytes do not hold one. */
export function parseVlan(bytes: Uint8Array, at: number, length: number): VlanRecord | undefined {
  if (length < VLAN_TAG) return undefined;
  return {
    id: vlanId(bytes, at),
    priority: vlanPriority(bytes, at),
    dropEligible: (bytes[at + VLAN_TCI] & 0x10) !== 0,
    type: vlanType(bytes, at),
  };
}

/** Writes the tag and returns its bytes. Throws a RangeError where it does not fit. */
export function emitVlan(record: VlanRecord, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, VLAN_TAG, 'VLAN tag');
  putU16(bytes, at + VLAN_TCI, (record.priority << 13) | (record.dropEligible ? 0x1000 : 0) | record.id);
  putU16(bytes, at + VLAN_TYPE, record.type);
  return VLAN_TAG;
}
