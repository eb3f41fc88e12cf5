// What a full queue has lost: the kernel's count has 32 bits and wraps, and what is told are its differences.
import test from 'ava';
import { Endpoint } from '../testing/loopback.js';
import { QueueDrops } from './queue-drops.js';

test('what is told is what has come since, over the ends of 32 bits and of 31', (t) => {
  const from = new Endpoint(4, {}, false);
  const to = new Endpoint(4, { receiveBuffer: 4096 });
  t.teardown(() => {
    from.close();
    to.close();
  });
  from.record(0, to.sockets.port);
  const { arena, sockets } = to;
  const flood = (): void => {
    for (let n = 0; n < 100; n++) from.add([new Uint8Array(900 + (n & 1))], 0);
    from.send();
    from.clear();
  };
  flood();
  const lost = new QueueDrops(arena, sockets.receiveFd, 0).take();
  t.true(lost > 0 && lost <= 100, `${lost}`);
  // Counts that the socket may have had before: as if it had lost so many billions more.
  const before = [0, 1, lost, lost + 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
  const readers = before.map((count) => new QueueDrops(arena, sockets.receiveFd, count));
  t.deepEqual(
    readers.map((reader) => reader.take()),
    before.map((count) => (lost >= count ? lost - count : 2 ** 32 - (count - lost))),
  );
  t.deepEqual(
    readers.map((reader) => reader.take()),
    before.map(() => 0),
    'once',
  );
  // The queue is full: of these none has room.
  flood();
  const [more = 0, ...others] = readers.map((reader) => reader.take());
  t.is(more, 100);
  t.deepEqual(
    others,
    others.map(() => more),
    'wherever the count stands',
  );
});
