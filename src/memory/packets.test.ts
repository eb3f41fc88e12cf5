import test from 'ava';
import { Arena } from './arena.js';
import {
  GSO_NONE,
  GSO_TCPV4,
  JOINS,
  NONE,
  type PacketIndex,
  Packets,
  SHARED,
  TUNNEL_RECEIVED,
  UNFINISHED,
} from './packets.js';

function packets(capacity = 4): Packets {
  const arena = new Arena(64 * 1024);
  arena.u8.fill(0xa5);
  return new Packets(arena, capacity);
}

test('a packet that is taken is plain, whatever its place held before', (t) => {
  const all = packets();
  const i = all.take(1000, 60);
  t.is(i, 0 as PacketIndex);
  t.deepEqual(
    [
      all.frame,
      all.length,
      all.flags,
      all.tunnel,
      all.gsoType,
      all.gsoSize,
      all.csumStart,
      all.csumOffset,
      all.next,
    ].map((column) => column[i]),
    [1000, 60, 0, -1, GSO_NONE, 0, 0, 0, NONE],
  );
});

test('a full batch has no packet left, and a reset gives all of them back', (t) => {
  const all = packets(2);
  t.deepEqual([all.take(1, 14), all.take(2, 14), all.take(3, 14), all.count], [0, 1, NONE, 2] as number[]);
  t.is(all.share(0 as PacketIndex), NONE);
  t.is(all.flags[0], 0, 'nothing is shared with nobody');
  all.reset();
  t.is(all.count, 0);
  t.is(all.take(3, 14), 0 as PacketIndex);
});

test('a shared packet is the same in every column, in no queue, and both know it', (t) => {
  const all = packets();
  const i = all.take(1000, 60);
  const columns = ['device', 'shape', 'l3', 'l4', 'payload', 'end', 'hash'] as const;
  columns.forEach((name, n) => {
    all[name][i] = 100 + n;
  });
  all.tunnel[i] = 7;
  all.gsoType[i] = GSO_TCPV4;
  all.gsoSize[i] = 1400;
  all.gsoBytes[i] = 4200;
  all.csumStart[i] = 34;
  all.csumOffset[i] = 16;
  all.flags[i] = UNFINISHED | TUNNEL_RECEIVED;
  all.next[i] = 3;
  const j = all.share(i);
  for (const [name, column] of Object.entries(all))
    if (column instanceof Int32Array && name !== 'next') t.is(column[j], column[i], name);
  t.is(all.flags[j], UNFINISHED | TUNNEL_RECEIVED | SHARED);
  t.is(all.next[j], NONE);
  t.is(all.next[i], 3);
});

test('repeated packets differ in their places, and are chained in order', (t) => {
  const all = packets();
  const i = all.take(1000, 60);
  let value = 100;
  for (const [name, column] of Object.entries(all))
    if (column instanceof Int32Array && name !== 'next') column[i] = ++value;
  for (const name of ['gsoType', 'gsoSize', 'gsoBytes', 'csumStart', 'csumOffset'] as const) all[name][i] = 0;
  const first = all.repeat(i, 3, 2000, 70);
  t.deepEqual([first, all.count], [1 as PacketIndex, 4]);
  for (let n = 0; n < 3; n++) {
    const j = first + n;
    for (const [name, column] of Object.entries(all))
      if (column instanceof Int32Array && name !== 'next' && name !== 'frame') t.is(column[j], column[i], name);
    t.is(all.frame[j], 2000 + n * 70);
    t.is(all.next[j], n === 2 ? NONE : j + 1);
  }
});

test('a copy of a packet that joins the one before it joins none', (t) => {
  const all = packets();
  const i = all.take(1000, 60);
  all.flags[i] = JOINS;
  t.is(all.flags[all.share(i)], SHARED);
});

for (const [title, given, segments] of [
  ['a frame that is no super-frame', { type: GSO_NONE, size: 100, payload: 54, end: 1000 }, 1],
  ['a super-frame of unknown segments', { type: GSO_TCPV4, size: 0, payload: 54, end: 1000 }, 1],
  ['whole segments', { type: GSO_TCPV4, size: 100, payload: 54, end: 354 }, 3],
  ['a shorter last segment', { type: GSO_TCPV4, size: 100, payload: 54, end: 355 }, 4],
  ['less than a segment', { type: GSO_TCPV4, size: 100, payload: 54, end: 60 }, 1],
  ['no payload', { type: GSO_TCPV4, size: 100, payload: 54, end: 54 }, 1],
  ['padding behind the packet', { type: GSO_TCPV4, size: 100, payload: 54, end: 354, length: 400 }, 3],
  ['headers that do not parse', { type: GSO_TCPV4, size: 100, payload: -1, end: 300 }, 3],
] as const) {
  test(`segments of ${title}: ${segments}`, (t) => {
    const all = packets();
    const i = all.take(1000, 'length' in given ? given.length : given.end);
    all.gsoType[i] = given.type;
    all.gsoSize[i] = given.size;
    all.payload[i] = given.payload;
    all.end[i] = given.end;
    t.is(all.segments(i), segments);
  });
}
