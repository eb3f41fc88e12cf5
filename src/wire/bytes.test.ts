import test from 'ava';
import * as fc from 'fast-check';
import { i32, putU16, putU32, requireRoom, requireSize, sameBytes, u16, u32 } from './bytes.js';

test('16 bits go out and come back in network order', (t) => {
  const bytes = new Uint8Array(4).fill(0xa5);
  putU16(bytes, 1, 0x1_1234);
  t.deepEqual([...bytes], [0xa5, 0x12, 0x34, 0xa5]);
  t.is(u16(bytes, 1), 0x1234);
});

test('32 bits go out and come back in network order, signed and unsigned', (t) => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffffffff }), (value) => {
      const bytes = new Uint8Array(6).fill(0xa5);
      putU32(bytes, 1, value);
      t.is(new DataView(bytes.buffer).getUint32(1), value);
      t.is(u32(bytes, 1), value);
      t.is(i32(bytes, 1), value | 0);
      putU32(bytes, 1, value | 0);
      t.is(u32(bytes, 1), value);
      t.deepEqual([bytes[0], bytes[5]], [0xa5, 0xa5]);
    }),
    { seed: 1 },
  );
});

test('bytes are the same only where all are', (t) => {
  const a = Uint8Array.of(9, 1, 2, 3);
  const b = Uint8Array.of(1, 2, 4);
  t.true(sameBytes(a, 1, b, 0, 2));
  t.false(sameBytes(a, 1, b, 0, 3));
  t.true(sameBytes(a, 0, b, 0, 0));
});

test('what does not fit is refused', (t) => {
  t.throws(() => requireRoom(new Uint8Array(7), 0, 8, 'x'), { instanceOf: RangeError, message: /^x: 8 bytes do not/ });
  t.throws(() => requireRoom(new Uint8Array(7), -1, 2, 'x'), { instanceOf: RangeError });
  t.notThrows(() => requireRoom(new Uint8Array(7), 5, 2, 'x'));
  t.throws(() => requireSize(new Uint8Array(5), 6, 'MAC'), {
    instanceOf: RangeError,
    message: 'MAC: 5 bytes, 6 wanted',
  });
});
