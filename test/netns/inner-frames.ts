/** Inner frames of every kind that an outer header may depend on, built byte by byte. */
import { ethernet } from './frames.js';

const TO = '02:00:00:00:00:99';
const FROM = '02:00:00:00:00:98';

export interface InnerPacket {
  readonly tos?: number;
  readonly ttl?: number;
  readonly dontFragment?: boolean;
  readonly sourcePort?: number;
  /** Bytes of UDP payload. */
  readonly size?: number;
}

function ones(bytes: Buffer, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function udp(addresses: Buffer, { sourcePort = 1000, size = 32 }: InnerPacket): Buffer {
  const datagram = Buffer.alloc(8 + size, 0x5a);
  datagram.writeUInt16BE(sourcePort, 0);
  datagram.writeUInt16BE(9, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.writeUInt16BE(0, 6);
  datagram.writeUInt16BE(ones(Buffer.concat([addresses, datagram]), 17 + datagram.length), 6);
  return datagram;
}

/** An Ethernet frame with an IPv4 UDP packet, all checksums right, in hex. */
export function ipv4Frame(packet: InnerPacket = {}): string {
  const header = Buffer.from('4500 0000 0007 0000 4011 0000 0a070001 0a070002'.replaceAll(' ', ''), 'hex');
  const payload = udp(header.subarray(12), packet);
  header[1] = packet.tos ?? 0;
  header.writeUInt16BE(20 + payload.length, 2);
  if (packet.dontFragment === true) header[6] = 0x40;
  header[8] = packet.ttl ?? 64;
  header.writeUInt16BE(ones(header), 10);
  return ethernet(TO, FROM, 0x0800) + header.toString('hex') + payload.toString('hex');
}

/** The same over IPv6, with a flow label of its own. */
export function ipv6Frame(packet: InnerPacket = {}): string {
  const header = Buffer.alloc(40);
  const tos = packet.tos ?? 0;
  header.writeUInt32BE(0x60012345 + tos * 0x100000, 0);
  header[6] = 17;
  header[7] = packet.ttl ?? 64;
  header[8] = 0xfd;
  header[23] = 1;
  header[24] = 0xfd;
  header[39] = 2;
  const payload = udp(header.subarray(8), packet);
  header.writeUInt16BE(payload.length, 4);
  return ethernet(TO, FROM, 0x86dd) + header.toString('hex') + payload.toString('hex');
}

/** A frame with a VLAN tag before its EtherType. */
export function tagged(frame: string): string {
  return `${frame.slice(0, 24)}81000005${frame.slice(24)}`;
}

/** A frame of an EtherType for local experiments (IEEE 802), told from others by a number. */
export function experimental(number: number): string {
  return ethernet(TO, FROM, 0x88b5) + number.toString(16).padStart(92, '0');
}

export const ARP_REQUEST = `${ethernet('ff:ff:ff:ff:ff:ff', FROM, 0x0806)}00010800060400010200000000980a070001${'0'.repeat(12)}0a070002`;

/** Every ECN field with two DSCPs, both families, TTLs and DF, tags, and what is not IP. */
export const SORTED_FRAMES: readonly string[] = [
  ...[0, 1, 2, 3, 0xb8, 0xb9, 0xba, 0xbb].map((tos) => ipv4Frame({ tos })),
  ...[0, 1, 2, 3, 0xb8, 0xb9, 0xba, 0xbb].map((tos) => ipv6Frame({ tos })),
  ipv4Frame({ dontFragment: true }),
  ipv4Frame({ ttl: 7, dontFragment: true }),
  ipv6Frame({ ttl: 9 }),
  tagged(ipv4Frame({ tos: 0x2e, ttl: 11, dontFragment: true })),
  tagged(ipv6Frame({ tos: 0x2f, ttl: 12 })),
  ARP_REQUEST,
];
