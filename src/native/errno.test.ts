import { readFileSync } from 'node:fs';
import test from 'ava';
import { EACCES, errnoName, errnoText, errorText, SystemError } from './errno.js';

test('errors of the system are told in the words of strerror, whoever made them', (t) => {
  t.is(errorText(t.throws(() => readFileSync('/nowhere/at/all'))), 'No such file or directory');
  t.is(errorText(t.throws(() => readFileSync('/'))), 'Is a directory');
  t.is(errorText(t.throws(() => readFileSync('/dev/null/file'))), 'Not a directory');
  t.is(errorText(new SystemError('open', EACCES, '/x')), 'Permission denied');
});

test('other errors have their own words', (t) => {
  t.is(errorText(new Error('no such thing')), 'no such thing');
  t.is(errorText(Object.assign(new Error('getaddrinfo ENOTFOUND x'), { errno: -3008 })), 'getaddrinfo ENOTFOUND x');
  t.is(errorText('said'), 'said');
});

test('a number without a sentence has its name, and one without a name itself', (t) => {
  t.deepEqual([errnoText(98), errnoText(-98)], ['Address already in use', 'Address already in use']);
  t.deepEqual([errnoText(33), errnoName(-33)], ['EDOM', 'EDOM']);
  t.is(errnoText(9999), 'errno 9999');
});
