import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandError } from '../iproute/commands.js';
import { replaceFile } from './replace-file.js';

function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'vtep-replace-'));
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

test('a file is replaced by all the pieces, and keeps its mode; nothing else is left in its folder', (t) => {
  const at = folder(t);
  const file = join(at, 'file');
  const pieces = Array.from({ length: 3000 }, (_, n) => `${n} ${'x'.repeat(1000)}\n`);
  replaceFile(file, pieces, 0o600);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(readFileSync(file, 'utf8'), pieces.join(''));
  chmodSync(file, 0o640);
  replaceFile(file, ['new\n']);
  t.is(readFileSync(file, 'utf8'), 'new\n');
  t.is(statSync(file).mode & 0o777, 0o640);
  t.deepEqual(readdirSync(at), ['file']);
});

test('a link stays one, and what it leads to is replaced', (t) => {
  const at = folder(t);
  mkdirSync(join(at, 'there'));
  writeFileSync(join(at, 'there', 'file'), 'old\n');
  symlinkSync('there/file', join(at, 'link'));
  replaceFile(join(at, 'link'), ['new\n']);
  t.true(lstatSync(join(at, 'link')).isSymbolicLink());
  t.is(readFileSync(join(at, 'there', 'file'), 'utf8'), 'new\n');
  t.deepEqual(readdirSync(join(at, 'there')), ['file']);
});

test('what is no file is written to, and stays what it is', async (t) => {
  const pipe = join(folder(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe]);
  const read: string[] = [];
  reader.stdout.setEncoding('utf8').on('data', (text: string) => read.push(text));
  const ended = new Promise((resolve) => reader.once('close', resolve));
  replaceFile(pipe, ['through a pipe\n']);
  await ended;
  t.deepEqual(read.join(''), 'through a pipe\n');
  t.true(lstatSync(pipe).isFIFO());
  const full = t.throws(() => replaceFile('/dev/full', ['no room\n']), { instanceOf: CommandError });
  t.is(full?.message, 'vtep: /dev/full: No space left on device');
  t.true(lstatSync('/dev/full').isCharacterDevice());
});

test('where it cannot be, the error names the file, which is as it was', (t) => {
  const at = folder(t);
  const nowhere = join(at, 'nowhere', 'file');
  const refused = t.throws(() => replaceFile(nowhere, ['x']), { instanceOf: CommandError });
  t.true(refused?.message.startsWith(`vtep: ${nowhere}: No such file or directory`));
  const file = join(at, 'file');
  writeFileSync(file, 'old\n');
  const failing = function* (): Generator<string> {
    yield 'a part of it\n';
    throw new Error('no more');
  };
  t.throws(() => replaceFile(file, failing()), { message: `vtep: ${file}: no more` });
  t.is(readFileSync(file, 'utf8'), 'old\n');
  t.deepEqual(readdirSync(at), ['file']);
});
