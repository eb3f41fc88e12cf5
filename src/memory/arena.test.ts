import test from 'ava';
import { addressOf } from '../native/libc.js';
import { Arena } from './arena.js';
import { ArenaPool } from './arena-pool.js';
import { HEADROOM, Slots } from './received.js';
import { FrameVector } from './vectors.js';

test('what is reserved is aligned, apart from all else, and never at 0', (t) => {
  const arena = new Arena(100_000);
  t.is(arena.size, 131_072);
  let end = 1;
  for (const [bytes, align] of [
    [1, 1],
    [3, 4],
    [100, 64],
    [5, 16],
    [4096, 4096],
    [1, 64],
  ] as const) {
    const at = arena.alloc(bytes, align);
    t.is(at % align, 0);
    t.is(arena.address(at) % align, 0, 'the address is aligned too');
    t.true(at >= end);
    end = at + bytes;
  }
});

test('an arena that is too small says so and keeps what it has', (t) => {
  const arena = new Arena(65_536);
  const rest = 65_536 - 128;
  arena.alloc(64);
  t.throws(() => arena.alloc(rest + 1), { instanceOf: RangeError });
  t.is(arena.alloc(rest), 128);
  t.throws(() => arena.alloc(1), { instanceOf: RangeError });
});

test('the views are of one memory, and its address is the first byte', (t) => {
  const arena = new Arena(65_536);
  t.is(arena.base, addressOf(arena.u8));
  const column = arena.column(3);
  column[2] = 0x01020304;
  t.is(column.length, 3);
  t.is(arena.u8[column.byteOffset + 8], 4);
  t.is(arena.u16[(column.byteOffset + 8) >> 1], 0x0304);
  t.is(arena.u32[(column.byteOffset + 8) >> 2], 0x01020304);
});

test('addresses and iovecs are written as the kernel reads them', (t) => {
  const arena = new Arena(65_536);
  const at = arena.alloc(32);
  const view = new DataView(arena.memory.buffer);
  for (const target of [0, 1, 4096, 65_535]) {
    arena.u8.fill(0xa5, at, at + 32);
    arena.writeAddress(at, target);
    t.is(view.getBigUint64(at, true), BigInt(arena.base) + BigInt(target));
    arena.writeIovec(at + 16, target, 1500);
    t.is(view.getBigUint64(at + 16, true), BigInt(arena.base) + BigInt(target));
    t.is(view.getBigUint64(at + 24, true), 1500n);
    t.is(view.getBigUint64(at + 8, true), 0xa5a5a5a5a5a5a5a5n, 'nothing else is touched');
  }
});

test('an address that crosses 4 GiB within an arena carries into the upper half', (t) => {
  const arena = new Arena(65_536);
  const view = new DataView(arena.memory.buffer);
  // Where the arena lies is not the test's choice, but nobody asks whether a target is in it.
  const toCarry = 2 ** 32 - (arena.base % 2 ** 32);
  for (const target of [toCarry - 1, toCarry, toCarry + 1]) {
    arena.writeAddress(64, target);
    t.is(view.getBigUint64(64, true), BigInt(arena.base) + BigInt(target));
    arena.writeIovec(64, target, 7);
    t.is(view.getBigUint64(64, true), BigInt(arena.base) + BigInt(target));
  }
});

test('a carved part keeps to its bounds, shares the offsets, and is empty again after a reset', (t) => {
  const arena = new Arena(65_536);
  const part = arena.carve(256);
  const behind = arena.alloc(64);
  arena.u8.fill(0xa5, behind, behind + 64);
  const first = part.alloc(200);
  t.is(part.memory, arena.memory);
  t.true(first > 0 && first + 200 <= behind);
  t.throws(() => part.alloc(200), { instanceOf: RangeError });
  arena.u8.fill(0xff, first, first + 200);
  part.reset();
  t.is(part.alloc(200), first);
  t.deepEqual([...arena.u8.subarray(first, first + 200)], new Array(200).fill(0));
  t.is(arena.u8[behind], 0xa5);
});

test('a pool hands parts out again, makes none before it is needed, and has a limit', (t) => {
  const arena = new Arena(65_536);
  const pool = new ArenaPool(arena, 1024, 2);
  const before = arena.alloc(64);
  const a = pool.take();
  const atA = a.alloc(1000);
  t.true(atA > before);
  const b = pool.take();
  const atB = b.alloc(1000);
  t.true(Math.abs(atA - atB) >= 1024);
  t.throws(() => pool.take(), { instanceOf: RangeError });
  pool.give(a);
  const again = pool.take();
  t.is(again.alloc(1000), atA, 'empty again');
  t.throws(() => pool.take(), { instanceOf: RangeError });
});

test('slots lie apart with headroom before each, and not all in the same cache sets', (t) => {
  const slots = new Slots(new Arena(1024 * 1024), 4);
  for (let i = 0; i < 4; i++) {
    t.is(slots.data(i) % 64, 0);
    if (i > 0) t.true(slots.data(i) - HEADROOM >= slots.data(i - 1) + slots.size);
  }
  t.not((slots.data(1) - slots.data(0)) % 4096, 0);
});

test('a vector is filled from the front and empty after a reset', (t) => {
  const arena = new Arena(65_536);
  const vector = new FrameVector(arena, 4);
  const view = new DataView(arena.memory.buffer);
  t.is(vector.headers.capacity, 4 * 192);
  const a = vector.headers.take(12);
  const b = vector.headers.take(17);
  t.deepEqual([b - a, vector.headers.room], [16, 4 * 192 - 48]);
  vector.iovecs.add(a, 12);
  vector.iovecs.add(b, 17);
  t.is(vector.iovecs.at(1) - vector.iovecs.at(0), 16);
  t.is(Number(view.getBigUint64(vector.iovecs.at(1), true)) - arena.base, b);
  t.is(view.getBigUint64(vector.iovecs.at(1) + 8, true), 17n);
  vector.count = 2;
  vector.reset();
  t.deepEqual([vector.count, vector.iovecs.used, vector.headers.room], [0, 0, 4 * 192]);
});
