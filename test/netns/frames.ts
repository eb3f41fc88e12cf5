/** Datagrams for a VXLAN port, built byte by byte and in hex: what malformed ones are made from. */

/** A VXLAN header (RFC 7348, section 5): flags, 24 reserved bits, VNI, 8 reserved bits. */
export function vxlanHeader(
  vni: number,
  fields: { flags?: number; reserved24?: number; reserved8?: number } = {},
): string {
  const { flags = 0x08, reserved24 = 0, reserved8 = 0 } = fields;
  const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');
  return hex(flags, 1) + hex(reserved24, 3) + hex(vni, 3) + hex(reserved8, 1);
}

/** An Ethernet header. */
export function ethernet(destination: string, source: string, etherType: number): string {
  return destination.replaceAll(':', '') + source.replaceAll(':', '') + etherType.toString(16).padStart(4, '0');
}

/** An IPv4 packet without options, with a right header checksum, that holds a UDP datagram without checksum. */
export function ipv4Udp(source: string, destination: string, payload: Uint8Array): string {
  const packet = Buffer.alloc(28 + payload.length);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = 17;
  Buffer.from(source.split('.').map(Number)).copy(packet, 12);
  Buffer.from(destination.split('.').map(Number)).copy(packet, 16);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += packet.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
  packet.writeUInt16BE(9, 20);
  packet.writeUInt16BE(9, 22);
  packet.writeUInt16BE(8 + payload.length, 24);
  packet.set(payload, 28);
  return packet.toString('hex');
}
