// docs/library.md: its first programs, run as they stand.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { blocks, root } from './markdown.js';

test('the programs of docs/library.md print what the page shows', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-library-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/vtep'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const page = blocks('docs/library.md');
  for (const { file, lines } of page) if (file) writeFileSync(join(folder, file), `${lines.join('\n')}\n`);
  const shown = page.filter(({ language }) => language === 'console');
  t.is(shown.length, 2);
  for (const { lines } of shown) {
    const [command = '', ...printed] = lines;
    const [, ...words] = command.slice(2).split(' ');
    t.is(execFileSync(process.execPath, words, { cwd: folder, encoding: 'utf8' }), `${printed.join('\n')}\n`);
  }
});
