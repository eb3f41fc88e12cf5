// Every `vtep …` that a page shows in a shell is read by the program's own parser: commands, options, arguments.
import test from 'ava';
import { program } from '../../src/cli/program.js';
import { readCaptureWords } from '../../src/control/capture/words.js';
import { readDropWords } from '../../src/control/drop-words.js';
import { parseBatchLine } from '../../src/iproute/batch.js';
import { TABLE_REASONS } from '../../src/memory/reason-names.js';
import { blocks, pages } from './markdown.js';

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

test('commands that are wrong are found', (t) => {
  for (const words of ['nosuch', 'run --workerz 2', 'drops unmatchd', 'capture --at drop unknown', 'tc filter shou'])
    t.throws(() => parse(words.split(' ')), undefined, words);
});
