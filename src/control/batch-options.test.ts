import test from 'ava';
import { batchOptions } from './batch-options.js';

test('-batch and -force are found among the options, abbreviated as each tool does it', (t) => {
  for (const [tool, line, file, force, options] of [
    ['tc', '-b FILE', 'FILE', false, []],
    ['tc', '-f -s -batch FILE', 'FILE', true, ['-s']],
    ['tc', '-b - -j -force', '-', true, ['-j']],
    ['tc', '-b one -b two', 'two', false, []],
    ['tc', '-b FILE filter show', 'FILE', false, []],
    ['ip', '-fo -n ns -b FILE', 'FILE', true, ['-n', 'ns']],
    ['ip', '--batch FILE --force', 'FILE', true, []],
    ['ip', '-f inet -b FILE', 'FILE', false, ['-f', 'inet']],
    ['bridge', '-fo -b FILE', 'FILE', true, []],
  ] as const) {
    t.deepEqual(batchOptions(tool, line.split(' ')).batch, { file, force, options }, `${tool} ${line}`);
  }
});

test('a line without -batch stays as it is; help goes before a batch', (t) => {
  for (const [line, words] of [
    ['-s filter show dev x', '-s filter show dev x'],
    ['-force -s filter show', '-force -s filter show'],
    ['-br link', '-br link'],
    ['-bogus', '-bogus'],
    ['filter -b FILE', 'filter -b FILE'],
  ] as const) {
    t.deepEqual(batchOptions('tc', line.split(' ')), { words: words.split(' ') }, line);
  }
});

test('help that is asked for beside a batch, and a batch without a file, show the help of the tool', (t) => {
  for (const line of ['-s -help -b FILE', '-b FILE -help', '-b', '-force -batch', '-j -b']) {
    t.deepEqual(batchOptions('tc', line.split(' ')), { words: [] }, line);
  }
});

test('an unknown option beside a batch is refused', (t) => {
  t.throws(() => batchOptions('tc', ['-b', 'FILE', '-bogus']), {
    message: 'Option "-bogus" is unknown, try "tc -help".',
  });
});
