/** Values of what else headers hold, of flower's keys: tags, ARP, ICMP, flags, the group policy, ranges of ports. */

import { GBP_MASK } from '../wire/vxlan-extensions.js';
import type { FlowerKey } from './commands.js';
import { invalidArgument } from './errors.js';
import { formatEtherType, parseEtherType } from './ether-type.js';
import type { FlowerValueKind } from './flower-keys.js';
import {
  exact,
  type FlowerContext,
  type FlowerValue,
  type FormattedValue,
  type MaskedValue,
  splitMask,
} from './flower-value.js';
import { fromBytes, parseUnsigned, toBytes } from './numbers.js';
import { refusal } from './word-reader.js';

const PORT_RANGE = /^([0-9]{1,5})-([0-9]{1,5})$/;
const TCP_FLAGS = 0xfff;
const ARP_OPERATIONS: readonly (readonly [string, number])[] = [
  ['request', 1],
  ['reply', 2],
];

/** In order of their bits, from the lowest. */
const IP_FLAGS = ['frag', 'firstfrag'];
const ENC_FLAGS = ['tuncsum', 'tundf', 'tunoam', 'tuncrit'];

function parseSmall(width: number, last: number): FlowerValue['parse'] {
  return (word) => {
    const value = parseUnsigned(word, 10, last);
    return value === undefined ? undefined : exact(toBytes(value, width));
  };
}

function formatSmall({ value }: FlowerKey): FormattedValue {
  return { type: 'number', value: fromBytes(value) };
}

function parseVlanEtherType(word: string): MaskedValue {
  const etherType = parseEtherType(word);
  if (etherType === undefined) {
    throw invalidArgument('invalid vlan_ethtype', word);
  }
  return exact(toBytes(etherType, 2));
}

function parseMaskedByte(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const value = parseUnsigned(text, 10, 0xff);
  const mask = maskText === undefined ? 0xff : parseUnsigned(maskText, 10, 0xff);
  return value === undefined || mask === undefined ? undefined : { value: toBytes(value, 1), mask: toBytes(mask, 1) };
}

function formatMaskedByte({ value, mask }: FlowerKey): FormattedValue {
  const bits = fromBytes(mask);
  return { type: 'string', text: bits === 0xff ? `${fromBytes(value)}` : `${fromBytes(value)}/${bits}` };
}

/** A name or a number of the two operations, or 0, which stands for none. */
function parseArpOperation(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const named = ARP_OPERATIONS.find(([name]) => name === text)?.[1];
  const parsed = parseMaskedByte(maskText === undefined ? `${named ?? text}` : `${named ?? text}/${maskText}`);
  return parsed === undefined || fromBytes(parsed.value) > 2 ? undefined : parsed;
}

function formatArpOperation(key: FlowerKey): FormattedValue {
  const name = ARP_OPERATIONS.find(([, operation]) => operation === fromBytes(key.value))?.[0];
  return fromBytes(key.mask) === 0xff && name !== undefined ? { type: 'string', text: name } : formatMaskedByte(key);
}

function parseTcpFlags(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const value = parseUnsigned(text, 16, TCP_FLAGS);
  const mask = maskText === undefined ? TCP_FLAGS : parseUnsigned(maskText, 16, TCP_FLAGS);
  return value === undefined || mask === undefined ? undefined : { value: toBytes(value, 2), mask: toBytes(mask, 2) };
}

function formatTcpFlags({ value, mask }: FlowerKey): FormattedValue {
  return { type: 'string', text: `0x${fromBytes(value).toString(16)}/${fromBytes(mask).toString(16)}` };
}

/** The bits that the kernel knows of it, which is what it prints. */
function parseGbp(word: string): MaskedValue | undefined {
  const [text, maskText] = splitMask(word);
  const value = parseUnsigned(text, 0, 0xffffffff);
  const mask = maskText === undefined ? GBP_MASK : parseUnsigned(maskText, 0, 0xffffffff);
  return value === undefined || mask === undefined
    ? undefined
    : { value: toBytes(value & GBP_MASK, 4), mask: toBytes(mask & GBP_MASK, 4) };
}

/** `frag/nofirstfrag`: what is named is matched, together with what an earlier word of the key named. */
function parseFlags(names: readonly string[]): FlowerValue['parse'] {
  return (word: string, { before }: FlowerContext): MaskedValue | undefined => {
    let value = before === undefined ? 0 : fromBytes(before.value);
    let mask = before === undefined ? 0 : fromBytes(before.mask);
    for (const flag of word.split('/').filter((part) => part !== '')) {
      const isSet = !flag.startsWith('no');
      const bit = 1 << names.indexOf(isSet ? flag : flag.slice(2));
      if (!names.includes(isSet ? flag : flag.slice(2))) {
        return undefined;
      }
      value = isSet ? value | bit : value & ~bit;
      mask |= bit;
    }
    return { value: toBytes(value, 4), mask: toBytes(mask, 4) };
  };
}

function formatFlags(names: readonly string[]): FlowerValue['format'] {
  return ({ value, mask }) => ({
    type: 'flags',
    flags: names
      .map((name, n) => [name, (fromBytes(value) & (1 << n)) !== 0, (fromBytes(mask) & (1 << n)) !== 0] as const)
      .filter(([, , isMatched]) => isMatched)
      .map(([name, isSet]) => [name, isSet]),
  });
}

/** FIRST-LAST in decimal, in ascending order and from 1 on; undefined where the word is no range. */
export function parsePortRange(word: string, name: string): MaskedValue | undefined {
  const [, first, last] = PORT_RANGE.exec(word) ?? [];
  if (first === undefined || Number(first) === 0 || Number(first) > 0xffff || Number(last) > 0xffff) {
    return undefined;
  }
  if (Number(last) <= Number(first)) {
    throw refusal(`max value should be greater than min value\nIllegal "${name}"`);
  }
  return exact(toBytes(Number(first) * 0x10000 + Number(last), 4));
}

export const headerValues = {
  'vlan-id': { parse: parseSmall(2, 0xfff), format: formatSmall },
  'vlan-prio': { parse: parseSmall(1, 7), format: formatSmall },
  'vlan-ethtype': {
    parse: parseVlanEtherType,
    format: ({ value }) => ({ type: 'string', text: formatEtherType(fromBytes(value)) }),
  },
  'masked-u8': { parse: parseMaskedByte, format: formatMaskedByte },
  'tcp-flags': { parse: parseTcpFlags, format: formatTcpFlags },
  'arp-op': { parse: parseArpOperation, format: formatArpOperation },
  gbp: {
    parse: parseGbp,
    format: ({ value, mask }) => ({ type: 'gbp', value: fromBytes(value), mask: fromBytes(mask) }),
  },
  'ip-flags': { parse: parseFlags(IP_FLAGS), format: formatFlags(IP_FLAGS) },
  'enc-flags': { parse: parseFlags(ENC_FLAGS), format: formatFlags(ENC_FLAGS) },
  'port-range': {
    parse: (word, _context, row) => parsePortRange(word, row.name),
    format: ({ value }) => {
      const both = fromBytes(value);
      return { type: 'range', start: Math.floor(both / 0x10000), end: both % 0x10000 };
    },
  },
} satisfies Partial<Record<FlowerValueKind, FlowerValue>>;
