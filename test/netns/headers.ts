/** Headers in hex, field by field, for frames that differ in one. Lengths and IPv4 header checksums are right. */

export function hex(value: number, bytes: number): string {
  return value.toString(16).padStart(bytes * 2, '0');
}

export function mac(address: string): string {
  return address.replaceAll(':', '');
}

export function ip4(address: string): string {
  return address
    .split('.')
    .map((part) => hex(Number(part), 1))
    .join('');
}

/** An address of the form fd00::N. */
export function ip6(last: number): string {
  return `fd${hex(last, 15)}`;
}

/** A tag and the type behind it; the tag's own type stands before. */
export function tag(id: number, priority: number, type: number): string {
  return hex((priority << 13) | id, 2) + hex(type, 2);
}

export interface Ipv4Fields {
  readonly protocol?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly tos?: number;
  readonly ttl?: number;
  /** Flags and offset as they stand in the header. */
  readonly fragment?: number;
}

export function ipv4(payload: string, fields: Ipv4Fields = {}): string {
  const { protocol = 17, source = '10.0.0.1', destination = '10.0.0.2', tos = 0, ttl = 64, fragment = 0 } = fields;
  const head = (checksum: number): string =>
    [
      ...['45', hex(tos, 1), hex(20 + payload.length / 2, 2), '0001', hex(fragment, 2)],
      ...[hex(ttl, 1), hex(protocol, 1), hex(checksum, 2), ip4(source), ip4(destination)],
    ].join('');
  let sum = 0;
  for (const [word = ''] of head(0).matchAll(/.{4}/g)) sum += Number.parseInt(word, 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return head(~sum & 0xffff) + payload;
}

export function ipv6(payload: string, next: number, source = 1, destination = 2, traffic = 0, hops = 64): string {
  const first = hex(((0x60 << 4) | traffic) << 4, 2);
  return `${first}0000${hex(payload.length / 2, 2)}${hex(next, 1)}${hex(hops, 1)}${ip6(source)}${ip6(destination)}${payload}`;
}

export function udp(source: number, destination: number, payload = '0011223344556677'): string {
  return `${hex(source, 2)}${hex(destination, 2)}${hex(8 + payload.length / 2, 2)}0000${payload}`;
}

export function tcp(source: number, destination: number, flags = 0x10): string {
  return `${hex(source, 2)}${hex(destination, 2)}0000000100000001${hex(0x5000 | flags, 2)}040000000000`;
}

/** SCTP (RFC 9260): ports, tag, checksum; no chunk. */
export function sctp(source: number, destination: number): string {
  return `${hex(source, 2)}${hex(destination, 2)}0000000000000000`;
}

export function icmp(type: number, code: number): string {
  return `${hex(type, 1)}${hex(code, 1)}000000010001`;
}

export function arp(
  operation: number,
  sender: readonly [mac: string, ip: string],
  target: readonly [mac: string, ip: string],
): string {
  return `0001080006 04${hex(operation, 2)}${mac(sender[0])}${ip4(sender[1])}${mac(target[0])}${ip4(target[1])}`.replace(
    ' ',
    '',
  );
}
