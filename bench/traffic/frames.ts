/** What the generator sends: UDP datagrams of a number of flows as whole Ethernet frames, plain or within VXLAN. */
import { finish } from '../../src/wire/checksum.js';

export interface Addresses {
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly source: string;
  readonly destination: string;
}

export interface FlowOptions {
  readonly inner: Addresses;
  /** Present: frames are VXLAN datagrams between these; absent: they are the inner frames. */
  readonly outer?: Addresses;
  readonly vni: number;
  /** Destination port of the inner datagrams. */
  readonly port: number;
  /** UDP payload of an inner datagram, in bytes. */
  readonly size: number;
}

const VXLAN_PORT = 4789;
const ETHERNET = 14;
const IPV4 = 20;
const UDP = 8;
const VXLAN = 8;

function macBytes(mac: string): number[] {
  return mac.split(':').map((digits) => Number.parseInt(digits, 16));
}

/** Sum of 16-bit words, the obvious way. */
function sumOf(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (bytes[i] ?? 0) << (((i - from) & 1) === 0 ? 8 : 0);
  return sum;
}

/** Writes Ethernet, IPv4 and UDP headers before the `length` bytes of payload that stand at 42. */
function wrap(bytes: Uint8Array, addresses: Addresses, source: number, port: number, checksum: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [ip, udp] = [ETHERNET, ETHERNET + IPV4];
  bytes.set(macBytes(addresses.destinationMac), 0);
  bytes.set(macBytes(addresses.sourceMac), 6);
  view.setUint16(12, 0x0800);
  view.setUint16(ip, 0x4500);
  view.setUint16(ip + 2, bytes.length - ip);
  view.setUint16(ip + 6, 0x4000); // DF
  view.setUint16(ip + 8, 0x4000 | UDP_PROTOCOL);
  bytes.set(addresses.source.split('.').map(Number), ip + 12);
  bytes.set(addresses.destination.split('.').map(Number), ip + 16);
  view.setUint16(ip + 10, finish(sumOf(bytes, ip, udp)));
  view.setUint16(udp, source);
  view.setUint16(udp + 2, port);
  view.setUint16(udp + 4, bytes.length - udp);
  if (!checksum) return;
  const sum = sumOf(bytes, ip + 12, udp) + UDP_PROTOCOL + (bytes.length - udp) + sumOf(bytes, udp, bytes.length);
  view.setUint16(udp + 6, finish(sum) || 0xffff);
}

const UDP_PROTOCOL = 17;

/**
 * The frame of flow `flow`, 0 … 49,999: flows differ in the inner source port, and as VXLAN senders do it, in the outer
 * one. Every checksum is right; the outer UDP checksum is 0, as the kernel's device leaves it over IPv4.
 */
export function frameOf({ inner, outer, vni, port, size }: FlowOptions, flow: number): Uint8Array {
  const innerBytes = ETHERNET + IPV4 + UDP + size;
  const frame = new Uint8Array(innerBytes);
  for (let i = ETHERNET + IPV4 + UDP; i < innerBytes; i++) frame[i] = Math.imul(i + flow, 0x9e3779b1) >>> 24;
  wrap(frame, inner, 10000 + flow, port, true);
  if (outer === undefined) return frame;
  const front = ETHERNET + IPV4 + UDP + VXLAN;
  const bytes = new Uint8Array(front + innerBytes);
  bytes.set([0x08, 0, 0, 0, (vni >> 16) & 0xff, (vni >> 8) & 0xff, vni & 0xff, 0], front - VXLAN);
  bytes.set(frame, front);
  wrap(bytes, outer, 49152 + ((Math.imul(flow + 1, 0x9e3779b1) >>> 18) & 0x3fff), VXLAN_PORT, false);
  return bytes;
}
