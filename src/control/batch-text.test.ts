// Batches that come in pieces, against the splitter of whole texts.
import test from 'ava';
import fc from 'fast-check';
import { type BatchLine, splitBatch } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';
import { BatchText } from './batch-text.js';

const fragment = fc.constantFrom(
  'tc',
  ' ',
  '\n',
  '\\\n',
  '\\',
  '#',
  '"',
  "'",
  '\t',
  '\r\n',
  'filter add',
  '\n\n',
  '  ',
);

function inPieces(pieces: readonly string[]): { lines: BatchLine[]; failure: string | undefined } {
  const text = new BatchText();
  const lines = [...pieces.flatMap((piece) => text.push(piece)), ...text.end()];
  return { lines, failure: text.failure?.message };
}

function whole(text: string): { lines: BatchLine[]; failure: string | undefined } {
  try {
    return { lines: splitBatch(text), failure: undefined };
  } catch (error) {
    if (error instanceof CommandError) return { lines: [], failure: error.message };
    throw error;
  }
}

test('however a text is cut, it is the same commands of the same lines, or the same refusal', (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(fragment, { maxLength: 12 }), { maxLength: 8 }), (pieces) => {
      const texts = pieces.map((piece) => piece.join(''));
      const cut = inPieces(texts);
      const once = whole(texts.join(''));
      t.is(cut.failure, once.failure);
      if (once.failure === undefined) t.deepEqual(cut.lines, once.lines);
    }),
    { seed: 11, numRuns: 2000 },
  );
});

test('the commands before a quote without its end are given, none behind it', (t) => {
  const text = new BatchText();
  t.deepEqual(text.push('a b\n\n# c\n'), [{ line: 1, words: ['a', 'b'] }]);
  t.deepEqual(text.push('d\ne "f\ng\n'), [{ line: 4, words: ['d'] }]);
  t.is(text.failure?.message, 'Unterminated quoted string in line 5');
  t.deepEqual([...text.push('h\n'), ...text.end()], []);
});

test('a last line without its end counts', (t) => {
  t.deepEqual(inPieces(['a\nb', ' c']).lines, [
    { line: 1, words: ['a'] },
    { line: 2, words: ['b', 'c'] },
  ]);
});

test('a byte order mark at the beginning of a text is no part of its first word, and nowhere else is it left out', (t) => {
  const mark = '\uFEFF';
  for (const pieces of [[`${mark}tc a\n${mark}b\n`], [mark, `tc a\n${mark}b\n`], ['', `${mark}tc a\n`, `${mark}b\n`]]) {
    const text = new BatchText();
    const found = [...pieces.flatMap((piece) => text.push(piece)), ...text.end()];
    t.deepEqual(
      found.map(({ words }) => words),
      [['tc', 'a'], [`${mark}b`]],
    );
  }
});
