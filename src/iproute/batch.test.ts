import test from 'ava';
import fc from 'fast-check';
import { filterState } from './arbitrary-filter.test.helper.js';
import { parseBatchLine, splitBatch } from './batch.js';
import { commandWords } from './command-words.js';
import { CommandError } from './commands.js';
import { filterCommand } from './filter-command.js';
import { flowerWholeWords, flowerWords } from './flower-keys.js';
import { HelpRequest } from './help.js';
import { batchRequest } from './options.js';
import { parseLine } from './parse.js';

test('Comments and blank lines are left out, and counted', (t) => {
  const text = '# a file\n\nip link add v type tap # trailing\n   \t\r\ntc qdisc add dev v ingress';
  t.deepEqual(splitBatch(text), [
    { line: 3, words: ['ip', 'link', 'add', 'v', 'type', 'tap'] },
    { line: 5, words: ['tc', 'qdisc', 'add', 'dev', 'v', 'ingress'] },
  ]);
});

test('A backslash before the newline continues the line, which then has the number of its last one', (t) => {
  t.deepEqual(splitBatch('tc filter \\\n  show dev v\\\n ingress\ntc help\n'), [
    { line: 3, words: ['tc', 'filter', 'show', 'dev', 'v', 'ingress'] },
    { line: 4, words: ['tc', 'help'] },
  ]);
});

test('A backslash anywhere else is a character, and one within a comment continues nothing', (t) => {
  t.deepEqual(splitBatch('a \\ b\nc # d \\\ne'), [
    { line: 1, words: ['a', '\\', 'b'] },
    { line: 2, words: ['c'] },
    { line: 3, words: ['e'] },
  ]);
  t.deepEqual(splitBatch('a \\'), [{ line: 1, words: ['a', '\\'] }]);
});

test('Quotes hold a word together at its beginning, and are characters within it', (t) => {
  t.deepEqual(splitBatch(`'a b' "c 'd'" e'f "" g`)[0]?.words, ['a b', "c 'd'", "e'f", '', 'g']);
  t.deepEqual(splitBatch(`'lo'x`)[0]?.words, ['lo', 'x']);
});

test('A quote without its end and a last line that goes on are refused with their line', (t) => {
  t.throws(() => splitBatch('tc help\ntc "help'), { instanceOf: CommandError, message: /Unterminated.*line 2/ });
  t.throws(() => splitBatch('tc \\\n'), { instanceOf: CommandError, message: /continuation/ });
});

test('Batch text of any kind is split or refused, never more', (t) => {
  const piece = fc.constantFrom('ip', ' ', '\t', '\n', '\\', '\\\n', '#', '"', "'", 'tc', '\r', '\0', 'é', 'x');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      try {
        for (const { line, words } of splitBatch(text)) {
          t.true(words.length > 0 && line >= 1 && line <= text.split('\n').length);
        }
      } catch (error) {
        t.true(error instanceof CommandError, String(error));
      }
    }),
    { seed: 11, numRuns: 3000 },
  );
});

/** Words of the grammar, whole and cut short, values good and bad, and anything else. */
const vocabulary = [
  ...[
    'link',
    'add',
    'del',
    'set',
    'change',
    'replace',
    'get',
    'show',
    'ls',
    'name',
    'dev',
    'type',
    'vxlan',
    'tap',
    'tun',
  ],
  ...[
    'external',
    'id',
    'vni',
    'remote',
    'group',
    'local',
    'dstport',
    'srcport',
    'ttl',
    'tos',
    'df',
    'flowlabel',
    'ageing',
  ],
  ...['mtu', 'address', 'txqueuelen', 'up', 'down', 'tuntap', 'mode', 'user', 'persist', 'pi', 'vnet_hdr', 'help'],
  ...[
    'qdisc',
    'filter',
    'ingress',
    'egress',
    'clsact',
    'parent',
    'root',
    'handle',
    'pref',
    'prio',
    'protocol',
    'chain',
  ],
  ...['block', 'flower', 'u32', 'action', 'tunnel_key', 'mirred', 'gact', 'unset', 'src_ip', 'dst_ip', 'redirect'],
  ...[
    'mirror',
    'index',
    'cookie',
    'random',
    'netrand',
    'determ',
    'goto',
    'jump',
    'drop',
    'pass',
    'pipe',
    'csum',
    'nofrag',
  ],
  ...[
    'hw_stats',
    'no_percpu',
    'ip',
    'ipv6',
    'all',
    'arp',
    'ffff:',
    'ffff:fff2',
    '1:',
    'v0',
    '0',
    '1',
    '4',
    '0x10',
    '010',
  ],
  ...['65536', '4294967296', '-1', '10.0.0.1', '10.0.0.1/8', 'fd00::1', 'fd00::/8', '::', '02:00:00:00:00:01/24', 'zz'],
  ...[
    '/',
    '::::',
    '1/2/3',
    '80-90',
    '',
    '-s',
    '-j',
    '-n',
    '-b',
    '--',
    '-',
    'fdb',
    'vni',
    'netns',
    'é',
    '\0',
    '__proto__',
  ],
  ...flowerWords,
  ...flowerWholeWords,
  ...[...commandWords.values()].flat(),
];

const word = fc.oneof(
  fc.constantFrom(...vocabulary),
  fc.constantFrom(...vocabulary).chain((full) => fc.integer({ min: 0, max: full.length }).map((n) => full.slice(0, n))),
  fc.string({ maxLength: 40, size: 'max' }),
);

const beginnings: readonly (readonly string[])[] = [
  [],
  ['fdb'],
  ['fdb', 'add', '02:00:00:00:00:01', 'dev', 'v'],
  ['fdb', 'flush', 'dev', 'v'],
  ['vni'],
  ['actions'],
  ['actions', 'add', 'action'],
  ['actions', 'ls', 'action', 'mirred'],
  ['chain', 'add', 'dev', 'v', 'ingress'],
  ['link', 'set', 'v', 'type', 'vxlan'],
  ['link', 'show'],
  ['filter', 'add', 'dev', 'v', 'ingress', 'protocol', 'ip', 'flower'],
  ['filter', 'add', 'dev', 'v', 'ingress', 'flower', 'action'],
  ['filter'],
  ['filter', 'show', 'dev', 'v', 'ingress'],
  ['qdisc'],
  ['qdisc', 'add', 'dev', 'v', 'ingress'],
  ['link'],
  ['link', 'set', 'dev', 'v', 'up'],
  ['link', 'add', 'v', 'type', 'vxlan'],
  ['tuntap', 'add'],
];

test('Words of any kind are parsed or refused by a CommandError, never more', (t) => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(
      fc.constantFrom('ip' as const, 'tc' as const, 'bridge' as const),
      fc.constantFrom(...beginnings),
      fc.oneof(fc.array(word, { maxLength: 2 }), fc.array(word, { maxLength: 14 })),
      (tool, beginning, words) => {
        try {
          kinds.add(parseLine(tool, [...beginning, ...words]).kind);
        } catch (error) {
          t.true(error instanceof CommandError, `${[tool, ...beginning, ...words].join(' ')}: ${error}`);
          kinds.add('refused');
        }
      },
    ),
    { seed: 12, numRuns: 20000 },
  );
  // The generator must reach what it is meant to try.
  for (const kind of [
    ...['refused', 'help', 'host', 'filter-add', 'qdisc-add', 'link-set', 'filter-show', 'link-show', 'link-set-vxlan'],
    ...['fdb-add', 'fdb-show', 'fdb-flush', 'vni-show', 'actions-add', 'actions-show', 'chain-add'],
  ]) {
    t.true(kinds.has(kind), kind);
  }
});

test('Lines that are almost right are parsed or refused by a CommandError, never more', (t) => {
  const edit = fc.record({
    at: fc.nat(),
    drop: fc.integer({ min: 0, max: 2 }),
    insert: fc.array(word, { maxLength: 2 }),
  });
  let parsed = 0;
  fc.assert(
    fc.property(filterState, fc.array(edit, { minLength: 1, maxLength: 3 }), (filter, edits) => {
      const words = filterCommand(filter);
      for (const { at, drop, insert } of edits) {
        words.splice(at % words.length, drop, ...insert);
      }
      try {
        parsed += parseLine('tc', words).kind === 'filter-add' ? 1 : 0;
      } catch (error) {
        t.true(error instanceof CommandError, `${words.join(' ')}: ${error}`);
      }
    }),
    { seed: 16, numRuns: 5000 },
  );
  t.true(parsed > 100, `${parsed}`);
});

test('Options say that a batch file is to be read, and what goes before each of its lines', (t) => {
  t.deepEqual(batchRequest('tc', ['-b', 'F']), { file: 'F', force: false, options: [] });
  t.deepEqual(batchRequest('tc', ['-s', '-force', '-batch', '-', 'ignored']), {
    file: '-',
    force: true,
    options: ['-s'],
  });
  t.deepEqual(batchRequest('ip', ['-n', 'ns', '--fo', '-b', 'F', '-j']), {
    file: 'F',
    force: true,
    options: ['-n', 'ns', '-j'],
  });
  for (const words of [[], ['filter', '-b', 'F'], ['-s', 'filter'], ['-force', 'filter']]) {
    t.is(batchRequest('tc', words), undefined, words.join(' '));
  }
  t.throws(() => batchRequest('tc', ['-b']), { instanceOf: HelpRequest });
  t.is(parseLine('tc', ['-force', 'qdisc']).kind, 'qdisc-show');
});

test('A line without a tool is refused', (t) => {
  t.throws(() => parseBatchLine([]), { instanceOf: CommandError });
  t.throws(() => parseBatchLine(['link', 'add']), { instanceOf: CommandError });
});
