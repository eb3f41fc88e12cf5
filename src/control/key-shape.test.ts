import test from 'ava';
import fc from 'fast-check';
import { KEY_WORDS } from '../classifier/flow-key.js';
import { filter, tried } from './arbitrary-edit.test.helper.js';
import { encodeKeys } from './encode-keys.js';
import { packValues, shapeOf, unpackKeys } from './key-shape.js';
import { filterOf } from './kit.test.helper.js';

test('keys come back as they were given, and their shape is the mask of the classifier', (t) => {
  fc.assert(
    fc.property(filter, ({ keys }) => {
      fc.pre(tried(() => encodeKeys(keys, 0, new Int32Array(KEY_WORDS), new Int32Array(KEY_WORDS))));
      const mask = new Int32Array(KEY_WORDS);
      encodeKeys(keys, 0, new Int32Array(KEY_WORDS), mask);
      const shape = shapeOf(keys);
      t.deepEqual(unpackKeys(shape, packValues(keys)), [...keys]);
      t.deepEqual(shape.words, mask);
    }),
    { numRuns: 500 },
  );
});

test('filters of the same keys, widths and masks share a shape, and no others do', (t) => {
  const shape = (line: string) => shapeOf(filterOf(`protocol ip pref 1 flower ${line} action drop`).keys);
  const one = shape('dst_ip 10.0.0.1 dst_mac 02:00:00:00:00:01');
  t.is(shape('dst_ip 10.255.0.9 dst_mac 02:ff:00:00:00:01'), one);
  for (const other of [
    'src_ip 10.0.0.1 dst_mac 02:00:00:00:00:01',
    'dst_ip 10.0.0.1 src_mac 02:00:00:00:00:01',
    'dst_ip 10.0.0.0/24 dst_mac 02:00:00:00:00:01',
    'dst_ip 10.0.0.1',
    'dst_ip 10.0.0.1 dst_mac 02:00:00:00:00:01/ff:ff:ff:00:00:00',
  ]) {
    t.not(shape(other), one, other);
    t.not(shape(other).text, one.text, other);
  }
});

test('more shapes than are remembered serve their filters all the same', (t) => {
  const line = (n: number): string => `flower ip_proto tcp src_port ${n}/0x${n.toString(16)} action drop`;
  const keys = Array.from({ length: 9000 }, (_, n) => filterOf(`protocol ip pref 1 ${line(n + 1)}`).keys);
  const shapes = keys.map(shapeOf);
  for (const [n, shape] of shapes.entries()) {
    const each = keys[n] ?? [];
    t.true(unpackKeys(shape, packValues(each)).every(({ mask }, k) => `${mask}` === `${each[k]?.mask}`));
  }
});
