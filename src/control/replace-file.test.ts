import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CommandError } from '../iproute/commands.js';
import { replaceFile } from './replace-file.js';

test('a file is the old one until the new one is whole, and nothing else is left', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-replace-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'x');
  replaceFile(file, ['one\n', 'two\n'], 0o600);
  t.is(readFileSync(file, 'utf8'), 'one\ntwo\n');
  t.is(statSync(file).mode & 0o777, 0o600);
  function* broken(): Generator<string> {
    yield 'half';
    throw new Error('no more');
  }
  t.throws(() => replaceFile(file, broken()), { instanceOf: CommandError, message: 'vtep: no more' });
  t.is(readFileSync(file, 'utf8'), 'one\ntwo\n');
  t.deepEqual(readdirSync(folder), ['x']);
  t.throws(() => replaceFile(join(folder, 'nowhere', 'x'), ['y']), { message: /ENOENT/ });
});

test('a folder that is none is said', (t) => {
  t.throws(() => replaceFile('/dev/null/x', ['y']), { instanceOf: CommandError, message: /^vtep: ENOTDIR/ });
});
