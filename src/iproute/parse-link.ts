/** `ip link …` (iplink.c of iproute2), as far as it makes, sets or deletes devices of vtep. */
import { parseMac } from './address.js';
import type { Command, LinkGeneric, OutputOptions } from './commands.js';
import { isDeviceName } from './device-name.js';
import { duplicate, duplicateOrGarbage, invalidArgument, notSupported, unknownCommand } from './errors.js';
import { HelpRequest } from './help.js';
import { findGenericWord } from './link-words.js';
import { parseInteger } from './numbers.js';
import { parseLinkSet } from './parse-link-set.js';
import { parseLinkShow } from './parse-link-show.js';
import { parseVxlan } from './parse-vxlan.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

const MIN_MTU = 68;
const MAX_MTU = 65535;

interface Reading {
  name?: string;
  dev?: string;
  mtu?: number;
  address?: Uint8Array;
  txqueuelen?: number;
  up?: boolean;
  unsupported?: string;
}

function parseName(reading: Reading, key: 'name' | 'dev', word: string): void {
  if (reading[key] !== undefined) {
    throw key === 'name' ? duplicate(key, word) : duplicateOrGarbage(key, word);
  }
  if (word === '' || /[/\s]/.test(word)) {
    throw invalidArgument(`"${key}" not a valid ifname`, word);
  }
  if (!isDeviceName(word)) {
    throw refusal('Error: Attribute failed policy validation.', 2);
  }
  reading[key] = word;
}

function parseMtu(reading: Reading, word: string): void {
  if (reading.mtu !== undefined) {
    throw duplicate('mtu', word);
  }
  const mtu = parseInteger(word);
  if (mtu === undefined) {
    throw invalidArgument('Invalid "mtu" value\n', word);
  }
  if (mtu < MIN_MTU || mtu > MAX_MTU) {
    throw refusal(`Error: MTU must be between ${MIN_MTU} and ${MAX_MTU}.`, 2);
  }
  reading.mtu = mtu;
}

function parseQueueLength(reading: Reading, word: string): void {
  if (reading.txqueuelen !== undefined) {
    throw duplicate('txqueuelen', word);
  }
  const length = parseInteger(word);
  if (length === undefined || length < 0) {
    throw invalidArgument('Invalid "txqueuelen" value\n', word);
  }
  reading.txqueuelen = length;
}

function parseAddress(reading: Reading, word: string): void {
  const address = parseMac(word);
  if (address === undefined) {
    const shorter = /^[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2})*$/.test(word);
    throw shorter
      ? refusal('Error: Provided link layer address is not Ethernet.', 2)
      : refusal(`"${wrongOctet(word)}" is invalid lladdr.`);
  }
  if (((address[0] ?? 0) & 1) !== 0 || address.every((octet) => octet === 0)) {
    throw refusal('Error: Provided Ethernet address is not unicast.', 2);
  }
  reading.address = address;
}

/** One word before `type`, and its argument. */
function parseGeneric(reader: WordReader, reading: Reading): void {
  const found = findGenericWord(reader.word);
  if (found === undefined) {
    parseName(reading, 'dev', reader.is('dev') ? reader.advance() : reader.word);
    reader.skip();
    return;
  }
  const argument = found.takesArgument ? reader.advance() : '';
  switch (found.name) {
    case 'up':
    case 'down':
      reading.up = found.name === 'up';
      break;
    case 'name':
      parseName(reading, 'name', argument);
      break;
    case 'address':
      parseAddress(reading, argument);
      break;
    case 'mtu':
      parseMtu(reading, argument);
      break;
    case 'txqueuelen':
    case 'txqlen':
    case 'qlen':
      parseQueueLength(reading, argument);
      break;
    case 'help':
      throw new HelpRequest('ip link');
    default:
      reading.unsupported ??= found.name;
  }
  reader.skip();
}

/** Where the argument of `type` stands; the length of the line when there is none. */
function findType(reader: WordReader): number {
  const { words } = reader;
  let at = reader.position;
  while (at < words.length) {
    const found = findGenericWord(words[at] ?? '');
    if (found?.name === 'type') {
      return at + 1;
    }
    at += found?.takesArgument === true || words[at] === 'dev' ? 2 : 1;
  }
  return words.length;
}

function linkOf({ name, dev, mtu, address, txqueuelen, up }: Reading): LinkGeneric {
  if (name !== undefined && dev !== undefined) {
    throw refusal('both "name" and "dev" cannot be used when creating devices.', 255);
  }
  const chosen = name ?? dev;
  if (chosen === undefined) {
    throw refusal('vtep: a device needs a name: ip link add NAME type …', 255);
  }
  return {
    name: chosen,
    ...(mtu !== undefined && { mtu }),
    ...(address !== undefined && { address }),
    ...(txqueuelen !== undefined && { txqueuelen }),
    ...(up !== undefined && { up }),
  };
}

function parseTapWords(reader: WordReader): boolean {
  const persist = reader.is('persist');
  if (persist) {
    reader.skip();
  }
  if (reader.more) {
    throw reader.abbreviates('help')
      ? new HelpRequest('ip link')
      : refusal(`Garbage instead of arguments "${reader.word} ...". Try "ip link help".`);
  }
  return persist;
}

/** Undefined: a device of another type, which is the host's. */
function parseAdd(reader: WordReader): Command | undefined {
  const type = reader.words[findType(reader)];
  if (type !== undefined && type !== 'vxlan' && type !== 'tap') {
    return undefined;
  }
  const reading: Reading = {};
  while (reader.more && findGenericWord(reader.word)?.name !== 'type') {
    parseGeneric(reader, reading);
  }
  if (!reader.more) {
    throw refusal('Not enough information: "type" argument is required');
  }
  reader.advance();
  reader.skip();
  const { unsupported } = reading;
  if (type === 'tap') {
    const persist = parseTapWords(reader);
    refuseGeneric(unsupported);
    return { kind: 'link-add-tap', link: linkOf(reading), persist };
  }
  const options = parseVxlan(reader);
  refuseGeneric(unsupported);
  return { kind: 'link-add-vxlan', link: linkOf(reading), ...options };
}

function refuseGeneric(word: string | undefined): void {
  if (word !== undefined) {
    throw notSupported(`"${word}" in ip link add`);
  }
}

/** Undefined: a group of devices. */
function parseDelete(reader: WordReader): Command | undefined {
  let name: string | undefined;
  for (; reader.more; reader.skip()) {
    const found = findGenericWord(reader.word);
    if (found?.name === 'type') {
      break;
    }
    if (found?.name === 'group') {
      return undefined;
    }
    if (found?.name === 'help') {
      throw new HelpRequest('ip link');
    }
    const dev = reader.is('dev') ? reader.advance() : reader.word;
    if (name !== undefined) {
      throw duplicateOrGarbage('dev', dev);
    }
    name = dev;
  }
  if (name === undefined) {
    throw refusal('Not enough information: "dev" argument is required.', 255);
  }
  return { kind: 'link-del', name };
}

export const linkVerbs = [
  'add',
  'set',
  'change',
  'replace',
  'delete',
  'show',
  'lst',
  'list',
  'xstats',
  'afstats',
  'property',
  'help',
] as const;

/** Undefined: the line is the host's. `argv`: the line without the tool's name. */
export function parseLink(reader: WordReader, argv: readonly string[], output: OutputOptions): Command | undefined {
  const verb = reader.more ? findKeyword(reader.word, linkVerbs) : 'list';
  if (verb === undefined) {
    throw unknownCommand(reader.word, 'ip link', linkVerbs);
  }
  reader.skip();
  switch (verb) {
    case 'add':
    case 'replace':
      return parseAdd(reader);
    case 'delete':
      return parseDelete(reader);
    case 'set':
    case 'change':
      return parseLinkSet(reader, argv);
    case 'show':
    case 'lst':
    case 'list':
      return parseLinkShow(reader, argv, output);
    case 'help':
      throw new HelpRequest('ip link');
    default:
      return undefined;
  }
}

/** The part of an address that is no octet, or else the whole (ll_addr_a2n). */
function wrongOctet(word: string): string {
  return word.split(':').find((octet) => !/^[0-9a-f]{1,2}$/i.test(octet)) ?? word;
}
