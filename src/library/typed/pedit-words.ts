/** What `pedit` does to fields, as words. */
import {
  type Fields,
  invalid,
  numberOf,
  numberOrText,
  numberWord,
  onlyTrue,
  textOf,
  type Words,
  wordIn,
} from './words.js';

const LAYERS = ['eth', 'ip', 'ip6', 'tcp', 'udp', 'offset'] as const;
const COMMANDS = ['set', 'add', 'invert', 'decrement', 'preserve', 'clear'] as const;
const width = wordIn(['u8', 'u16', 'u32'] as const);

function integerWord(value: unknown, property: string): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return `${value}`;
  throw invalid(property, `${typeof value === 'object' ? 'an object' : String(value)} is not a whole number`);
}

function putOffset(words: Words, fields: Fields): void {
  words.add(fields.at('offset'), 'offset', fields.must('offset', integerWord));
  words.add(fields.at('width'), fields.must('width', width));
  const at = fields.maybe('at', (value, property) => fields.within(value, property));
  if (!at) return;
  words.add(at.at('at'), 'at', at.must('at', numberWord));
  words.add(at.at('mask'), at.must('mask', numberOf).toString(16));
  words.add(at.at('shift'), at.must('shift', numberWord));
  at.end();
}

/** One `munge`. */
export function putMunge(words: Words, fields: Fields): void {
  const layer = fields.oneOf(LAYERS);
  words.add(fields.property, 'munge');
  if (layer === 'offset') putOffset(words, fields);
  else words.add(fields.at(layer), layer, fields.must(layer, textOf));
  const command = fields.oneOf(COMMANDS);
  if (command === 'set' || command === 'add') fields.put(words, command, numberOrText);
  else
    words.add(
      fields.at(command),
      fields.must(command, (value, property) => onlyTrue(value, property) && command),
    );
  fields.put(words, 'retain', numberWord);
  fields.end();
}
