// docs/trace.md: its example, run as it stands.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { blocks, root } from './markdown.js';

const PAGE = blocks('docs/trace.md');

test('the example of docs/trace.md prints what the page shows', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-trace-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const { file, lines } of PAGE) if (file) writeFileSync(join(folder, file), `${lines.join('\n')}\n`);
  const console = PAGE.filter(({ language }) => language === 'console').flatMap(({ lines }) => lines);
  const printed = console
    .filter((line) => line.startsWith('$ '))
    .map((line) => {
      const [, ...words] = line.slice(2).split(' ');
      const out = execFileSync(process.execPath, [join(root, 'bin/vtep'), ...words], { cwd: folder, encoding: 'utf8' });
      return `${line}\n${out}`;
    });
  t.is(printed.length, 2);
  t.is(`${console.join('\n')}\n`, printed.join(''));
  t.true(readFileSync(join(folder, 'rules.batch'), 'utf8').includes('enc_src_ip 10.0.0.14'));
});
