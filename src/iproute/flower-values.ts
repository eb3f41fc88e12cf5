/**
 * How the values of flower's keys are read from and written to text: one entry for each kind of value. Numbers are
 * read in the bases that tc uses (ip_proto and masks of tos and ttl are hexadecimal, ports decimal).
 */
import { formatIp, formatMac, parseIpv4, parseIpv6, parseMac, prefixLength, prefixMask } from './address.js';
import type { FlowerKey } from './commands.js';
import { isDeviceName } from './device-name.js';
import { invalidArgument } from './errors.js';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP } from './ether-type.js';
import { headerValues } from './flower-header-values.js';
import type { FlowerKeyRow, FlowerValueKind } from './flower-keys.js';
import {
  exact,
  type FlowerContext,
  type FlowerValue,
  type FormattedValue,
  type MaskedValue,
  splitMask,
} from './flower-value.js';
import { fromBytes, parseUnsigned, toBytes } from './numbers.js';
import { abbreviates, refusal } from './word-reader.js';

export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;

/** In tc's order of precedence for abbreviations. */
const ipProtocols: readonly (readonly [string, number])[] = [
  ['tcp', IPPROTO_TCP],
  ['udp', IPPROTO_UDP],
  ['sctp', IPPROTO_SCTP],
  ['icmp', IPPROTO_ICMP],
  ['icmpv6', IPPROTO_ICMPV6],
];

const etherTypeNames = new Map([
  [ETH_P_IP, 'ipv4'],
  [ETH_P_IPV6, 'ipv6'],
  [ETH_P_ARP, 'arp'],
  [ETH_P_RARP, 'rarp'],
]);

function parseMaskedMac(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const value = parseMac(text);
  if (value === undefined || maskText === undefined) {
    return value && exact(value);
  }
  const bits = parseUnsigned(maskText, 10, 48);
  const mask = bits === undefined ? parseMac(maskText) : prefixMask(bits, 6);
  return mask && { value, mask };
}

function parsePrefix(word: string, family: 4 | 6 | undefined): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const isIpv6 = family === undefined ? text.includes(':') : family === 6;
  const value = isIpv6 ? parseIpv6(text) : parseIpv4(text);
  if (value === undefined || maskText === undefined) {
    return value && exact(value);
  }
  const bits = parseUnsigned(maskText, 0, 8 * value.length);
  if (bits !== undefined) {
    return { value, mask: prefixMask(bits, value.length) };
  }
  const mask = isIpv6 || !maskText.includes('.') ? undefined : parseIpv4(maskText);
  const contiguous = mask !== undefined && (prefixLength(mask) !== undefined || fromBytes(mask) === 0);
  return contiguous ? { value, mask } : undefined;
}

function parseAddress(word: string, context: FlowerContext, row: FlowerKeyRow): MaskedValue {
  const family = row.needs === undefined ? undefined : row.needs === 'arp' || context.etherType === ETH_P_IP ? 4 : 6;
  const parsed = parsePrefix(word, family);
  if (parsed === undefined) {
    const name = family === undefined ? 'any valid' : family === 4 ? 'inet' : 'inet6';
    throw refusal(`Error: ${name} prefix is expected rather than "${word}".`);
  }
  return parsed;
}

function parseIpProto(word: string, context: FlowerContext): MaskedValue | undefined {
  const named = ipProtocols.find(([name]) => abbreviates(word, name))?.[1];
  const wrongFamily =
    (named === IPPROTO_ICMP && context.etherType !== ETH_P_IP) ||
    (named === IPPROTO_ICMPV6 && context.etherType !== ETH_P_IPV6);
  if (wrongFamily) {
    throw refusal('Illegal "eth_type" for ip proto\nIllegal "ip_proto"');
  }
  const value = named ?? parseUnsigned(word, 16, 0xff);
  return value === undefined ? undefined : exact(toBytes(value, 1));
}

/** N in decimal alone, and then not 0; with a mask, both as C writes numbers. A range has a kind of its own. */
function parsePort(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  if (maskText === undefined && /^\+?0+$/.test(text)) {
    return undefined;
  }
  const base = maskText === undefined ? 10 : 0;
  const value = parseUnsigned(text, base, 0xffff);
  const mask = maskText === undefined ? 0xffff : parseUnsigned(maskText, 0, 0xffff);
  if (value === undefined || mask === undefined) {
    return undefined;
  }
  return mask === 0xffff ? exact(toBytes(value, 2)) : { value: toBytes(value, 2), mask: toBytes(mask, 2) };
}

function parseTosTtl(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const value = parseUnsigned(text, 10, 0xff) ?? parseUnsigned(text, 16, 0xff);
  const mask = maskText === undefined ? 0xff : parseUnsigned(maskText, 16, 0xff);
  return value === undefined || mask === undefined ? undefined : { value: toBytes(value, 1), mask: toBytes(mask, 1) };
}

function parseDevice(word: string): MaskedValue {
  if (!isDeviceName(word)) {
    throw invalidArgument('"indev" not a valid ifname', word);
  }
  return { value: Uint8Array.from(Buffer.from(word)), mask: new Uint8Array(0) };
}

function parseNumber(base: 0 | 10, width: number): (word: string) => MaskedValue | undefined {
  return (word) => {
    const value = parseUnsigned(word, base, 256 ** width - 1);
    return value === undefined ? undefined : exact(toBytes(value, width));
  };
}

function maskSuffix(mask: Uint8Array, format: (mask: Uint8Array) => string): string {
  const bits = prefixLength(mask);
  return bits === undefined ? `/${format(mask)}` : bits < 8 * mask.length ? `/${bits}` : '';
}

function formatMasked(format: (bytes: Uint8Array) => string): (key: FlowerKey) => FormattedValue {
  return ({ value, mask }) => ({ type: 'string', text: format(value) + maskSuffix(mask, format) });
}

function formatNumber({ value, mask }: FlowerKey): FormattedValue {
  const number = fromBytes(value);
  return mask.every((byte) => byte === 0xff)
    ? { type: 'number', value: number }
    : { type: 'number', value: number, mask: fromBytes(mask) };
}

function formatEtherTypeKey({ value }: FlowerKey): FormattedValue {
  const etherType = fromBytes(value);
  return { type: 'string', text: etherTypeNames.get(etherType) ?? etherType.toString(16).padStart(4, '0') };
}

function formatIpProto({ value }: FlowerKey): FormattedValue {
  const proto = fromBytes(value);
  const name = ipProtocols.find(([, number]) => number === proto)?.[0];
  return { type: 'string', text: name ?? proto.toString(16).padStart(2, '0') };
}

/** By kind. */
export const flowerValues: Record<FlowerValueKind, FlowerValue> = {
  device: { parse: parseDevice, format: ({ value }) => ({ type: 'string', text: Buffer.from(value).toString() }) },
  mac: { parse: parseMaskedMac, format: formatMasked(formatMac) },
  // Never typed: `protocol` gives it.
  'ether-type': { parse: () => undefined, format: formatEtherTypeKey },
  'ip-proto': { parse: parseIpProto, format: formatIpProto },
  'ip-address': { parse: parseAddress, format: formatMasked(formatIp) },
  port: { parse: parsePort, format: formatNumber },
  'plain-port': { parse: parseNumber(10, 2), format: formatNumber },
  u32: { parse: parseNumber(10, 4), format: formatNumber },
  u8: { parse: parseNumber(10, 1), format: formatNumber },
  'tos-ttl': { parse: parseTosTtl, format: formatNumber },
  ...headerValues,
};
