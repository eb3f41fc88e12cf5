/** Every checksum of a frame made anew, by the letter of the RFCs, with nothing of the code under test. */

/** RFC 1071, over bytes that are padded with a zero. */
function ones(...parts: readonly Buffer[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** CRC32c (RFC 9260, appendix A), a bit at a time. */
function crc(bytes: Buffer): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const isOne = ((rest ^ (byte >> bit)) & 1) === 1;
      rest = isOne ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
    }
  }
  return ~rest >>> 0;
}

/** Where the checksum stands in the header of a transport protocol. */
const FIELDS: ReadonlyMap<number, number> = new Map([
  [1, 2],
  [2, 2],
  [6, 16],
  [17, 6],
  [58, 2],
  [132, 8],
  [136, 6],
]);

/** The frame, in hex: IPv4 without options or IPv6 without extension headers, behind any tags, or as it is. */
export function checksummed(hex: string): string {
  const frame = Buffer.from(hex, 'hex');
  let type = 12;
  while ([0x8100, 0x88a8].includes(frame.readUInt16BE(type))) type += 4;
  const l3 = type + 2;
  const isIpv4 = frame.readUInt16BE(type) === 0x0800;
  if (!isIpv4 && frame.readUInt16BE(type) !== 0x86dd) return hex;
  if (isIpv4) {
    frame.writeUInt16BE(0, l3 + 10);
    frame.writeUInt16BE(ones(frame.subarray(l3, l3 + 20)), l3 + 10);
  }
  const protocol = frame[l3 + (isIpv4 ? 9 : 6)] ?? 0;
  const at = l3 + (isIpv4 ? 20 : 40);
  const end = isIpv4 ? l3 + frame.readUInt16BE(l3 + 2) : at + frame.readUInt16BE(l3 + 4);
  const transport = frame.subarray(at, end);
  const field = FIELDS.get(protocol);
  if (field === undefined) return frame.toString('hex');
  if (protocol === 132) {
    transport.writeUInt32LE(0, field);
    transport.writeUInt32LE(crc(transport), field);
    return frame.toString('hex');
  }
  transport.writeUInt16BE(0, field);
  const pseudo = Buffer.from([0, 0, 0, protocol, 0, 0, transport.length >> 8, transport.length & 255]);
  const addresses = isIpv4 ? frame.subarray(l3 + 12, l3 + 20) : frame.subarray(l3 + 8, l3 + 40);
  const sum = protocol === 1 || protocol === 2 ? ones(transport) : ones(addresses, pseudo, transport);
  transport.writeUInt16BE(sum === 0 && (protocol === 17 || protocol === 136) ? 0xffff : sum, field);
  return frame.toString('hex');
}
