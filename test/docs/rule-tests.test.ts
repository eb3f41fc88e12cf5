// docs/rule-tests.md: its example, run as it stands.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { blocks, root } from './markdown.js';

const PAGE = blocks('docs/rule-tests.md');
const folder = mkdtempSync(join(tmpdir(), 'vtep-rule-tests-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

function run(...words: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [join(root, 'bin/vtep'), ...words], { cwd: folder, encoding: 'utf8' });
}

test('the example of docs/rule-tests.md prints what the page shows, and ends as it says', (t) => {
  for (const { file, lines } of PAGE) if (file) writeFileSync(join(folder, file), `${lines.join('\n')}\n`);
  const [shown] = PAGE.filter(({ language }) => language === 'console');
  const [command = '', ...printed] = shown?.lines ?? [];
  const { status, stdout } = run(...command.replace('$ vtep ', '').split(' '));
  t.is(stdout, `${printed.join('\n')}\n`);
  t.is(status, 1);
  const text = PAGE.find(({ file }) => file === 'web.yaml')?.lines ?? [];
  writeFileSync(
    join(folder, 'holds.yaml'),
    text
      .slice(
        0,
        text.findIndex((line) => line.includes('another tenant')),
      )
      .join('\n'),
  );
  t.is(run('test', 'holds.yaml', '--tap').status, 0);
  writeFileSync(join(folder, 'wrong.yaml'), text.join('\n').replace('packet:', 'pakcet:'));
  const wrong = run('test', 'wrong.yaml');
  t.is(wrong.status, 2);
  t.regex(wrong.stderr, /^wrong\.yaml:4:5: "pakcet" is not understood \(did you mean "packet"\?\)/);
  const missing = run('test', 'nosuch.yaml');
  t.deepEqual(
    [missing.status, missing.stdout, missing.stderr],
    [2, '', 'vtep: nosuch.yaml: No such file or directory\n'],
  );
  const several = run('test', 'nosuch.yaml', 'holds.yaml', 'wrong.yaml');
  t.is(several.status, 2);
  t.is(several.stdout, run('test', 'holds.yaml').stdout, 'the others are run');
  t.is(several.stderr, missing.stderr + wrong.stderr);
});
