/** Whole frames of an underlay that carry VXLAN, built byte by byte: what a peer, or a router on the way, may send. */

export interface Arriving {
  /** Addresses as they stand in the header: 4 or 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly toMac: string;
  readonly fromMac: string;
  readonly port: number;
  /** The first four bytes of the VXLAN header. */
  readonly first?: number;
  /** The last four. */
  readonly last: number;
  readonly tos?: number;
  /** Send no UDP checksum. */
  readonly zeroChecksum?: boolean;
  /** Send a wrong one. */
  readonly badChecksum?: boolean;
  /** Leave this many bytes of the UDP payload: what is shorter than a VXLAN header and a frame. */
  readonly cut?: number;
  /** Hex. */
  readonly inner: string;
}

function ones(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The frame in hex, all checksums right. */
export function arriving(of: Arriving): string {
  const { source, destination, tos = 0 } = of;
  const inner = Buffer.from(of.inner, 'hex');
  const udp = Buffer.alloc(8 + (of.cut ?? 8 + inner.length));
  udp.writeUInt16BE(50_000, 0);
  udp.writeUInt16BE(of.port, 2);
  udp.writeUInt16BE(udp.length, 4);
  const vxlan = Buffer.alloc(8);
  vxlan.writeUInt32BE(of.first ?? 0x08000000, 0);
  vxlan.writeUInt32BE(of.last, 4);
  Buffer.concat([vxlan, inner]).copy(udp, 8);
  const pseudo = Buffer.alloc(4);
  pseudo.writeUInt16BE(17, 0);
  pseudo.writeUInt16BE(udp.length, 2);
  if (of.zeroChecksum !== true) {
    const right = ones(Buffer.concat([source, destination, pseudo, udp])) || 0xffff;
    udp.writeUInt16BE(of.badChecksum === true ? right ^ 0x0101 : right, 6);
  }
  let ip: Buffer;
  if (source.length === 4) {
    ip = Buffer.alloc(20);
    ip.writeUInt16BE(0x4500 | tos, 0);
    ip.writeUInt16BE(20 + udp.length, 2);
    ip[8] = 64;
    ip[9] = 17;
    ip.set(source, 12);
    ip.set(destination, 16);
    ip.writeUInt16BE(ones(ip), 10);
  } else {
    ip = Buffer.alloc(40);
    ip.writeUInt32BE(0x60000000 + tos * 0x100000, 0);
    ip.writeUInt16BE(udp.length, 4);
    ip[6] = 17;
    ip[7] = 64;
    ip.set(source, 8);
    ip.set(destination, 24);
  }
  const ethernet = `${of.toMac}${of.fromMac}`.replaceAll(':', '') + (source.length === 4 ? '0800' : '86dd');
  return ethernet + ip.toString('hex') + udp.toString('hex');
}
