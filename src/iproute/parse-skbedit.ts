/** `skbedit …` (parse_skbedit of iproute2). */
import { parseClassId } from './class-id.js';
import type { ActionSpec, Skbedit } from './commands.js';
import { notSupported } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl, parseIndex } from './parse-control.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** In iproute2's order of precedence. */
export const skbeditWords = ['queue_mapping', 'priority', 'mark', 'ptype', 'inheritdsfield', 'help'] as const;

const packetTypes = ['host', 'broadcast', 'multicast', 'otherhost'] as const;

type Options = { -readonly [K in keyof Omit<Skbedit, 'kind' | 'control'>]: Skbedit[K] };

function parseMark(word: string): { readonly mark: number; readonly mask?: number } {
  const [value = '', bits] = word.split('/', 2);
  const mark = parseUnsigned(value, 0, 0xffffffff);
  if (mark === undefined) {
    throw refusal('Illegal mark');
  }
  if (bits === undefined) {
    return { mark };
  }
  const mask = parseUnsigned(bits, 0, 0xffffffff);
  if (mask === undefined) {
    throw refusal('Illegal mask');
  }
  return { mark, mask };
}

function parseOption(reader: WordReader, name: (typeof skbeditWords)[number], options: Options): void {
  switch (name) {
    case 'queue_mapping':
      options.queueMapping = reader.argument(
        (word) => parseUnsigned(word, 10, 0xffff),
        () => refusal('Illegal queue_mapping'),
      );
      break;
    case 'priority':
      options.priority = reader.argument(parseClassId, () => refusal('Illegal priority'));
      break;
    case 'mark':
      Object.assign(options, parseMark(reader.advance()));
      break;
    case 'ptype': {
      const word = reader.advance();
      if (findKeyword(word, packetTypes) === undefined) {
        throw refusal(`Illegal ptype (${word})`);
      }
      // The type is the stack's, and a frame that is given to the host's loses what vtep thinks of it.
      throw notSupported('"ptype" of action skbedit');
    }
    case 'inheritdsfield':
      options.inheritDsField = true;
      break;
    case 'help':
      throw new HelpRequest('tc filter skbedit');
  }
}

/** Reads from the word `skbedit` to the index. */
export function parseSkbedit(reader: WordReader): ActionSpec {
  const options: Options = {};
  reader.advance();
  let said = false;
  for (
    let name = findKeyword(reader.word, skbeditWords);
    name !== undefined;
    name = findKeyword(reader.word, skbeditWords)
  ) {
    parseOption(reader, name, options);
    said = true;
    reader.skip();
  }
  const control = parseControl(reader) ?? { type: 'pipe' };
  const index = parseIndex(reader, 'skbedit: ');
  if (!said) {
    if (index === undefined) {
      throw refusal('skbedit: nothing to edit');
    }
    return { kind: 'reference', of: 'skbedit', index };
  }
  return { kind: 'skbedit', ...options, control, ...(index !== undefined && { index }) };
}
