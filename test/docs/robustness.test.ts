// docs/robustness.md: each promise names the tests that hold it, and they are there.
import test from 'ava';
import { holdClaims } from './claims.js';
import { read } from './markdown.js';

test('every test that docs/robustness.md names is there, by its title', (t) => holdClaims(t, 'docs/robustness.md', 50));

test('every promise of docs/robustness.md names a test', (t) => {
  const [, ...items] = read('docs/robustness.md').split(/\n(?=- |\n|#)/);
  const promises = items.filter((item) => item.startsWith('- '));
  t.true(promises.length >= 20, `${promises.length} promises`);
  for (const promise of promises) t.regex(promise, /`(?:src|test)\/[\w/.-]+\.ts`/);
});
