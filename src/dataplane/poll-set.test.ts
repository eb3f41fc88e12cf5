import test from 'ava';
import { Arena } from '../memory/arena.js';
import { close, eventfd, ppoll } from '../native/libc.js';
import { POLL_DEVICE, PollSet } from './poll-set.js';
import { signalEventfd } from './wake.js';

const NONBLOCK = 0o4000;

/** What stands behind each entry, as kind, device, which. */
function entries(set: PollSet): number[][] {
  return Array.from({ length: set.count }, (_, n) => [set.kind(n), set.device(n), set.which(n)]);
}

function ready(set: PollSet): number[] {
  return Array.from({ length: set.count }, (_, n) => n).filter((n) => set.isReady(n));
}

test('ppoll tells which entries are ready, and an entry keeps that when others are taken out before it', (t) => {
  const set = new PollSet(new Arena(1024 * 1024));
  const fds = [0, 1, 2, 3].map(() => eventfd(0, NONBLOCK));
  t.teardown(() => {
    for (const fd of fds) close(fd);
  });
  const [control = -1, first = -1, second = -1, third = -1] = fds;
  set.add(control, POLL_DEVICE.CONTROL, 0, 0);
  set.add(first, POLL_DEVICE.UNDERLAY, 7, 0);
  set.add(second, POLL_DEVICE.UNDERLAY, 7, 1);
  set.add(third, POLL_DEVICE.PORT, 7, 0);
  t.deepEqual(ready(set), []);
  signalEventfd(second);
  signalEventfd(third);
  t.is(ppoll(set.address, set.count, set.timeout), 2);
  t.deepEqual(ready(set), [2, 3]);
  set.remove(POLL_DEVICE.UNDERLAY, 7);
  t.deepEqual(entries(set), [
    [POLL_DEVICE.CONTROL, 0, 0],
    [POLL_DEVICE.PORT, 7, 0],
  ]);
  t.deepEqual(ready(set), [1]);
  t.is(ppoll(set.address, set.count, set.timeout), 1);
  t.deepEqual(ready(set), [1]);
});

test('an entry in the place of one that was ready is not ready', (t) => {
  const set = new PollSet(new Arena(1024 * 1024));
  const fd = eventfd(1, NONBLOCK);
  t.teardown(() => close(fd));
  set.add(fd, POLL_DEVICE.PORT, 1, 0);
  ppoll(set.address, set.count, set.timeout);
  t.deepEqual(ready(set), [0]);
  set.remove(POLL_DEVICE.PORT, 1);
  set.add(fd, POLL_DEVICE.PORT, 2, 0);
  t.deepEqual(ready(set), []);
});

test('what is not in the set is taken out of it without harm, and a descriptor that is none polls as ready', (t) => {
  const set = new PollSet(new Arena(1024 * 1024));
  const fd = eventfd(0, NONBLOCK);
  close(fd);
  set.add(fd, POLL_DEVICE.UNDERLAY, 1, 0);
  set.remove(POLL_DEVICE.PORT, 1);
  set.remove(POLL_DEVICE.UNDERLAY, 2);
  t.is(set.count, 1);
  t.is(ppoll(set.address, set.count, set.timeout), 1);
  t.deepEqual(ready(set), [0]);
});

test('a full set says so', (t) => {
  const set = new PollSet(new Arena(1024 * 1024));
  for (let n = 0; n < 4096; n++) set.add(-1, POLL_DEVICE.PORT, n, 0);
  t.throws(() => set.add(-1, POLL_DEVICE.PORT, 0, 0), { instanceOf: RangeError });
  t.is(set.count, 4096);
});
