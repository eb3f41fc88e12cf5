import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeFolders } from './make-folders.js';

const root = mkdtempSync(join(tmpdir(), 'vtep-folders-'));
test.after.always(() => rmSync(root, { recursive: true, force: true }));

test('what is missing is made, with its mode, and what is there is left as it is', (t) => {
  const deep = join(root, 'a/b/c');
  t.true(makeFolders(deep, 0o700));
  for (const part of ['a', 'a/b', 'a/b/c']) t.is(statSync(join(root, part)).mode & 0o777, 0o700);
  t.false(makeFolders(deep));
  t.false(makeFolders(`${deep}/`));
  t.is(statSync(deep).mode & 0o777, 0o700);
  symlinkSync(deep, join(root, 'link'));
  t.true(makeFolders(join(root, 'link/d')));
  t.true(statSync(join(deep, 'd')).isDirectory());
});

test('where nothing can be made there is an error and no end of trying', (t) => {
  for (const path of ['/proc/vtep', '/proc/vtep/a/b', '/proc/1/vtep/a'])
    t.throws(() => makeFolders(path), { code: 'ENOENT' });
  writeFileSync(join(root, 'file'), '');
  t.throws(() => makeFolders(join(root, 'file')), { code: 'EEXIST' });
  t.throws(() => makeFolders(join(root, 'file/below')), { code: 'ENOTDIR' });
});
