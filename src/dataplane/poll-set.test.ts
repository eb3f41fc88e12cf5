import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Arena } from '../memory/arena.js';
import { close, eventfd } from '../native/libc.js';
import { POLL_DEVICE, PollSet } from './poll-set.js';
import { signalEventfd } from './wake.js';

const NONBLOCK = 0o4000;

function newSet(t: ExecutionContext): PollSet {
  const set = new PollSet(new Arena(1024 * 1024));
  t.teardown(() => set.close());
  return set;
}

/** What stands behind each entry that is ready now, as kind, device, which. */
function ready(set: PollSet): number[][] {
  const entries = Array.from({ length: set.wait(0) }, (_, n) => set.ready(n));
  return entries.map((entry) => [set.kind(entry), set.device(entry), set.which(entry)]);
}

test('it tells which entries are ready, for as long as they are, and goes on when others are taken out', (t) => {
  const set = newSet(t);
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
  const both = [
    [POLL_DEVICE.UNDERLAY, 7, 1],
    [POLL_DEVICE.PORT, 7, 0],
  ];
  t.deepEqual(ready(set).toSorted(), both.toSorted());
  t.deepEqual(ready(set).toSorted(), both.toSorted());
  set.remove(POLL_DEVICE.UNDERLAY, 7);
  t.deepEqual(ready(set), [[POLL_DEVICE.PORT, 7, 0]]);
  signalEventfd(control);
  t.is(ready(set).length, 2);
});

test('an entry that is taken out while they are gone through is none', (t) => {
  const set = newSet(t);
  const fd = eventfd(1, NONBLOCK);
  t.teardown(() => close(fd));
  set.add(fd, POLL_DEVICE.PORT, 1, 0);
  t.is(set.wait(0), 1);
  set.remove(POLL_DEVICE.PORT, 1);
  t.is(set.kind(set.ready(0)), POLL_DEVICE.NONE);
  set.add(fd, POLL_DEVICE.PORT, 2, 0);
  t.deepEqual(ready(set), [[POLL_DEVICE.PORT, 2, 0]]);
});

test('what is not in the set is taken out of it without harm, and a descriptor that is none is always ready', (t) => {
  const set = newSet(t);
  const fd = eventfd(0, NONBLOCK);
  close(fd);
  set.add(fd, POLL_DEVICE.UNDERLAY, 1, 0);
  set.remove(POLL_DEVICE.PORT, 1);
  set.remove(POLL_DEVICE.UNDERLAY, 2);
  t.is(set.wait(60_000), 1);
  t.deepEqual(ready(set), [[POLL_DEVICE.UNDERLAY, 1, 0]]);
  set.remove(POLL_DEVICE.UNDERLAY, 1);
  t.deepEqual(ready(set), []);
});

test('of many that are ready each has its turn', (t) => {
  const set = newSet(t);
  const fds = Array.from({ length: 100 }, () => eventfd(1, NONBLOCK));
  t.teardown(() => {
    for (const fd of fds) close(fd);
  });
  fds.forEach((fd, n) => {
    set.add(fd, POLL_DEVICE.PORT, n, 0);
  });
  const seen = new Set([...ready(set), ...ready(set)].map(([, device]) => device));
  t.is(seen.size, 100);
});

test('a full set says so', (t) => {
  const set = newSet(t);
  for (let n = 0; n < 4096; n++) set.add(-1, POLL_DEVICE.PORT, n, 0);
  t.throws(() => set.add(-1, POLL_DEVICE.PORT, 0, 0), { instanceOf: RangeError });
});

/** A descriptor that hangs up for ever: the reading end of a FIFO whose writer has gone. */
function hungUp(t: ExecutionContext): number {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-test-'));
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  closeSync(openSync(path, constants.O_WRONLY));
  rmSync(folder, { recursive: true });
  t.teardown(() => closeSync(fd));
  return fd;
}

test('one that has failed and never has anything is left alone for a second, again and again', (t) => {
  const set = newSet(t);
  const { now } = performance;
  let later = 0;
  performance.now = () => now.call(performance) + later;
  t.teardown(() => {
    performance.now = now;
  });
  set.add(hungUp(t), POLL_DEVICE.UNDERLAY, 1, 0);
  for (const _ of [1, 2, 3]) {
    let turns = 0;
    for (; set.wait(0) === 1; turns++) {
      t.true(turns < 1000, 'it spins');
      set.tried(0, turns % 2 === 0 ? 0 : -5);
    }
    t.is(turns, 16);
    later += 1001;
  }
  t.is(set.wait(0), 1);
});

test('one that has failed and has something yet is never left alone; one that only has nothing neither', (t) => {
  const set = newSet(t);
  set.add(hungUp(t), POLL_DEVICE.PORT, 1, 0);
  for (let n = 0; n < 100; n++) {
    t.is(set.wait(0), 1);
    set.tried(0, n % 10 === 0 ? 1 : 0);
  }
  set.remove(POLL_DEVICE.PORT, 1);
  const fd = eventfd(1, NONBLOCK);
  t.teardown(() => close(fd));
  set.add(fd, POLL_DEVICE.PORT, 2, 0);
  for (let n = 0; n < 100; n++) {
    t.is(set.wait(0), 1);
    set.tried(0, -11);
  }
});

test("one that is left alone can be taken out, and its place is another's", (t) => {
  const set = newSet(t);
  set.add(hungUp(t), POLL_DEVICE.PORT, 1, 0);
  while (set.wait(0) === 1) set.tried(0, 0);
  set.remove(POLL_DEVICE.PORT, 1);
  const fd = eventfd(1, NONBLOCK);
  t.teardown(() => close(fd));
  set.add(fd, POLL_DEVICE.PORT, 2, 0);
  t.deepEqual(ready(set), [[POLL_DEVICE.PORT, 2, 0]]);
});
