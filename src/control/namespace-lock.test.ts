import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { NamespaceLock } from './namespace-lock.js';

function place(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-lock-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'x.sock');
}

test('a second daemon is refused while the first lives, and not after it', (t) => {
  const path = place(t);
  const lock = NamespaceLock.take(path);
  t.throws(() => NamespaceLock.take(path), {
    name: 'CommandError',
    message: /another vtep runs in this network namespace/,
  });
  lock.release();
  t.false(existsSync(`${path}.lock`));
  NamespaceLock.take(path).release();
});

test('a lock file that a killed daemon left behind is no lock', (t) => {
  const path = place(t);
  writeFileSync(`${path}.lock`, '');
  t.notThrows(() => NamespaceLock.take(path).release());
});

test('a lock whose file somebody has removed does not keep others out, nor let go of theirs', (t) => {
  const path = place(t);
  const first = NamespaceLock.take(path);
  rmSync(`${path}.lock`);
  const second = NamespaceLock.take(path);
  t.throws(() => NamespaceLock.take(path), { name: 'CommandError' });
  second.release();
  first.release();
  NamespaceLock.take(path).release();
});

test('a folder that is not there is said by name', (t) => {
  t.throws(() => NamespaceLock.take(join(place(t), 'no', 'x')), { name: 'CommandError', message: /No such file/ });
});

test('of threads that take and release without pause, never two hold it at once', async (t) => {
  // [inside now, most inside at once, taken]
  const shared = new Int32Array(new SharedArrayBuffer(12));
  const code = `
    const { workerData } = require('node:worker_threads');
    const { module, path, shared } = workerData;
    import(module).then(({ NamespaceLock }) => {
      for (let n = 0; n < 10000; n++) {
        let lock;
        try { lock = NamespaceLock.take(path); } catch (error) { if (error.name !== 'CommandError') throw error; }
        if (lock === undefined) continue;
        const inside = Atomics.add(shared, 0, 1) + 1;
        if (inside > Atomics.load(shared, 1)) Atomics.store(shared, 1, inside);
        Atomics.add(shared, 2, 1);
        Atomics.sub(shared, 0, 1);
        lock.release();
      }
    });`;
  const workerData = { module: new URL('./namespace-lock.js', import.meta.url).href, path: place(t), shared };
  await Promise.all(
    Array.from(
      { length: 3 },
      () =>
        new Promise<void>((resolve, reject) => {
          new Worker(code, { eval: true, workerData }).once('error', reject).once('exit', () => resolve());
        }),
    ),
  );
  t.is(shared[1], 1);
  t.true((shared[2] ?? 0) >= 400, `${shared[2]} taken`);
});
