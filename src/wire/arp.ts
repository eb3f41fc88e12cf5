/** ARP over Ethernet for IPv4 (RFC 826). The offsets behind the fixed part hold for that kind alone. */
import { i32, putU16, requireRoom, requireSize, u16 } from './bytes.js';
import { ETHERTYPE_IPV4 } from './ether-type.js';

/** Bytes of the fixed part, which says how long the addresses are. */
export const ARP_FIXED = 8;
/** Bytes of a whole packet with addresses of 6 and 4 bytes. */
export const ARP_PACKET = 28;

export const ARP_HARDWARE_ETHERNET = 1;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

/** Field offsets. */
export const ARP_HARDWARE = 0;
export const ARP_PROTOCOL = 2;
export const ARP_HARDWARE_SIZE = 4;
export const ARP_PROTOCOL_SIZE = 5;
export const ARP_OPERATION = 6;
export const ARP_SENDER_MAC = 8;
export const ARP_SENDER_IP = 14;
export const ARP_TARGET_MAC = 18;
export const ARP_TARGET_IP = 24;

/** Whether the fixed part at `at` (8 bytes, checked by the caller) announces Ethernet and IPv4 addresses. */
export function arpIsEthernetIpv4(bytes: Uint8Array, at: number): boolean {
  return (
    u16(bytes, at + ARP_HARDWARE) === ARP_HARDWARE_ETHERNET &&
    u16(bytes, at + ARP_PROTOCOL) === ETHERTYPE_IPV4 &&
    bytes[at + ARP_HARDWARE_SIZE] === 6 &&
    bytes[at + ARP_PROTOCOL_SIZE] === 4
  );
}

/** Operation, host order. */
export function arpOperation(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + ARP_OPERATION);
}

/** Sender's IPv4 address, a signed reading of its four bytes. */
export function arpSenderIp(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + ARP_SENDER_IP);
}

/** Target's IPv4 address, a signed reading of its four bytes. */
export function arpTargetIp(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + ARP_TARGET_IP);
}

export interface ArpRecord {
  /** Host order, 0 … 65535; ARP_REQUEST and ARP_REPLY are the usual ones. */
  readonly operation: number;
  /** 6 bytes. */
  readonly senderMac: Uint8Array;
  /** 4 bytes. */
  readonly senderIp: Uint8Array;
  /** 6 bytes. */
  readonly targetMac: Uint8Array;
  /** 4 bytes. */
  readonly targetIp: Uint8Array;
}

/** The packet at `at`; undefined where `length` bytes do not hold one, or where it is not for Ethernet and IPv4. */
export function parseArp(bytes: Uint8Array, at: number, length: number): ArpRecord | undefined {
  if (length < ARP_PACKET || !arpIsEthernetIpv4(bytes, at)) return undefined;
  return {
    operation: arpOperation(bytes, at),
    senderMac: bytes.slice(at + ARP_SENDER_MAC, at + ARP_SENDER_IP),
    senderIp: bytes.slice(at + ARP_SENDER_IP, at + ARP_TARGET_MAC),
    targetMac: bytes.slice(at + ARP_TARGET_MAC, at + ARP_TARGET_IP),
    targetIp: bytes.slice(at + ARP_TARGET_IP, at + ARP_PACKET),
  };
}

/** Writes the packet and returns its bytes. Throws a RangeError where it does not fit. */
export function emitArp(record: ArpRecord, bytes: Uint8Array, at: number): number {
  requireRoom(bytes, at, ARP_PACKET, 'ARP packet');
  requireSize(record.senderMac, 6, 'sender MAC');
  requireSize(record.senderIp, 4, 'sender address');
  requireSize(record.targetMac, 6, 'target MAC');
  requireSize(record.targetIp, 4, 'target address');
  putU16(bytes, at + ARP_HARDWARE, ARP_HARDWARE_ETHERNET);
  putU16(bytes, at + ARP_PROTOCOL, ETHERTYPE_IPV4);
  bytes[at + ARP_HARDWARE_SIZE] = 6;
  bytes[at + ARP_PROTOCOL_SIZE] = 4;
  putU16(bytes, at + ARP_OPERATION, record.operation);
  bytes.set(record.senderMac, at + ARP_SENDER_MAC);
  bytes.set(record.senderIp, at + ARP_SENDER_IP);
  bytes.set(record.targetMac, at + ARP_TARGET_MAC);
  bytes.set(record.targetIp, at + ARP_TARGET_IP);
  return ARP_PACKET;
}
