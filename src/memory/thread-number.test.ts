import test from 'ava';
import { isThread, threadNumber } from './thread-number.js';

/** No kernel gives it to a thread: the most is 2^22. */
const NOBODY = 2 ** 23;

test('a thread is there while it runs, and one that is not is told from it', (t) => {
  t.true(isThread(threadNumber()));
  t.false(isThread(NOBODY));
});

test('where /proc does not tell, every thread counts as there: nobody is robbed of a lock', (t) => {
  t.true(isThread(NOBODY, '/nowhere/self/task'));
});
