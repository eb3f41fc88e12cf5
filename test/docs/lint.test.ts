// docs/lint.md: its example, run as it stands, and its table, which has every finding.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CHECKS } from '../../src/control/lint/finding.js';
import { blocks, root } from './markdown.js';

const PAGE = 'docs/lint.md';

test('the example of docs/lint.md prints what the page shows', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-lint-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const { file, lines } of blocks(PAGE)) if (file) writeFileSync(join(folder, file), `${lines.join('\n')}\n`);
  const [console] = blocks(PAGE).filter(({ language }) => language === 'console');
  const [command = '', ...printed] = console?.lines ?? [];
  const [, , ...words] = command.split(' ');
  const { stdout, status } = spawnSync(process.execPath, [join(root, 'bin/vtep'), ...words], {
    cwd: folder,
    encoding: 'utf8',
  });
  t.deepEqual([stdout, status], [`${printed.join('\n')}\n`, 1]);
});

test('docs/lint.md names every finding, and which of them are advice', (t) => {
  const page = readFileSync(join(root, PAGE), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (advice)?/gm)].map(([, name = '', advice]) => [
    name,
    advice ?? 'certain',
  ]);
  t.deepEqual(Object.fromEntries(rows), CHECKS);
});
