/** `simple sdata STRING` (parse_simple of iproute2). */
import type { ActionSpec } from './commands.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl } from './parse-control.js';
import { refusal, type WordReader } from './word-reader.js';

/** SIMP_MAX_DATA with its final zero. */
const MAX_DATA = 31;

/** Reads from the word `simple` to the index. */
export function parseSimple(reader: WordReader): ActionSpec {
  let data: string | undefined;
  reader.advance();
  for (;;) {
    if (reader.abbreviates('simple')) {
      reader.advance();
    } else if (reader.abbreviates('sdata')) {
      data = reader.advance();
      reader.skip();
    } else if (reader.abbreviates('help')) {
      throw new HelpRequest('tc filter simple');
    } else {
      break;
    }
  }
  const control = parseControl(reader) ?? { type: 'pipe' };
  let index = 0;
  if (reader.abbreviates('index')) {
    index = reader.argument(
      (word) => parseUnsigned(word, 10, 0xffffffff),
      (word) => refusal(`simple: Illegal "index" (${word})`),
    );
    reader.skip();
  }
  if (data === undefined) {
    if (index === 0) {
      throw refusal('simple: sdata is missing');
    }
    return { kind: 'reference', of: 'simple', index };
  }
  const length = Buffer.byteLength(data);
  if (length > MAX_DATA) {
    throw refusal(`simple: Illegal string len ${length} <${data}>`);
  }
  return { kind: 'simple', data, control, ...(index > 0 && { index }) };
}
