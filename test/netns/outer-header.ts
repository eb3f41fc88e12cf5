/** What stands on the wire around an inner frame, read from captured frames with nothing of the code under test. */

export interface OuterHeader {
  readonly version: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly tos: number;
  readonly ttl: number;
  /** IPv4's DF; false over IPv6. */
  readonly dontFragment: boolean;
  /** IPv6's; 0 over IPv4. */
  readonly flowLabel: number;
  /** Bytes of the IP packets that it came in; more than one where it was fragmented. */
  readonly packets: readonly number[];
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly checksum: 'zero' | 'right' | 'wrong';
  /** The eight bytes of the VXLAN header, in hex. */
  readonly vxlan: string;
}

export interface Captured {
  readonly outer: OuterHeader;
  /** The inner frame, in hex. */
  readonly inner: string;
}

function sum16(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function checksumOf(addresses: Buffer, udp: Buffer): OuterHeader['checksum'] {
  if (udp.readUInt16BE(6) === 0) return 'zero';
  const pseudo = Buffer.alloc(4);
  pseudo.writeUInt16BE(17, 0);
  pseudo.writeUInt16BE(udp.length, 2);
  return sum16(Buffer.concat([addresses, pseudo, udp])) === 0xffff ? 'right' : 'wrong';
}

function finish(
  outer: Pick<OuterHeader, 'version' | 'tos' | 'ttl' | 'dontFragment' | 'flowLabel' | 'packets'>,
  addresses: Buffer,
  udp: Buffer,
): Captured {
  const half = addresses.length / 2;
  return {
    outer: {
      ...outer,
      source: addresses.toString('hex', 0, half),
      destination: addresses.toString('hex', half),
      sourcePort: udp.readUInt16BE(0),
      destinationPort: udp.readUInt16BE(2),
      checksum: checksumOf(addresses, udp),
      vxlan: udp.toString('hex', 8, 16),
    },
    inner: udp.toString('hex', 16),
  };
}

/** The VXLAN datagrams to `port` among captured frames (hex, one each), fragments put together. */
export function vxlanDatagrams(frames: readonly string[], port: number): Captured[] {
  const found: Captured[] = [];
  const parts = new Map<number, { first: Buffer; pieces: Buffer[]; packets: number[] }>();
  for (const hex of frames) {
    const frame = Buffer.from(hex, 'hex');
    const type = frame.length >= 34 ? frame.readUInt16BE(12) : 0;
    if (type === 0x0800 && frame[23] === 17) {
      const ip = frame.subarray(14, 14 + frame.readUInt16BE(16));
      const bits = ip.readUInt16BE(6);
      const id = ip.readUInt16BE(4);
      let udp: Buffer = ip.subarray(20);
      let packets = [ip.length];
      let first: Buffer = ip;
      if ((bits & 0x3fff) !== 0) {
        const known = parts.get(id) ?? { first: ip, pieces: [], packets: [] };
        parts.set(id, known);
        known.pieces.push(ip.subarray(20));
        known.packets.push(ip.length);
        if ((bits & 0x2000) !== 0) continue;
        udp = Buffer.concat(known.pieces);
        ({ first, packets } = known);
      }
      if (udp.length < 16 || udp.readUInt16BE(2) !== port) continue;
      const [tos = 0, ttl = 0] = [first[1], first[8]];
      const dontFragment = (first.readUInt16BE(6) & 0x4000) !== 0;
      const outer = { version: 4 as const, tos, ttl, dontFragment, flowLabel: 0, packets };
      found.push(finish(outer, first.subarray(12, 20), udp));
    } else if (type === 0x86dd && frame[20] === 17 && frame.length >= 70) {
      const ip = frame.subarray(14, 54 + frame.readUInt16BE(18));
      const word = ip.readUInt32BE(0);
      const udp = ip.subarray(40);
      if (udp.readUInt16BE(2) !== port) continue;
      const outer = {
        version: 6 as const,
        tos: (word >>> 20) & 0xff,
        ttl: ip[7] ?? 0,
        dontFragment: false,
        flowLabel: word & 0xfffff,
        packets: [ip.length],
      };
      found.push(finish(outer, ip.subarray(8, 40), udp));
    }
  }
  return found;
}
