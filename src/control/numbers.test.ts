// FreeNumbers, DeviceIndices and SharedWords: what is handed out, taken back and handed out again.
import test from 'ava';
import fc from 'fast-check';
import { MAX_DEVICES } from '../memory/counters.js';
import { DeviceIndices } from './device-indices.js';
import { FreeNumbers } from './free-numbers.js';
import { SharedWords } from './shared-words.js';

interface Step {
  readonly type: 'next' | 'claim' | 'release';
  readonly number: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  type: fc.constantFrom('next', 'claim', 'release'),
  number: fc.integer({ min: 1, max: 12 }),
});

test('numbers are the lowest free ones, whatever was claimed and released before', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const numbers = new FreeNumbers(1);
      const taken = new Set<number>();
      for (const each of steps) {
        if (each.type === 'next') {
          let lowest = 1;
          while (taken.has(lowest)) lowest++;
          taken.add(lowest);
          if (numbers.next() !== lowest) return false;
        } else if (each.type === 'claim') {
          if (numbers.claim(each.number) === taken.has(each.number)) return false;
          taken.add(each.number);
        } else {
          taken.delete(each.number);
          numbers.release(each.number);
        }
      }
      return [...taken].every((number) => numbers.has(number));
    }),
    { seed: 7 },
  );
  t.pass();
});

test('a number below the first can be claimed, and is never handed out', (t) => {
  const numbers = new FreeNumbers(5);
  t.true(numbers.claim(2));
  numbers.release(2);
  t.is(numbers.next(), 5);
});

test('as many devices as there are counters for, and then none', (t) => {
  const indices = new DeviceIndices();
  for (let n = 0; n < MAX_DEVICES; n++) indices.next();
  t.is(indices.next(), -1);
  indices.release(17);
  t.is(indices.next(), 17);
  indices.hold(3);
  indices.release(3);
  t.is(indices.next(), -1, 'released, and held');
  indices.drop(3);
  t.is(indices.next(), 3);
});

test('a device index that is held twice waits for both', (t) => {
  const indices = new DeviceIndices();
  const index = indices.next();
  indices.hold(index);
  indices.hold(index);
  indices.release(index);
  indices.drop(index);
  t.is(indices.next(), 1);
  indices.drop(index);
  t.is(indices.next(), 0);
});

test('an index that is held and dropped while its device is there stays the device’s', (t) => {
  const indices = new DeviceIndices();
  indices.next();
  indices.hold(0);
  indices.drop(0);
  t.is(indices.next(), 1);
});

test('shared words keep what is in them as they grow, and readers keep the array they have', (t) => {
  const shared = new SharedWords(4);
  const first = shared.alloc(3);
  shared.words.set([1, 2, 3], first);
  const before = shared.words;
  const second = shared.alloc(9);
  t.not(shared.words, before);
  t.true(shared.words.buffer instanceof SharedArrayBuffer);
  t.deepEqual([...shared.words.subarray(first, first + 3)], [1, 2, 3]);
  t.deepEqual([...before], [1, 2, 3, 0]);
  t.true(second >= 3);
  t.is(shared.words.length, 16);
});

test('blocks never overlap, and one that was released serves the next of its size', (t) => {
  const shared = new SharedWords(2);
  const a = shared.alloc(5);
  const b = shared.alloc(5);
  t.true(Math.abs(a - b) >= 5);
  shared.release(a, 5);
  t.not(shared.alloc(4), a);
  t.is(shared.alloc(5), a);
  shared.ensure(100);
  t.is(shared.words.length, 128);
});
