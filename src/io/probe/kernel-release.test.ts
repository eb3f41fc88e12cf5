import test from 'ava';
import { EQUAL_SEGMENTS, hasFault, isAtLeast, releaseOf, SHORT_TAIL } from './kernel-release.js';

test('a release is read as distributions write it', (t) => {
  t.deepEqual(releaseOf('6.1.0-13-amd64'), [6, 1, 0]);
  t.deepEqual(releaseOf('6.18.44-fc-v657'), [6, 18, 44]);
  t.deepEqual(releaseOf('7.0-rc3'), [7, 0, 0]);
  t.deepEqual(releaseOf('5.15.90.1-microsoft-standard-WSL2'), [5, 15, 90]);
  t.deepEqual(releaseOf(''), [0, 0, 0]);
});

test('releases are compared by number, not by text', (t) => {
  t.true(isAtLeast('6.10.0', [6, 2, 0]));
  t.false(isAtLeast('5.19.17', [6, 2, 0]));
  t.true(isAtLeast('6.2.0', [6, 2, 0]));
  t.false(isAtLeast('4.17.9', [4, 18, 0]));
});

test('known faults are those of their releases, the first and the last included', (t) => {
  for (const [kernel, expected] of [
    ['6.19.14', false],
    ['7.0.0', true],
    ['7.0-rc1', true],
    ['7.0.9-arch1', true],
    ['7.1.4', true],
    ['7.1.5', false],
    ['7.2.0', false],
  ] as const)
    t.is(hasFault(kernel, EQUAL_SEGMENTS), expected, kernel);
  t.deepEqual(
    ['6.6.43', '6.6.44', '6.6.45'].map((kernel) => hasFault(kernel, SHORT_TAIL)),
    [false, true, false],
  );
});
