/** `sample rate N group G [trunc SIZE]` (parse_sample of iproute2). */
import type { ActionSpec } from './commands.js';
import { filterRefusal } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl, parseIndex } from './parse-control.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** In iproute2's order of precedence. */
export const sampleWords = ['rate', 'group', 'trunc', 'help'] as const;

const illegal = { rate: 'Illegal rate', group: 'Illegal group num', trunc: 'Illegal truncation size' } as const;

/** Reads from the word `sample` to the index. */
export function parseSample(reader: WordReader): ActionSpec {
  const given: { rate?: number; group?: number; trunc?: number } = {};
  if (reader.left < 2) {
    throw refusal('sample bad argument count 1', 255);
  }
  reader.advance();
  for (
    let name = findKeyword(reader.word, sampleWords);
    name !== undefined;
    name = findKeyword(reader.word, sampleWords)
  ) {
    if (name === 'help') {
      throw new HelpRequest('tc filter sample');
    }
    const what = illegal[name];
    given[name] = reader.argument(
      (word) => parseUnsigned(word, 10, 0xffffffff),
      (word) => refusal(`${what} ${word}`, 255),
    );
    reader.skip();
  }
  const control = parseControl(reader) ?? { type: 'pipe' };
  const index = parseIndex(reader, 'sample: ');
  const { rate, group, trunc } = given;
  if (rate === undefined || group === undefined) {
    if (index === undefined) {
      throw refusal(`param "${group === undefined ? 'group' : 'rate'}" not set`, 255);
    }
    return { kind: 'reference', of: 'sample', index };
  }
  if (rate === 0) {
    throw filterRefusal('Error: invalid sample rate.');
  }
  const truncate = trunc === undefined ? {} : { truncate: trunc };
  return { kind: 'sample', rate, group, ...truncate, control, ...(index !== undefined && { index }) };
}
