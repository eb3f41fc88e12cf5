import test from 'ava';
import * as fc from 'fast-check';
import { SHAPE_ODD } from '../memory/packets.js';
import { anyFrame, wholeFrame } from '../wire/frame-generator.js';
import { hex, run, runGuarded, words } from './dissect-harness.js';
import { dissectSlowly } from './dissect-oracle.js';

for (const [name, frames] of [
  ['whole', wholeFrame],
  ['cut and changed', anyFrame()],
] as const) {
  test(`finds in ${name} frames what the slow dissector finds, whatever stands around them`, (t) => {
    fc.assert(
      fc.property(frames, (frame) => {
        const { hash, ...found } = run(frame, 0x00);
        t.deepEqual(found, dissectSlowly(frame));
        t.deepEqual(run(frame, 0xff), { ...found, hash });
        t.deepEqual(run(frame, 0x06), { ...found, hash });
      }),
      { numRuns: 4000, seed: 20260 },
    );
    t.pass();
  });
}

test('finds the same in every frame cut at every length', (t) => {
  for (const frame of fc.sample(wholeFrame, { numRuns: 60, seed: 7 })) {
    for (let length = 14; length < frame.length; length++) {
      const cut = frame.slice(0, length);
      const { hash, ...found } = run(cut, 0xff);
      t.deepEqual(found, dissectSlowly(cut));
      t.is(run(cut, 0x00).hash, hash);
    }
  }
});

test('never reads a byte outside of the frame, wherever it is cut', (t) => {
  fc.assert(
    fc.property(anyFrame(0), (frame) => {
      runGuarded(frame);
    }),
    { numRuns: 2000, seed: 20261 },
  );
  for (const frame of fc.sample(wholeFrame, { numRuns: 100, seed: 8 })) {
    for (let length = 0; length < frame.length; length++) runGuarded(frame.slice(0, length));
  }
  t.throws(() => runGuarded(Object.defineProperty(new Uint8Array(13), 'length', { value: 14 })), {
    instanceOf: RangeError,
    message: 'byte 13 of 14 was read',
  });
});

test('a buffer shorter than an Ethernet header has no key and is odd', (t) => {
  const found = run(hex('5254000000015254000000 0208'), 0xff);
  t.deepEqual(words(found), {});
  t.is(found.shape, SHAPE_ODD);
  t.is(found.end, 13);
  t.is(found.hash, 0);
});
