/** `bridge fdb …` (bridge/fdb.c of iproute2; the words of `flush` that are about vxlan as its 6.7 has them). */
import type { Command, CommandError, OutputOptions } from './commands.js';
import { invalidArgument, notSupported, unknownCommand } from './errors.js';
import { type FdbFlush, type FdbSelector, fdbFlushStates, fdbStateWords } from './fdb-types.js';
import { macOf, parseDestination, parseMacWord, parsePort, parseVni } from './fdb-words.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseFdbModify } from './parse-fdb-modify.js';
import { suggest } from './suggest.js';
import { abbreviates, findKeyword, refusal, type WordReader } from './word-reader.js';

export const fdbVerbs = ['add', 'append', 'replace', 'delete', 'get', 'show', 'lst', 'list', 'flush', 'help'] as const;

export const fdbShowWords = ['dev', 'brport', 'br', 'vlan', 'state', 'dynamic'] as const;
export const fdbGetWords = ['br', 'dev', 'brport', 'vlan', 'vni', 'self', 'master', 'dynamic'] as const;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

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
      return parseFdbModify(reader, argv, verb);
  }
}
