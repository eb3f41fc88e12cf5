/** The keys of a filter as words: each key of the grammar by its kind of value, in the grammar's order. */
import { type FlowerValueKind, flowerKeys } from '../../iproute/flower-keys.js';
import { Fields, flagOf, invalid, isObject, numberOf, numberOrText, numberWord, textOf, type Words } from './words.js';

type Writer = (value: unknown, property: string) => string;

const decimal = (number: number): string => `${number}`;
const hexadecimal = (number: number): string => `0x${number.toString(16)}`;

/** A number, or a value and its mask. */
function masked(value: (number: number) => string, mask: (number: number) => string): Writer {
  return (given, property) => {
    if (!isObject(given)) return value(numberOf(given, property));
    const fields = new Fields(given, property);
    const word = `${value(fields.must('value', numberOf))}/${mask(fields.must('mask', numberOf))}`;
    fields.end();
    return word;
  };
}

function portWord(given: unknown, property: string): string {
  // tc takes a port 0 only with a mask.
  if (given === 0) return '0/0xffff';
  if (!isObject(given) || 'value' in given) return masked(decimal, hexadecimal)(given, property);
  const fields = new Fields(given, property);
  const word = `${fields.must('from', numberWord)}-${fields.must('to', numberWord)}`;
  fields.end();
  return word;
}

function flagsWord(given: unknown, property: string): string {
  if (!isObject(given)) throw invalid(property, 'it is an object of flags: { frag: true }');
  const flags = Object.entries(given).filter(([, isSet]) => isSet !== undefined);
  if (flags.length === 0) throw invalid(property, 'it names no flag');
  return flags
    .map(([name, isSet]) => `${flagOf(isSet, `${property}.${name}`) ? '' : 'no'}${textOf(name, property)}`)
    .join('/');
}

function protocolWord(given: unknown, property: string): string {
  return typeof given === 'number' ? numberOf(given, property).toString(16).padStart(2, '0') : textOf(given, property);
}

/** `eth_type` is what the protocol says, and a range is of a port. */
const writers: Record<Exclude<FlowerValueKind, 'ether-type' | 'port-range'>, Writer> = {
  device: textOf,
  mac: textOf,
  'ip-proto': protocolWord,
  'ip-address': textOf,
  port: portWord,
  'plain-port': numberWord,
  u32: numberWord,
  u8: (value, property) => (typeof value === 'boolean' ? `${Number(value)}` : numberWord(value, property)),
  'masked-u8': masked(decimal, decimal),
  'tos-ttl': masked(decimal, hexadecimal),
  'vlan-id': numberWord,
  'vlan-prio': numberWord,
  'vlan-ethtype': numberOrText,
  'tcp-flags': masked(hexadecimal, hexadecimal),
  'arp-op': (value, property) =>
    typeof value === 'string' ? textOf(value, property) : masked(decimal, decimal)(value, property),
  gbp: masked(decimal, decimal),
  'ip-flags': flagsWord,
  'enc-flags': flagsWord,
};

export function putMatch(words: Words, match: unknown, property: string): void {
  const fields = new Fields(match, property);
  for (const { name, typed = name, kind } of flowerKeys) {
    if (kind !== 'ether-type' && kind !== 'port-range') fields.put(words, name, writers[kind], typed);
  }
  fields.end();
}
