/** `bridge vni …` (bridge/vni.c of iproute2; `del` as its later releases have it). */
import { isIpMulticast, parseIp } from './address.js';
import type { Command, OutputOptions } from './commands.js';
import { duplicate, invalidArgument, unknownCommand } from './errors.js';
import type { VniRange } from './fdb-types.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { suggest } from './suggest.js';
import { refusal, type WordReader } from './word-reader.js';

const MAX_VNI = 0xffffff;

/** Compared whole. */
export const vniVerbs = ['add', 'delete', 'del', 'show', 'lst', 'list', 'help'] as const;
export const vniWords = ['dev', 'vni', 'group', 'remote', 'help'] as const;

/** `N`, `N-M`, and several with commas between. bridge reads what it can of anything, and makes 0 of the rest. */
function parseRanges(text: string): readonly VniRange[] {
  const ranges: VniRange[] = [];
  for (const part of text.split(',').filter((one) => one !== '')) {
    const bounds = part.split('-').map((bound) => parseUnsigned(bound, 10, MAX_VNI));
    const [first, last = first] = bounds;
    if (first === undefined || last === undefined || bounds.length > 2 || bounds.includes(undefined) || last < first) {
      throw invalidArgument('invalid VNI', part);
    }
    ranges.push({ first, last });
  }
  if (ranges.length === 0) {
    throw invalidArgument('invalid VNI', text);
  }
  return ranges;
}

function parseRemote(reader: WordReader, name: 'group' | 'remote', seen: boolean): Uint8Array {
  if (seen) {
    throw invalidArgument('duplicate group', name);
  }
  const word = reader.advance();
  const address = parseIp(word);
  if (address === undefined) {
    throw refusal(`Error: any valid address is expected rather than "${word}".`);
  }
  if (name === 'group' && !isIpMulticast(address)) {
    throw invalidArgument('invalid group address', word);
  }
  return address;
}

function parseModify(reader: WordReader, kind: 'vni-add' | 'vni-del'): Command {
  let dev: string | undefined;
  let ranges: readonly VniRange[] | undefined;
  let remote: Uint8Array | undefined;
  for (; reader.more; reader.skip()) {
    const { word } = reader;
    switch (word) {
      case 'dev':
        dev = reader.advance();
        break;
      case 'vni':
        if (ranges !== undefined) {
          throw invalidArgument('duplicate vni', reader.advance());
        }
        ranges = parseRanges(reader.advance());
        break;
      case 'group':
      case 'remote':
        remote = parseRemote(reader, word, remote !== undefined);
        break;
      case 'help':
        throw new HelpRequest('bridge vni');
      default:
        // bridge passes over such a word and goes on with the rest.
        throw refusal(`vtep: "${word}" is not a word of bridge vni${suggest(word, vniWords)}`, 255);
    }
  }
  if (dev === undefined || ranges === undefined) {
    throw refusal('Device and VNI ID are required arguments.', 255);
  }
  return { kind, dev, ranges, ...(remote !== undefined && { remote }) };
}

function parseShow(reader: WordReader, output: OutputOptions): Command {
  let dev: string | undefined;
  for (; reader.more; reader.skip()) {
    if (reader.word === 'help') {
      throw new HelpRequest('bridge vni');
    }
    if (reader.word !== 'dev') {
      throw refusal(`vtep: "${reader.word}" is not a word of bridge vni show${suggest(reader.word, ['dev'])}`, 255);
    }
    const word = reader.advance();
    if (dev !== undefined) {
      throw duplicate('dev', word);
    }
    dev = word;
  }
  return { kind: 'vni-show', ...(dev !== undefined && { dev }), output };
}

export function parseVni(reader: WordReader, output: OutputOptions): Command {
  const verb = reader.more ? vniVerbs.find((name) => reader.is(name)) : 'show';
  if (verb === undefined) {
    throw unknownCommand(reader.word, 'bridge vni', vniVerbs);
  }
  reader.skip();
  switch (verb) {
    case 'add':
      return parseModify(reader, 'vni-add');
    case 'delete':
    case 'del':
      return parseModify(reader, 'vni-del');
    case 'help':
      throw new HelpRequest('bridge vni');
    default:
      return parseShow(reader, output);
  }
}
