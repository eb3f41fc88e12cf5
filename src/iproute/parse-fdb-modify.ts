/** `bridge fdb add`, `append`, `replace` and `del` (fdb_modify of iproute2's bridge/fdb.c). */
import type { Command } from './commands.js';
import { duplicateOrGarbage, invalidArgument, notSupported } from './errors.js';
import type { FdbEntry, FdbState } from './fdb-types.js';
import { macOf, parseDestination, parseMacWord, parsePort, parseVni } from './fdb-words.js';
import { parseUnsigned } from './numbers.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** Compared whole, and read first. */
export const fdbWholeWords = ['dev', 'dst', 'nhid', 'port', 'vni', 'src_vni', 'via', 'self'] as const;
/** May be abbreviated, in iproute2's order of precedence. */
export const fdbWords = [
  ...(['master', 'router', 'local', 'permanent', 'temp', 'static', 'dynamic', 'vlan', 'use'] as const),
  ...(['extern_learn', 'sticky'] as const),
] as const;

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

function stateOf({ permanent, reachable, ages }: Reading): FdbState {
  return permanent || !reachable ? 'permanent' : ages ? 'dynamic' : 'static';
}

/** Undefined: about a bridge's table. */
export function parseFdbModify(
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
