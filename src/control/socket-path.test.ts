import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { clientPath, controlPath, makeSocketDirectory, trustedOwner } from './socket-path.js';

const { VTEP_CONTROL, XDG_RUNTIME_DIR } = process.env;
const { getuid } = process;
test.afterEach.always(() => {
  process.getuid = getuid;
  for (const [name, value] of Object.entries({ VTEP_CONTROL, XDG_RUNTIME_DIR })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

function as(uid: number, environment: { VTEP_CONTROL?: string; XDG_RUNTIME_DIR?: string }): void {
  process.getuid = () => uid;
  delete process.env.VTEP_CONTROL;
  delete process.env.XDG_RUNTIME_DIR;
  Object.assign(process.env, environment);
}

const inode = statSync('/proc/self/ns/net', { bigint: true }).ino;

test.serial('the option goes before the variable, and both before the namespace', (t) => {
  as(0, { VTEP_CONTROL: '/a' });
  t.is(controlPath('/b'), '/b');
  t.is(controlPath(), '/a');
  as(1000, { VTEP_CONTROL: '', XDG_RUNTIME_DIR: '/run/user/1000' });
  t.is(controlPath(), `/run/user/1000/vtep/net-${inode}.sock`);
});

const asRoot = getuid?.() === 0 ? test.serial : test.serial.skip;

/** Whether /run/vtep may be written to is the kernel's answer, which it gives to the real user: a process of his asks. */
const ASK = `
const { controlPath } = await import(process.argv[1]);
if (process.getuid() === 0) process.setuid(65534);
process.getuid = () => 0;
delete process.env.VTEP_CONTROL;
process.stdout.write(controlPath());
`;

test('the root of a user namespace, to whom /run is closed, is treated as any other', (t) => {
  const module = new URL('./socket-path.js', import.meta.url).href;
  const env = { ...process.env, XDG_RUNTIME_DIR: '/run/user/1000' };
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', ASK, module], {
    encoding: 'utf8',
    env,
  });
  t.is(stdout, `/run/user/1000/vtep/net-${inode}.sock`, stderr);
});

asRoot('root uses /run/vtep whatever the environment says', (t) => {
  as(0, { XDG_RUNTIME_DIR: '/run/user/0' });
  t.is(controlPath(), `/run/vtep/net-${inode}.sock`);
});

test.serial('others use their runtime directory, or one of their own in /tmp', (t) => {
  as(1000, { XDG_RUNTIME_DIR: '/run/user/1000' });
  t.is(controlPath(), `/run/user/1000/vtep/net-${inode}.sock`);
  as(1000, {});
  t.is(controlPath(), `/tmp/vtep-1000/net-${inode}.sock`);
});

test.serial('the directory is made for its owner only, and may be there already', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-path-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'a', 'b', 'x.sock');
  makeSocketDirectory(path);
  t.is(statSync(join(folder, 'a', 'b')).mode & 0o777, 0o700);
  t.notThrows(() => makeSocketDirectory(path));
});

test.serial('a directory in /tmp that is somebody else’s is refused', (t) => {
  const uid = 2_000_000_000 + process.pid;
  as(uid, {});
  t.teardown(() => rmSync(`/tmp/vtep-${uid}`, { recursive: true, force: true }));
  // It is made by this process, whose real user is another than the one that it says it is.
  t.throws(() => makeSocketDirectory(controlPath()), { name: 'CommandError', message: /not this user's alone/ });
});

test.serial('a place where no directory can be is refused with a sentence', (t) => {
  t.throws(() => makeSocketDirectory('/dev/null/x/y.sock'), {
    name: 'CommandError',
    message: /^vtep: control socket: /,
  });
});

test.serial('a directory that others may write to is refused, unless it is sticky', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-path-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const wide = join(folder, 'wide');
  mkdirSync(wide);
  for (const [mode, isRefused] of [
    [0o777, true],
    [0o770, true],
    [0o1777, false],
    [0o755, false],
  ] as const) {
    chmodSync(wide, mode);
    const make = (): void => makeSocketDirectory(join(wide, 'x.sock'));
    if (isRefused) t.throws(make, { name: 'CommandError', message: /may be written to by others/ });
    else t.notThrows(make);
  }
  chmodSync(wide, 0o777);
  symlinkSync(wide, join(folder, 'link'));
  t.throws(() => makeSocketDirectory(join(folder, 'link', 'x.sock')), { message: /may be written to by others/ });
});

asRoot('a directory that another user owns is refused, unless the daemon becomes that user', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-path-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  chownSync(folder, 4242, 4242);
  const path = join(folder, 'x.sock');
  t.throws(() => makeSocketDirectory(path), { message: /belongs to user 4242, who could put another socket there/ });
  t.notThrows(() => makeSocketDirectory(path, { uid: 4242 }));
  const made = join(folder, 'made', 'x.sock');
  makeSocketDirectory(made, { uid: 4242, gid: 4243 });
  const { uid, gid, mode } = statSync(join(folder, 'made'));
  t.deepEqual([uid, gid, mode & 0o777], [4242, 4243, 0o710]);
});

test.serial(
  'a client looks where its daemon would listen; whom it trusts there depends on who chose the place',
  (t) => {
    as(1000, { XDG_RUNTIME_DIR: '/run/user/1000' });
    t.is(clientPath(), controlPath());
    t.is(trustedOwner(clientPath()), undefined);
    t.is(trustedOwner('/somewhere/x.sock'), 'anybody');
    t.is(trustedOwner(`/run/vtep/net-${inode}.sock`), statSync('/run/vtep', { throwIfNoEntry: false })?.uid);
    as(1000, { VTEP_CONTROL: '/named/x.sock' });
    t.is(clientPath(), '/named/x.sock');
    t.is(trustedOwner(clientPath()), 'anybody');
  },
);
