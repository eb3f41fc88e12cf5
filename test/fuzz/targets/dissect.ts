/** One frame through the dissector, against the slow one; and nothing around the frame matters. */
import { run as dissectAmid, runGuarded } from '../../../src/classifier/dissect-harness.js';
import { dissectSlowly } from '../../../src/classifier/dissect-oracle.js';
import { anyFrame } from '../../../src/wire/frame-generator.js';
import { ipHeaderCut } from '../../../src/wire/ip.js';
import { mutateFrame } from '../burst-mutations.js';
import { hexRows, hold, type Target } from '../target.js';

function run(frame: Uint8Array): void {
  const { hash, ...found } = dissectAmid(frame, 0x00);
  for (const poison of [0xff, 0x06]) {
    const other = dissectAmid(frame, poison);
    hold(other.hash === hash, 'the flow hash depends on bytes outside of the frame');
    hold(
      JSON.stringify({ ...other, hash: 0 }) === JSON.stringify({ ...found, hash: 0 }),
      `what is found depends on bytes outside of the frame`,
    );
  }
  runGuarded(frame);
  if (frame.length < 14) return;
  const expected = dissectSlowly(frame);
  for (const name of ['shape', 'l3', 'l4', 'payload', 'end'] as const)
    hold(found[name] === expected[name], () => `${name} is ${found[name]} instead of ${expected[name]}`);
  expected.key.forEach((word, n) => {
    hold(found.key[n] === word, () => `word ${n} of the key is ${found.key[n]} instead of ${word}`);
  });
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  const isCut = (type === 0x0800 && frame.length < 34) || (type === 0x86dd && frame.length < 54);
  hold(ipHeaderCut(frame, 0, frame.length) === isCut, 'an IP header that is cut is not seen, or one that is not is');
}

export const target: Target = {
  name: 'dissect',
  title: 'an inner frame through the dissector, which finds what the slow one finds, and reads nothing else',
  covers: ['classifier/dissect', 'classifier/flow-hash', 'wire/'],
  generated: anyFrame(0),
  mutate: mutateFrame,
  longest: 2048,
  run,
  show: hexRows,
};
