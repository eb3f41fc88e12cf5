// README and docs/ against the program: nothing here needs rights.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { actionKinds } from '../../src/iproute/action-kinds.js';
import { parseBatchLine, splitBatch } from '../../src/iproute/batch.js';
import { flowerKeyWords } from '../../src/iproute/flower-keys.js';
import { isControlWord } from '../../src/iproute/parse-control.js';
import { REASONS } from '../../src/memory/reasons.js';
import { dropsPage } from './drops-page.js';
import { anchors, blocks, links, pages, read, root } from './markdown.js';

const readme = read('README.md');

for (const page of pages()) {
  test(`${page}: every link leads to a file, and every anchor to a heading there`, (t) => {
    for (const { path, anchor } of links(page)) {
      t.true(existsSync(join(root, path)), path);
      if (anchor !== undefined) t.true(path.endsWith('.md') && anchors(path).has(anchor), `${path}#${anchor}`);
    }
    t.pass();
  });

  test(`${page}: every line of a batch, and every vtep command, is in the grammar`, (t) => {
    for (const { where, language, lines } of blocks(page)) {
      const commands =
        language === 'batch'
          ? splitBatch(lines.join('\n')).map(({ words }) => words)
          : lines.map((line) => /^\$ vtep ((?:ip|tc|bridge) .*)/.exec(line)?.[1]?.split(' ') ?? []);
      for (const words of commands.filter((each) => each.length > 0))
        t.notThrows(() => parseBatchLine(words), `${where}: ${words.join(' ')}`);
    }
    t.pass();
  });
}

test('every page can be reached from README.md', (t) => {
  const reached = new Set(['README.md']);
  for (const page of reached) for (const { path } of links(page)) if (path.endsWith('.md')) reached.add(path);
  t.deepEqual(
    pages().filter((page) => !reached.has(page)),
    [],
  );
});

test('docs/drops.md is the table of reasons (npm run docs writes it)', (t) => {
  t.is(read('docs/drops.md'), dropsPage());
});

test('a reason that a page names is one', (t) => {
  const names = new Set<string>(REASONS.map(({ name }) => name));
  for (const page of pages()) {
    for (const [, name = ''] of read(page).matchAll(/counted (?:as|under) `([a-z-]+)`/g))
      t.true(names.has(name), `${page}: ${name}`);
  }
  t.true(names.has('unmatched'));
});

test('every reason that troubleshooting names is one', (t) => {
  const page = read('docs/troubleshooting.md');
  const words = [...page.matchAll(/^(?:\| |- )((?:`[a-z-]+`(?:, )?)+)(?: \||:)/gm)].flatMap(([, list = '']) =>
    list.split(', '),
  );
  const names = new Set<string>(REASONS.map(({ name }) => `\`${name}\``));
  t.true(words.length > 12);
  t.deepEqual(
    words.filter((word) => !names.has(word)),
    [],
  );
});

test('every message that troubleshooting quotes is one of the program or of the kernel', (t) => {
  const [, section = ''] = read('docs/troubleshooting.md').split('\n## It does not start\n');
  const [table = ''] = section.split('\n## ');
  const quoted = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, text = '']) => text);
  t.true(quoted.length >= 3);
  const sources = ['src/native/errno.ts', 'src/control/namespace-lock.ts'].map(read).join('\n');
  for (const text of quoted) t.true(sources.includes(text), text);
});

test('the filter keys of the README are those of the grammar', (t) => {
  const [, listed = ''] = /^Filter keys: `([^`]+)`/m.exec(readme) ?? [];
  t.deepEqual(listed.split(/\s+/).sort(), [...flowerKeyWords].sort());
});

test('the actions of the README are those of the grammar', (t) => {
  const [, listed = ''] = /Actions:\s+([\s\S]*?);/.exec(readme) ?? [];
  const named = [...listed.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const kinds = named.map((name) => name.split(' ')[0] ?? '').filter((name) => !isControlWord(name));
  t.deepEqual(kinds.filter((name) => name !== 'random').sort(), actionKinds.filter((name) => name !== 'gact').sort());
  const controls = named.find((name) => name.startsWith('pass '))?.split(' ') ?? [];
  t.deepEqual([...controls].sort(), ['continue', 'drop', 'goto', 'jump', 'pass', 'pipe', 'reclassify', 'trap']);
  for (const action of [
    'tunnel_key unset',
    'tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2',
    ...['egress', 'ingress'].flatMap((hook) => ['redirect', 'mirror'].map((mode) => `mirred ${hook} ${mode} dev y`)),
    ...['pop', 'push id 5', 'modify id 5', 'pop_eth'].map((words) => `vlan ${words}`),
    'vlan push_eth dst_mac 02:00:00:00:00:01 src_mac 02:00:00:00:00:02',
  ])
    t.notThrows(() => parseBatchLine(`tc filter add dev x ingress flower action ${action}`.split(' ')), action);
});

test('the commands of the README are those of vtep help', (t) => {
  const help = execFileSync(process.execPath, [join(root, 'bin/vtep'), 'help'], { encoding: 'utf8' });
  const [, list = ''] = /^Commands:\n((?: {2}.*\n?)+)/m.exec(help) ?? [];
  const helped = new Set([...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name));
  const rows = [...readme.matchAll(/^\| (`vtep [^|]*) \|/gm)].flatMap(([, cell = '']) => [
    ...cell.matchAll(/`vtep (\w+)/g),
  ]);
  t.deepEqual([...new Set(rows.map(([, name = '']) => name))].sort(), [...helped].sort());
});

test('npm scripts that a page names are there', (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of pages())
    for (const [, name = ''] of read(page).matchAll(/npm run ([a-z]+)/g)) t.true(name in scripts, `${page}: ${name}`);
  t.true('demo' in scripts);
});
