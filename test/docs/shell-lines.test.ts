// Every `vtep …` that a page shows in a shell is read by the program's own parser: commands, options, arguments.
import test from 'ava';
import { CommanderError } from 'commander';
import { program } from '../../src/cli/program.js';
import { readCaptureWords } from '../../src/control/capture/words.js';
import { readDropWords } from '../../src/control/drop-words.js';
import { parseBatchLine } from '../../src/iproute/batch.js';
import { TABLE_REASONS } from '../../src/memory/reason-names.js';
import { blocks, inlineCode, pages } from './markdown.js';

/** Words of each vtep that a line runs, without its comment and what comes behind a pipe. */
function commandsOf(line: string): string[][] {
  return line
    .replace(/^\$ /, '')
    .replace(/\s#.*/, '')
    .split(/[|;]|&&/)
    .map((part) => part.trim().split(/\s+/))
    .filter(([first]) => first === 'vtep')
    .map(([, ...words]) => words.filter((word) => word !== '…'));
}

const shown = pages().flatMap((page) =>
  blocks(page)
    .filter(({ language }) => language === 'sh' || language === 'console')
    .flatMap(({ where, language, lines }) =>
      lines
        .filter((line) => language === 'sh' || line.startsWith('$ '))
        .flatMap((line) => commandsOf(line).map((words) => ({ where, words }))),
    ),
);

/** Reads words as `vtep` does, and carries nothing out. */
function parse(words: readonly string[]): void {
  const vtep = program();
  if (!vtep.commands.some((command) => command.name() === words[0])) throw new Error('no such command');
  let given: string[] = [];
  for (const command of vtep.commands) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    command.action(() => {
      given = command.args;
    });
  }
  vtep.exitOverride().configureOutput({ writeErr: () => undefined });
  vtep.parse([...words], { from: 'user' });
  if (words[0] === 'drops') readDropWords(given, TABLE_REASONS);
  if (words[0] === 'capture') readCaptureWords(given, TABLE_REASONS);
  if (words[0] === 'tc' || words[0] === 'ip' || words[0] === 'bridge') parseBatchLine([...words]);
}

test('every vtep command that a page shows in a shell is one, with its options and words', (t) => {
  t.true(shown.length > 35, `${shown.length} commands`);
  for (const { where, words } of shown) t.notThrows(() => parse(words), `${where}: vtep ${words.join(' ')}`);
});

/** Capitals stand for what the reader knows, brackets for what may be left out. */
function isWhole(code: string): boolean {
  return !/[…[\]|]|(^|[ =])[A-Z]{2,}|\b[A-Z]\b/.test(code);
}

/** As `parse`, where the last option may be named without its value. */
function parseNamed(words: readonly string[]): void {
  try {
    parse(words);
  } catch (error) {
    const isNamed = error instanceof CommanderError && error.code === 'commander.optionMissingArgument';
    if (!isNamed || !words.at(-1)?.startsWith('--')) throw error;
  }
}

test('every vtep command in the text of a page is one, with its options and words', (t) => {
  const inline = pages().flatMap((page) =>
    inlineCode(page)
      .filter((code) => code.startsWith('vtep ') && isWhole(code))
      .map((code) => ({ page, words: code.split(' ').slice(1) })),
  );
  t.true(inline.length > 60, `${inline.length} commands`);
  // A command's name alone speaks of it; what it asks for besides does not have to stand there.
  for (const { page, words } of inline) {
    const where = `${page}: vtep ${words.join(' ')}`;
    // A command's name alone speaks of it, and so does an option without its value.
    if (words.length > 1) t.notThrows(() => parseNamed(words), where);
    else
      t.true(
        program().commands.some((command) => [command.name(), 'help'].includes(words[0] ?? '')),
        where,
      );
  }
});

test('commands that are wrong are found', (t) => {
  for (const words of ['nosuch', 'run --workerz 2', 'drops unmatchd', 'capture --at drop unknown', 'tc filter shou'])
    t.throws(() => parse(words.split(' ')), undefined, words);
});
