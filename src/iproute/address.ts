/**
 * Addresses between text and bytes (network order), as iproute2 reads them and as inet_ntop and ll_addr_n2a write
 * them. Parsers return undefined for text that is no address.
 */
import { parseUnsigned } from './numbers.js';

/**
 * An IPv4 address of one to four parts, each decimal, octal or hexadecimal; parts left out are zero at the END
 * (iproute2's get_addr_ipv4: `10.1` is 10.1.0.0, unlike inet_aton's).
 */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length > 4) {
    return undefined;
  }
  const bytes = new Uint8Array(4);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    // A sign or a blank is strtoul's, not an address's.
    const value = hexDigit(part.charCodeAt(0)) < 0 ? undefined : parseUnsigned(part, 0, 255);
    if (value === undefined) {
      return undefined;
    }
    bytes[i] = value;
  }
  return bytes;
}

/** The 16-bit groups of one side of `::`; a dotted quad may stand for the last two when `last`. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') {
    return [];
  }
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes('.')) {
      const quad = /^(?:(?:0|[1-9][0-9]{0,2})(?:\.|$)){4}$/.test(part) ? part.split('.').map(Number) : [];
      const [a = 256, b = 256, c = 256, d = 256] = quad;
      if (a > 255 || b > 255 || c > 255 || d > 255) {
        return undefined;
      }
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** An IPv6 address as inet_pton accepts it (RFC 4291 §2.2); no zone. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (!text.includes(':') || halves.length > 2) {
    return undefined;
  }
  const [before = '', after] = halves;
  const head = parseGroups(before, after === undefined);
  const tail = after === undefined ? [] : parseGroups(after, true);
  if (head === undefined || tail === undefined) {
    return undefined;
  }
  const given = head.length + tail.length;
  if (after === undefined ? given !== 8 : given > 7) {
    return undefined;
  }
  const groups = [...head, ...new Array<number>(8 - given).fill(0), ...tail];
  return Uint8Array.from({ length: 16 }, (_, i) => ((groups[i >> 1] ?? 0) >> (i & 1 ? 0 : 8)) & 0xff);
}

/** 4 or 16 bytes. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Six octets of one or two hexadecimal digits with colons between. */
export function parseMac(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(6);
  let at = 0;
  for (let n = 0; n < 6; n++) {
    if (n > 0 && text.charCodeAt(at++) !== COLON) {
      return undefined;
    }
    const high = hexDigit(text.charCodeAt(at++));
    if (high < 0) {
      return undefined;
    }
    const low = hexDigit(text.charCodeAt(at));
    bytes[n] = low < 0 ? high : high * 16 + low;
    at += low < 0 ? 0 : 1;
  }
  return at === text.length ? bytes : undefined;
}

const COLON = 0x3a;
const ZERO = 0x30;

/** The value of a hexadecimal digit by its character code; -1 for any other, and for NaN. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= ZERO + 9) {
    return code - ZERO;
  }
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

export function formatIpv4(address: Uint8Array): string {
  return address.join('.');
}

/**
 * RFC 5952 with inet_ntop's habits: the first longest run of two or more zero groups becomes `::`, and the last 32
 * bits are dotted after `::` and `::ffff:` (IPv4-compatible, IPv4-mapped), though not for a run of seven groups.
 */
export function formatIpv6(address: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) {
      end++;
    }
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = end;
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return `::${length === 5 ? 'ffff:' : ''}${formatIpv4(address.subarray(12))}`;
  }
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** 4 or 16 bytes. */
export function formatIp(address: Uint8Array): string {
  return address.length === 4 ? formatIpv4(address) : formatIpv6(address);
}

export function formatMac(address: Uint8Array): string {
  return Array.from(address, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** `bits` ones and then zeros, `width` bytes in all. */
export function prefixMask(bits: number, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => (0xff00 >> Math.max(0, Math.min(8, bits - 8 * i))) & 0xff);
}

/** How many ones the mask begins with, when nothing but zeros follow; else, and for no ones at all, undefined. */
export function prefixLength(mask: Uint8Array): number | undefined {
  let bits = 0;
  while (bits < 8 * mask.length && ((mask[bits >> 3] ?? 0) & (0x80 >> (bits & 7))) !== 0) {
    bits++;
  }
  const expected = prefixMask(bits, mask.length);
  return bits > 0 && mask.every((byte, i) => byte === expected[i]) ? bits : undefined;
}

export function isIpMulticast(address: Uint8Array): boolean {
  const first = address[0] ?? 0;
  return address.length === 4 ? first >= 224 && first < 240 : first === 0xff;
}
