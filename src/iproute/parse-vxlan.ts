/**
 * `ip link add NAME type vxlan OPTIONS` (iplink_vxlan.c of iproute2, 7.1's words included). Every word is read and
 * checked as iproute2 does it; what vtep's external mode does not have is refused afterwards, by name.
 */
import { isIpMulticast, parseIp } from './address.js';
import type { VxlanOptions } from './commands.js';
import { isDeviceName } from './device-name.js';
import { parseDsField } from './ds-field.js';
import { duplicateOrGarbage, invalidArgument, notSupported } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

const IANA_PORT = 4789;

export const dstportNote = `vxlan: destination port not specified: vtep uses ${IANA_PORT}, the port that IANA assigned (the kernel would use 8472)`;

/** In iproute2's order of precedence. A second name of an option follows its first one and a `/`. */
const words = [
  ...['id/vni', 'group', 'remote', 'local', 'dev', 'ttl/hoplimit', 'tos/dsfield', 'df', 'label/flowlabel'],
  ...['ageing', 'maxaddress', 'port/srcport', 'dstport', 'nolearning', 'learning', 'noproxy', 'proxy', 'norsc', 'rsc'],
  ...['nol2miss', 'l2miss', 'nol3miss', 'l3miss', 'udpcsum', 'noudpcsum', 'udp6zerocsumtx', 'noudp6zerocsumtx'],
  ...['udp6zerocsumrx', 'noudp6zerocsumrx', 'remcsumtx', 'noremcsumtx', 'remcsumrx', 'noremcsumrx', 'external'],
  ...['noexternal', 'gbp', 'gpe', 'vnifilter', 'novnifilter', 'localbypass', 'nolocalbypass', 'reserved_bits', 'help'],
];

/** The flags, and the value that each has in a device made without it. Those with a default are all that vtep has. */
const flagDefaults = new Map<string, boolean>([
  ['proxy', false],
  ['rsc', false],
  ['l2miss', false],
  ['l3miss', false],
  ['remcsumtx', false],
  ['remcsumrx', false],
  ['gbp', false],
  ['gpe', false],
  ['vnifilter', false],
  ['localbypass', true],
]);

interface Reading {
  readonly seen: Map<string, string>;
  readonly flags: Map<string, boolean>;
  readonly unsupported: string[];
  local?: Uint8Array;
  remote?: Uint8Array;
  isGroup: boolean;
  dev?: string;
  ttl?: number;
  tos?: number;
  srcport?: readonly [number, number];
  dstport: number;
}

function once(reading: Reading, key: string, word: string, shown = key): void {
  if (reading.seen.has(key)) {
    throw duplicateOrGarbage(shown, word);
  }
  reading.seen.set(key, word);
}

function parseAddress(text: string, other: Uint8Array | undefined, kind: string, wantMulticast: boolean): Uint8Array {
  const address = parseIp(text);
  if (address === undefined || (other !== undefined && other.length !== address.length)) {
    const family = other === undefined ? 'any valid' : other.length === 4 ? 'inet' : 'inet6';
    throw refusal(`Error: ${family} address is expected rather than "${text}".`);
  }
  if (isIpMulticast(address) !== wantMulticast || address.every((byte) => byte === 0)) {
    throw invalidArgument(`invalid ${kind} address`, text);
  }
  return address;
}

function parseRange(reader: WordReader, reading: Reading, low: string): void {
  const min = parseUnsigned(low, 0, 0xffff);
  if (min === undefined) {
    throw invalidArgument('min port', low);
  }
  const max = reader.argument(
    (word) => parseUnsigned(word, 0, 0xffff),
    (word) => invalidArgument('max port', word),
  );
  if (max < min) {
    throw refusal('Error: Invalid source port range.', 2);
  }
  if (max > 0) {
    reading.srcport = [min, max];
  }
}

function parseTtl(text: string, reading: Reading): void {
  if (text === 'auto') {
    return;
  }
  if (text === 'inherit') {
    reading.unsupported.push('vxlan "ttl inherit"');
    return;
  }
  const ttl = parseUnsigned(text, 0, 0xffffffff);
  if (ttl === undefined || ttl > 255) {
    throw invalidArgument(ttl === undefined ? 'invalid TTL' : 'TTL must be <= 255', text);
  }
  if (ttl > 0) {
    reading.ttl = ttl;
  }
}

function parseTos(text: string, reading: Reading): void {
  if (text === 'inherit') {
    reading.unsupported.push('vxlan "tos inherit"');
    return;
  }
  const tos = parseDsField(text);
  if (tos === undefined) {
    throw invalidArgument('bad TOS value', text);
  }
  reading.tos = tos;
}

/** A number that changes nothing when it is `neutral` (or `neutralWord`), and that vtep has no use for otherwise. */
function parseForeignNumber(
  reading: Reading,
  name: string,
  text: string,
  reason: string,
  max: number,
  neutralWord?: string,
): void {
  const value = text === neutralWord ? 0 : parseUnsigned(text, 0, max);
  if (value === undefined) {
    throw invalidArgument(reason, text);
  }
  if (value !== 0) {
    reading.unsupported.push(`vxlan "${name}"`);
  }
}

function parseDf(text: string, reading: Reading): void {
  if (text !== 'unset' && text !== 'set' && text !== 'inherit') {
    throw invalidArgument("DF must be 'unset', 'set' or 'inherit'", text);
  }
  if (text !== 'unset') {
    reading.unsupported.push(`vxlan "df ${text}"`);
  }
}

function parseRemote(reading: Reading, name: 'group' | 'remote', text: string): void {
  once(reading, 'remote', text, name);
  reading.isGroup = name === 'group';
  reading.remote = parseAddress(text, reading.local, name, reading.isGroup);
  reading.unsupported.push(`vxlan "${name}"`);
}

function parseValue(name: string, text: string, reader: WordReader, reading: Reading): void {
  switch (name) {
    case 'id':
      if (parseUnsigned(text, 0, 0xffffff) === undefined) {
        throw invalidArgument('invalid id', text);
      }
      reading.unsupported.push('vxlan "id" (a device of one VNI; vtep has external ones)');
      break;
    case 'local':
      reading.local = parseAddress(text, reading.remote, name, false);
      break;
    case 'dev':
      if (!isDeviceName(text)) {
        throw refusal(`Cannot find device "${text}"`, 255);
      }
      reading.dev = text;
      break;
    case 'ttl':
      parseTtl(text, reading);
      break;
    case 'tos':
      parseTos(text, reading);
      break;
    case 'df':
      parseDf(text, reading);
      break;
    case 'flowlabel':
      parseForeignNumber(reading, name, text, 'invalid flowlabel', 0xfffff);
      break;
    case 'maxaddress':
      parseForeignNumber(reading, name, text, 'max addresses', 0xffffffff, 'unlimited');
      break;
    case 'reserved_bits':
      throw notSupported('vxlan "reserved_bits"');
    case 'ageing':
      // An external device learns nothing that could age.
      if (text !== 'none' && parseUnsigned(text, 0, 0xffffffff) === undefined) {
        throw invalidArgument('ageing timer', text);
      }
      break;
    case 'srcport':
      parseRange(reader, reading, text);
      break;
    default: {
      const port = parseUnsigned(text, 0, 0xffff);
      if (port === undefined) {
        throw invalidArgument('dst port', text);
      }
      reading.dstport = port;
    }
  }
}

/** The name under which a second giving of an option is noticed, and under which iproute2 speaks of it. */
const valueNames = new Map<string, string>([
  ['id/vni', 'id'],
  ['ttl/hoplimit', 'ttl'],
  ['tos/dsfield', 'tos'],
  ['label/flowlabel', 'flowlabel'],
  ['port/srcport', 'srcport'],
  ...['local', 'dev', 'df', 'ageing', 'maxaddress', 'dstport', 'reserved_bits'].map((name) => [name, name] as const),
]);

function parseWord(reader: WordReader, reading: Reading): void {
  const { word } = reader;
  const found = words.find((entry) => findKeyword(word, entry.split('/')) !== undefined);
  if (found === undefined) {
    throw refusal(`vxlan: unknown command "${word}"?`);
  }
  if (found === 'help') {
    throw new HelpRequest('ip link vxlan');
  }
  const valueName = valueNames.get(found);
  if (found === 'group' || found === 'remote') {
    if (reading.remote !== undefined && reading.isGroup !== (found === 'group')) {
      throw refusal('vxlan: both group and remote cannot be specified');
    }
    parseRemote(reading, found, reader.advance());
  } else if (valueName !== undefined) {
    const text = reader.advance();
    once(reading, valueName, text);
    parseValue(valueName, text, reader, reading);
  } else {
    const flag = found.replace(/^no/, '');
    once(reading, flag, word, word);
    reading.flags.set(flag, flag === found);
  }
  reader.skip();
}

/** What iproute2 checks at the end of the line, then what vtep does not have. */
function checkTogether({ seen, flags, remote, isGroup, dev, unsupported }: Reading): void {
  const external = flags.get('external') === true;
  if (external && seen.has('id')) {
    throw refusal("vxlan: both 'external' and vni cannot be specified");
  }
  if (!external && !seen.has('id')) {
    throw refusal('vxlan: missing virtual network identifier');
  }
  if (remote !== undefined && isGroup && dev === undefined) {
    throw refusal("vxlan: 'group' requires 'dev' to be specified");
  }
  if (flags.get('vnifilter') === true && !external) {
    throw refusal("vxlan: vnifilter is valid only when 'external' is set");
  }
  const [first] = unsupported;
  if (first !== undefined) {
    throw notSupported(first);
  }
  for (const [flag, byDefault] of flagDefaults) {
    if ((flags.get(flag) ?? byDefault) !== byDefault) {
      throw notSupported(`vxlan "${byDefault ? 'no' : ''}${flag}"`);
    }
  }
}

/** Reads to the end of the line. */
export function parseVxlan(reader: WordReader): { readonly vxlan: VxlanOptions; readonly notes: readonly string[] } {
  if (!reader.more) {
    throw refusal('Error: Required attributes not provided to perform the operation.', 2);
  }
  const reading: Reading = { seen: new Map(), flags: new Map(), unsupported: [], isGroup: false, dstport: 0 };
  while (reader.more) {
    parseWord(reader, reading);
  }
  checkTogether(reading);
  const { flags, local, dev, ttl, tos, srcport, dstport } = reading;
  const learning = flags.get('learning');
  const vxlan = {
    external: true,
    dstport: dstport || IANA_PORT,
    ...(dev !== undefined && { dev }),
    ...(local !== undefined && { local }),
    ...(srcport !== undefined && { srcport }),
    udpcsum: flags.get('udpcsum') ?? true,
    udp6zerocsumtx: flags.get('udp6zerocsumtx') ?? false,
    udp6zerocsumrx: flags.get('udp6zerocsumrx') ?? false,
    ...(ttl !== undefined && { ttl }),
    ...(tos !== undefined && { tos }),
    ...(learning !== undefined && { learning }),
  };
  return { vxlan, notes: dstport === 0 ? [dstportNote] : [] };
}
