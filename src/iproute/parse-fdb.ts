/** `bridge fdb …` (bridge/fdb.c of iproute2; the words of `flush` that are about vxlan as its 6.7 has them). */
import { parseIp, parseMac } from './address.js';
import { type Command, CommandError, type OutputOptions } from './commands.js';
import { duplicateOrGarbage, invalidArgument, notSupported, unknownCommand } from './errors.js';
import {
  type FdbEntry,
  type FdbFlush,
  type FdbSelector,
  type FdbState,
  fdbFlushStates,
  fdbStateWords,
} from './fdb-types.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { suggest } from './suggest.js';
import { abbreviates, findKeyword, refusal, type WordReader } from './word-reader.js';

const MAX_VNI = 0xffffff;

export const fdbVerbs = ['add', 'append', 'replace', 'delete', 'get', 'show', 'lst', 'list', 'flush', 'help'] as const;

/** Compared whole, and read first. */
export const fdbWholeWords = ['dev', 'dst', 'nhid', 'port', 'vni', 'src_vni', 'via', 'self'] as const;
/** May be abbreviated, in iproute2's order of precedence. */
export const fdbWords = [
  ...(['master', 'router', 'local', 'permanent', 'temp', 'static', 'dynamic', 'vlan', 'use'] as const),
  ...(['extern_learn', 'sticky'] as const),
] as const;

export const fdbShowWords = ['dev', 'brport', 'br', 'vlan', 'state', 'dynamic'] as const;
export const fdbGetWords = ['br', 'dev', 'brport', 'vlan', 'vni', 'self', 'master', 'dynamic'] as const;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Reading {
  dev?: string;
  mac?: string;
  dst?: Uint8Array;
  port?: number;
  vni?: number;
  srcVni?: number;
  via?: string;
  nhid: boolean;
  vlan: boolean;
  self: boolean;
  master: boolean;
  permanent: boolean;
  /** `static` and `dynamic` say it both, and `dynamic` alone that the entry ages. */
  reachable: boolean;
  ages: boolean;
  router: boolean;
  externLearn: boolean;
  sticky: boolean;
}

/** get_addr() of iproute2, and what bridge says to the words for no address in particular. */
function parseDestination(reader: WordReader, seen: boolean): Uint8Array {
  const word = reader.advance();
  if (seen) {
    throw duplicateOrGarbage('dst', word);
  }
  if (word === 'any' || word === 'default' || word === 'all') {
    throw refusal('Error: Unsupported address family.', 255);
  }
  const address = parseIp(word);
  if (address === undefined) {
    throw refusal(`Error: any valid address is expected rather than "${word}".`);
  }
  return address;
}

/** Of /etc/services, those that belong here. */
const services = new Map<string, number>([
  ['vxlan', 4789],
  ['vxlan-gpe', 4790],
]);

function parsePort(reader: WordReader): number {
  return reader.argument(
    (word) => services.get(word) ?? parseUnsigned(word, 0, 0xffff),
    (word) => invalidArgument('invalid port\n', word),
  );
}

function parseVni(reader: WordReader, reason: string): number {
  return reader.argument(
    (word) => parseUnsigned(word, 0, MAX_VNI),
    (word) => invalidArgument(`${reason}\n`, word),
  );
}

function parseWholeWord(reader: WordReader, name: (typeof fdbWholeWords)[number], reading: Reading): void {
  switch (name) {
    case 'dev':
      reading.dev = reader.advance();
      break;
    case 'dst':
      reading.dst = parseDestination(reader, reading.dst !== undefined);
      break;
    case 'nhid':
      reader.argument(
        (word) => parseUnsigned(word, 0, 0xffffffff),
        (word) => invalidArgument('"id" value is invalid\n', word),
      );
      reading.nhid = true;
      break;
    case 'port':
      reading.port = parsePort(reader);
      break;
    case 'vni':
      reading.vni = parseVni(reader, 'invalid VNI');
      break;
    case 'src_vni':
      reading.srcVni = parseVni(reader, 'invalid src VNI');
      break;
    case 'via':
      reading.via = reader.advance();
      break;
    default:
      reading.self = true;
  }
}

function parseWord(reader: WordReader, reading: Reading): void {
  const { word } = reader;
  const whole = fdbWholeWords.find((name) => name === word);
  if (whole !== undefined) {
    parseWholeWord(reader, whole, reading);
    return;
  }
  switch (findKeyword(word, fdbWords)) {
    case 'master':
      reading.master = true;
      break;
    case 'router':
      reading.router = true;
      break;
    case 'local':
    case 'permanent':
      reading.permanent = true;
      break;
    case 'temp':
    case 'static':
      reading.reachable = true;
      break;
    case 'dynamic':
      reading.reachable = true;
      reading.ages = true;
      break;
    case 'vlan':
      if (reading.vlan) {
        throw duplicateOrGarbage('vlan', word);
      }
      reading.vlan = true;
      reader.advance();
      break;
    case 'use':
      break;
    case 'extern_learn':
      reading.externLearn = true;
      break;
    case 'sticky':
      reading.sticky = true;
      break;
    default:
      parseMacWord(reader, reading, [...fdbWholeWords, ...fdbWords]);
  }
}

/** What no other word is stands for the address, with `to` before it or not. */
function parseMacWord(reader: WordReader, reading: { mac?: string }, known: readonly string[]): void {
  const word = reader.is('to') ? reader.advance() : reader.word;
  if (abbreviates(word, 'help')) {
    throw new HelpRequest('bridge fdb');
  }
  if (reading.mac !== undefined) {
    const problem = duplicateOrGarbage('to', word);
    throw new CommandError(problem.message + suggest(word, known), problem.exitCode);
  }
  reading.mac = word;
}

function macOf(text: string): Uint8Array {
  const mac = parseMac(text);
  if (mac === undefined) {
    throw refusal(`Invalid mac address ${text}`, 255);
  }
  return mac;
}

function stateOf({ permanent, reachable, ages }: Reading): FdbState {
  return permanent || !reachable ? 'permanent' : ages ? 'dynamic' : 'static';
}

/** Undefined: about a bridge's table. */
function parseModify(
  reader: WordReader,
  argv: readonly string[],
  mode: 'add' | 'append' | 'replace' | 'delete',
): Command | undefined {
  const reading: Reading = {
    ...{ nhid: false, vlan: false, self: false, master: false, permanent: false, reachable: false, ages: false },
    ...{ router: false, externLearn: false, sticky: false },
  };
  for (; reader.more; reader.skip()) {
    parseWord(reader, reading);
  }
  const { dev, mac: macText, dst, port, vni, srcVni, via, nhid, self, master, router, externLearn, sticky } = reading;
  if (dev === undefined || macText === undefined) {
    throw refusal('Device and address are required arguments.', 255);
  }
  if (nhid && (dst !== undefined || (port ?? 0) !== 0 || vni !== undefined)) {
    throw refusal('dst, port, vni are mutually exclusive with nhid', 255);
  }
  const mac = macOf(macText);
  if (master) {
    if (self) {
      throw notSupported('bridge fdb with both "self" and "master" (one line for each)');
    }
    return undefined;
  }
  if (nhid) {
    throw notSupported('bridge fdb "nhid" (a nexthop object)');
  }
  const target = {
    ...{ dev, mac },
    ...(dst !== undefined && { dst }),
    ...(port !== undefined && port !== 0 && { port }),
    ...(vni !== undefined && { vni }),
    ...(srcVni !== undefined && { srcVni }),
    ...(via !== undefined && { via }),
  };
  if (mode === 'delete') {
    return { kind: 'fdb-del', entry: target, argv };
  }
  const entry: FdbEntry = {
    ...target,
    state: stateOf(reading),
    ...(router && { router }),
    ...(externLearn && { externLearn }),
    ...(sticky && { sticky }),
  };
  return { kind: 'fdb-add', mode, entry, argv };
}

function unknownWord(word: string, verb: string, known: readonly string[]): CommandError {
  // bridge passes over such a word and goes on with the rest.
  return refusal(`vtep: "${word}" is not a word of bridge fdb ${verb}${suggest(word, known)}`, 255);
}

function parseStateWord(word: string): number | undefined {
  if (word === 'all') {
    return 0xffffffff;
  }
  return fdbStateWords.find(([name]) => abbreviates(word, name))?.[1] ?? parseUnsigned(word, 0, 0xffffffff);
}

/** Undefined: about a bridge's table. */
function parseShow(reader: WordReader, argv: readonly string[], output: OutputOptions): Command | undefined {
  const selector: Writable<FdbSelector> = {};
  let isHost = false;
  for (; reader.more; reader.skip()) {
    const { word } = reader;
    switch (word) {
      case 'dev':
      case 'brport':
        selector.dev = reader.advance();
        break;
      case 'br':
      case 'vlan':
        reader.advance();
        isHost = true;
        break;
      case 'state': {
        const bits = reader.argument(parseStateWord, (text) => invalidArgument('invalid state', text));
        selector.stateMask = ((selector.stateMask ?? 0) | bits) >>> 0;
        break;
      }
      case 'dynamic':
        selector.dynamic = true;
        break;
      default:
        if (abbreviates(word, 'help')) {
          throw new HelpRequest('bridge fdb');
        }
        throw unknownWord(word, 'show', fdbShowWords);
    }
  }
  return isHost ? undefined : { kind: 'fdb-show', selector, output, argv };
}

/** Undefined: about a bridge's table, which is asked unless `self` is said. */
function parseGet(reader: WordReader, argv: readonly string[], output: OutputOptions): Command | undefined {
  const reading: { mac?: string; dev?: string; br?: string; vni?: number; self?: true } = {};
  for (; reader.more; reader.skip()) {
    switch (reader.word) {
      case 'br':
        reading.br = reader.advance();
        break;
      case 'dev':
      case 'brport':
        reading.dev = reader.advance();
        break;
      case 'vlan':
        reader.advance();
        break;
      case 'vni':
        reading.vni = parseVni(reader, 'invalid VNI');
        break;
      case 'self':
        reading.self = true;
        break;
      case 'master':
      case 'dynamic':
        break;
      default:
        parseMacWord(reader, reading, fdbGetWords);
    }
  }
  const { mac: macText, dev, br, vni, self } = reading;
  if (macText === undefined || (dev === undefined && br === undefined)) {
    throw refusal('Device or master and address are required arguments.', 255);
  }
  const mac = macOf(macText);
  if (dev === undefined || self !== true) {
    return undefined;
  }
  return { kind: 'fdb-get', entry: { dev, mac, ...(vni !== undefined && { vni }) }, output, argv };
}

const bridgeFlags = ['added_by_user', 'sticky', 'offloaded'];

export const fdbFlushWords: readonly string[] = [
  ...[
    'dev',
    'brport',
    'vlan',
    'self',
    'master',
    'vni',
    'src_vni',
    'port',
    'dst',
    'nhid',
    'via',
    ...fdbFlushStates.keys(),
  ],
  ...['extern_learn', 'noextern_learn', 'router', 'norouter'],
  ...bridgeFlags.flatMap((name) => [name, `no${name}`]),
];

function parseFlushWord(reader: WordReader, flush: Writable<FdbFlush> & { self?: true; master?: true }): void {
  const { word } = reader;
  const state = fdbFlushStates.get(word);
  const flag = word.replace(/^no/, '');
  if (state !== undefined) {
    flush.stateBits = (flush.stateBits & ~state.clear) | state.set;
    flush.stateMask |= state.mask;
  } else if (flag === 'extern_learn') {
    flush.externLearn = flag === word;
  } else if (flag === 'router') {
    flush.router = flag === word;
  } else if (bridgeFlags.includes(flag)) {
    flush.refused ??= 'Error: Unsupported fdb flush ndm flag bits set.';
  } else {
    switch (word) {
      case 'dev':
        flush.dev = reader.advance();
        break;
      case 'brport':
      case 'vlan':
        flush.refused ??= 'Error: Unsupported attribute.';
        reader.advance();
        break;
      case 'self':
      case 'master':
        flush[word] = true;
        break;
      case 'vni':
        flush.vni = parseVni(reader, 'invalid VNI');
        break;
      case 'src_vni':
        flush.srcVni = parseVni(reader, 'invalid src VNI');
        break;
      case 'port':
        flush.port = parsePort(reader);
        break;
      case 'dst':
        flush.dst = parseDestination(reader, flush.dst !== undefined);
        break;
      case 'via':
        flush.via = reader.advance();
        break;
      case 'nhid':
        throw notSupported('bridge fdb "nhid" (a nexthop object)');
      default:
        if (abbreviates(word, 'help')) {
          throw new HelpRequest('bridge fdb');
        }
        throw unknownWord(word, 'flush', fdbFlushWords);
    }
  }
}

/** Undefined: about a bridge's table. */
function parseFlush(reader: WordReader, argv: readonly string[]): Command | undefined {
  const reading: Writable<FdbFlush> & { self?: true; master?: true } = { dev: '', stateBits: 0, stateMask: 0 };
  for (; reader.more; reader.skip()) {
    parseFlushWord(reader, reading);
  }
  const { self, master, ...flush } = reading;
  if (flush.dev === '') {
    throw refusal('Device is a required argument.', 255);
  }
  if (master === true && self !== true) {
    return undefined;
  }
  return { kind: 'fdb-flush', flush, argv };
}

/** Undefined: the line is about a bridge's table. `argv`: the line without the tool's name. */
export function parseFdb(reader: WordReader, argv: readonly string[], output: OutputOptions): Command | undefined {
  const verb = reader.more ? findKeyword(reader.word, fdbVerbs) : 'show';
  if (verb === undefined) {
    throw unknownCommand(reader.word, 'bridge fdb', fdbVerbs);
  }
  reader.skip();
  switch (verb) {
    case 'help':
      throw new HelpRequest('bridge fdb');
    case 'get':
      return parseGet(reader, argv, output);
    case 'flush':
      return parseFlush(reader, argv);
    case 'show':
    case 'lst':
    case 'list':
      return parseShow(reader, argv, output);
    default:
      return parseModify(reader, argv, verb);
  }
}
