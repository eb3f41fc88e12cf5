import test from 'ava';
import { Progress } from './progress.js';

function drawn(isTTY: boolean, columns: number, steps: readonly (readonly [ms: number, done: number])[]): string[] {
  const written: string[] = [];
  let now = 0;
  const screen = { isTTY, columns, write: (text: string) => written.push(text) };
  const progress = new Progress(screen, () => now);
  for (const [ms, done] of steps) {
    now = ms;
    progress.at(done, 200);
  }
  progress.clear();
  return written;
}

test('a bar begins after half a second, is drawn ten times a second at most, and goes at the end', (t) => {
  const steps = [
    [0, 0],
    [499, 50],
    [500, 100],
    [550, 110],
    [600, 200],
  ] as const;
  t.deepEqual(drawn(true, 18, steps), ['\r 50% [#####-----]\x1b[K', '\r100% [##########]\x1b[K', '\r\x1b[K']);
});

test('what is quick has no bar, and nothing is written into a pipe', (t) => {
  t.deepEqual(drawn(true, 80, [[499, 200]]), []);
  t.deepEqual(drawn(false, 80, [[9000, 100]]), []);
});

test('without a total it says how much is done', (t) => {
  const written: string[] = [];
  let now = 0;
  const progress = new Progress({ isTTY: true, write: (text) => written.push(text) }, () => now);
  now = 900;
  progress.at(12, undefined);
  t.deepEqual(written, ['\r12 characters\x1b[K']);
});
