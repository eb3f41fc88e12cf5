/**
 * `… type vxlan OPTIONS` of `ip link add` and `ip link set` (iplink_vxlan.c of iproute2, 7.1's words included). Every
 * option is taken; what the daemon cannot do is its own to refuse (`unsupportedVxlan`).
 */
import { isIpMulticast, parseIp } from './address.js';
import { checkVxlan } from './change-vxlan.js';
import { isDeviceName } from './device-name.js';
import { parseDsField } from './ds-field.js';
import { duplicateOrGarbage, invalidArgument } from './errors.js';
import { HelpRequest } from './help.js';
import { isMirrorDefault, mirrorReasons, mirrorWords, readMirrorWord } from './mirror-words.js';
import { parseUnsigned, parseUnsigned64 } from './numbers.js';
import { suggest } from './suggest.js';
import {
  VXLAN_AGEING,
  VXLAN_GPE_PORT,
  VXLAN_PORT,
  VXLAN_RESERVED_BITS,
  type VxlanChanges,
  type VxlanOptions,
  vxlanSwitches,
} from './vxlan-options.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

export const dstportNote = `vxlan: destination port not specified: vtep uses ${VXLAN_PORT}, the port that IANA assigned (the kernel would use 8472)`;

/** In iproute2's order of precedence. A second name of an option follows its first one and a `/`. */
export const vxlanWords: readonly string[] = [
  ...['id/vni', 'group', 'remote', 'local', 'dev', 'ttl/hoplimit', 'tos/dsfield', 'df', 'label/flowlabel'],
  ...['ageing', 'maxaddress', 'port/srcport', 'dstport', 'nolearning', 'learning', 'noproxy', 'proxy', 'norsc', 'rsc'],
  ...['nol2miss', 'l2miss', 'nol3miss', 'l3miss', 'udpcsum', 'noudpcsum', 'udp6zerocsumtx', 'noudp6zerocsumtx'],
  ...['udp6zerocsumrx', 'noudp6zerocsumrx', 'remcsumtx', 'noremcsumtx', 'remcsumrx', 'noremcsumrx', 'external'],
  ...['noexternal', 'gbp', 'gpe', 'vnifilter', 'novnifilter', 'localbypass', 'nolocalbypass', 'reserved_bits'],
  ...['underlay', ...mirrorWords, 'help'],
];

/** The TOS that means "the inner header's" to the kernel. */
const TOS_INHERIT = 1;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Reading {
  /** Under their names as noticed for duplicates. */
  readonly seen: Set<string>;
  readonly flags: Map<string, boolean>;
  /** What external and (no)learning come to, the later word winning. */
  learning?: boolean;
  isGroup: boolean;
  readonly values: Writable<VxlanChanges>;
}

function once(reading: Reading, key: string, word: string, shown = key): void {
  if (reading.seen.has(key)) {
    throw duplicateOrGarbage(shown, word);
  }
  reading.seen.add(key);
}

function parseAddress(text: string, other: Uint8Array | undefined, kind: string, wantMulticast: boolean): Uint8Array {
  if (text === 'any') {
    throw invalidArgument(`invalid ${kind} address`, text);
  }
  const address = parseIp(text);
  if (address === undefined || (other !== undefined && other.length !== address.length)) {
    const family = other === undefined ? 'any valid' : other.length === 4 ? 'inet' : 'inet6';
    throw refusal(`Error: ${family} address is expected rather than "${text}".`);
  }
  if (isIpMulticast(address) !== wantMulticast) {
    throw invalidArgument(`invalid ${kind} address`, text);
  }
  return address;
}

function parseRange(reader: WordReader, low: string): readonly [number, number] {
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
  return [min, max];
}

function parseTtl(text: string): number | 'inherit' {
  if (text === 'inherit') {
    return text;
  }
  const ttl = text === 'auto' ? 0 : parseUnsigned(text, 0, 0xffffffff);
  if (ttl === undefined || ttl > 255) {
    throw invalidArgument(ttl === undefined ? 'invalid TTL' : 'TTL must be <= 255', text);
  }
  return ttl;
}

function parseTos(text: string): number | 'inherit' {
  const tos = text === 'inherit' ? TOS_INHERIT : parseDsField(text);
  if (tos === undefined) {
    throw invalidArgument('bad TOS value', text);
  }
  return tos === TOS_INHERIT ? 'inherit' : tos;
}

function parseNumber(text: string, reason: string, max: number, zeroWord?: string): number {
  const value = text === zeroWord ? 0 : parseUnsigned(text, 0, max);
  if (value === undefined) {
    throw invalidArgument(reason, text);
  }
  return value;
}

function parseRemote(reading: Reading, name: 'group' | 'remote', text: string): void {
  once(reading, 'remote', text, name);
  reading.isGroup = name === 'group';
  reading.values.remote = parseAddress(text, reading.values.local, name, reading.isGroup);
}

function parseValue(name: string, text: string, reader: WordReader, { values }: Reading): void {
  switch (name) {
    case 'id':
      if (text === 'any') values.anyVni = true;
      else values.id = parseNumber(text, 'invalid id', 0xffffff);
      break;
    case 'local':
      values.local = parseAddress(text, values.remote, name, false);
      break;
    case 'dev':
      if (!isDeviceName(text)) {
        throw refusal(`Cannot find device "${text}"`, 255);
      }
      values.dev = text;
      break;
    case 'ttl':
      values.ttl = parseTtl(text);
      break;
    case 'tos':
      values.tos = parseTos(text);
      break;
    case 'df':
      if (text !== 'unset' && text !== 'set' && text !== 'inherit') {
        throw invalidArgument("DF must be 'unset', 'set' or 'inherit'", text);
      }
      values.df = text;
      break;
    case 'flowlabel':
      values.flowlabel = parseNumber(text, 'invalid flowlabel', 0xfffff);
      break;
    case 'maxaddress':
      values.maxaddress = parseNumber(text, 'max addresses', 0xffffffff, 'unlimited');
      break;
    case 'underlay':
      if (text !== 'udp' && text !== 'raw' && text !== 'pcap') {
        throw invalidArgument("underlay must be 'udp', 'raw' or 'pcap'", text);
      }
      values.underlay = text;
      break;
    case 'reserved_bits':
      values.reservedBits = parseUnsigned64(text);
      if (values.reservedBits === undefined) {
        throw invalidArgument('reserved_bits', text);
      }
      break;
    case 'ageing':
      values.ageing = parseNumber(text, 'ageing timer', 0xffffffff, 'none') || VXLAN_AGEING;
      break;
    case 'srcport':
      values.srcport = parseRange(reader, text);
      break;
    case 'tap-prefix':
    case 'max-taps':
    case 'tap-idle':
    case 'tap-offload':
      if (!readMirrorWord(name, text, values)) {
        throw invalidArgument(mirrorReasons[name], text);
      }
      break;
    default:
      values.dstport = parseNumber(text, 'dst port', 0xffff);
  }
}

/** The name under which a second giving of an option is noticed, and under which iproute2 speaks of it. */
const valueNames = new Map<string, string>([
  ['id/vni', 'id'],
  ['ttl/hoplimit', 'ttl'],
  ['tos/dsfield', 'tos'],
  ['label/flowlabel', 'flowlabel'],
  ['port/srcport', 'srcport'],
  ...['local', 'dev', 'df', 'ageing', 'maxaddress', 'dstport', 'reserved_bits', 'underlay', ...mirrorWords].map(
    (name) => [name, name] as const,
  ),
]);

function parseFlag(found: string, word: string, reading: Reading): void {
  const flag = found.replace(/^no/, '');
  once(reading, flag, word, word);
  const value = flag === found;
  reading.flags.set(flag, value);
  if (flag === 'learning') {
    reading.learning = value;
  } else if (found === 'external') {
    reading.learning = false;
  }
}

function parseWord(reader: WordReader, reading: Reading): void {
  const { word } = reader;
  const found = vxlanWords.find((entry) => findKeyword(word, entry.split('/')) !== undefined);
  if (found === undefined) {
    throw refusal(`vxlan: unknown command "${word}"?${suggest(word, vxlanWords.join('/').split('/'))}`);
  }
  if (found === 'help') {
    throw new HelpRequest('ip link vxlan');
  }
  const valueName = valueNames.get(found);
  if (found === 'group' || found === 'remote') {
    const text = reader.advance();
    if (reading.values.remote !== undefined && reading.isGroup !== (found === 'group')) {
      throw refusal('vxlan: both group and remote cannot be specified');
    }
    parseRemote(reading, found, text);
  } else if (valueName !== undefined) {
    const text = reader.advance();
    once(reading, valueName, text);
    parseValue(valueName, text, reader, reading);
  } else {
    parseFlag(found, word, reading);
  }
  reader.skip();
}

/** What iproute2 checks at the end of the line. */
function checkTogether({ flags, isGroup, values }: Reading, isSet: boolean): void {
  const external = flags.get('external') === true;
  if (external && values.id !== undefined) {
    throw refusal("vxlan: both 'external' and vni cannot be specified");
  }
  if (flags.get('vnifilter') === true && !external) {
    throw refusal("vxlan: vnifilter is valid only when 'external' is set");
  }
  if (!external && values.id === undefined && values.anyVni === undefined && !isSet) {
    throw refusal('vxlan: missing virtual network identifier');
  }
  if (isGroup && values.dev === undefined) {
    throw refusal("vxlan: 'group' requires 'dev' to be specified");
  }
  if (!isSet && values.underlay === 'pcap' && values.dev === undefined) {
    throw refusal("vxlan: 'underlay pcap' requires 'dev' to be specified");
  }
}

function read(reader: WordReader, isSet: boolean): Reading {
  if (!reader.more) {
    throw refusal('Error: Required attributes not provided to perform the operation.', 2);
  }
  const reading: Reading = { seen: new Set(), flags: new Map(), isGroup: false, values: {} };
  while (reader.more) {
    parseWord(reader, reading);
  }
  checkTogether(reading, isSet);
  return reading;
}

/** Whether a value says no more than the default does. */
function isNeutral(name: string, value: unknown): boolean {
  switch (name) {
    case 'ageing':
      return value === VXLAN_AGEING;
    case 'df':
      return value === 'unset';
    case 'underlay':
      return value === 'udp';
    case 'srcport':
      return Array.isArray(value) && value[1] === 0;
    case 'reservedBits':
      return value instanceof Uint8Array && value.every((byte, i) => byte === VXLAN_RESERVED_BITS[i]);
    case 'id':
      return false;
    default:
      return isMirrorDefault(name, value) ?? value === 0;
  }
}

/** Reads to the end of the line of `ip link add`. */
export function parseVxlan(reader: WordReader): { readonly vxlan: VxlanOptions; readonly notes: readonly string[] } {
  const { flags, values, learning } = read(reader, false);
  const external = flags.get('external') === true || values.anyVni === true;
  const gpe = flags.get('gpe') === true;
  // iproute2 takes `gpe dstport 0` for 0, and the kernel that for 4790.
  const { dstport = 0, ...others } = values;
  const stated = Object.entries(others).filter(([name, value]) => !isNeutral(name, value));
  const switches = vxlanSwitches.filter((name) => flags.get(name) === true).map((name) => [name, true] as const);
  const vxlan: VxlanOptions = {
    ...Object.fromEntries(stated),
    ...Object.fromEntries(switches),
    external,
    dstport: dstport || (gpe ? VXLAN_GPE_PORT : VXLAN_PORT),
    ...(learning !== undefined && learning === external && { learning }),
    ...(flags.get('localbypass') === false && { localbypass: false }),
    udpcsum: flags.get('udpcsum') ?? true,
    udp6zerocsumtx: flags.get('udp6zerocsumtx') ?? false,
    udp6zerocsumrx: flags.get('udp6zerocsumrx') ?? false,
  };
  checkVxlan(vxlan);
  return { vxlan, notes: dstport === 0 && !gpe ? [dstportNote] : [] };
}

/** Reads to the end of the line of `ip link set`. Ports 0 say nothing, as iproute2 has it. */
export function parseVxlanChanges(reader: WordReader): VxlanChanges {
  const { flags, values, learning } = read(reader, true);
  const { dstport = 0, srcport, ...others } = values;
  const port = dstport || (flags.get('gpe') === true && values.dstport === undefined ? VXLAN_GPE_PORT : 0);
  return {
    ...others,
    ...Object.fromEntries(flags),
    ...(port !== 0 && { dstport: port }),
    ...(srcport !== undefined && srcport[1] !== 0 && { srcport }),
    ...(flags.has('learning') && learning !== undefined && { learning }),
  };
}
