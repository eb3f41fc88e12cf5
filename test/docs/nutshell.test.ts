// docs/nutshell.md: the packet that it follows goes that way.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { blocks, root } from './markdown.js';
import { commandsOf, isAsShown } from './session.js';

test('the packet of the nutshell goes the way that it shows, by the first configuration of the README', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-nutshell-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const first = blocks('README.md').find(({ file }) => file === 'first.batch');
  writeFileSync(join(folder, 'first.batch'), `${first?.lines.join('\n')}\n`);
  const shown = blocks('docs/nutshell.md').filter(({ language }) => language === 'console');
  const commands = shown.flatMap(({ lines }) => commandsOf(lines));
  t.is(commands.length, 1);
  for (const command of commands) {
    const [vtep, ...words] = command.line.split(' ');
    t.is(vtep, 'vtep');
    const out = execFileSync(process.execPath, [join(root, 'bin/vtep'), ...words], { cwd: folder, encoding: 'utf8' });
    t.true(isAsShown(out, command), out);
  }
});

test('a shown session is held to its lines, and to nothing where it is cut', (t) => {
  const command = { line: 'x', printed: ['a.b', '…', 'end'] };
  t.true(isAsShown('a.b\nend\n', command));
  t.true(isAsShown('a.b\n1\n2\nend\n', command));
  t.false(isAsShown('a.b\n1\n', command));
  t.false(isAsShown('acb\nend\n', command));
});
