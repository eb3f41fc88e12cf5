import test from 'ava';
import { Arena } from '../memory/arena.js';
import { Counters, WorkCounter } from '../memory/counters.js';
import { ArenaClock, Waiting } from './waiting.js';

/** A machine whose clock goes on by 2 µs with each look, and to the next arrival in sleep. */
class Machine {
  time = 0x7fff_ffff - 1000; // it wraps in the middle of a test
  /** When something arrives, in microseconds behind the last `worked`. */
  next = Number.POSITIVE_INFINITY;
  readonly counters = new Counters();
  readonly waiting: Waiting;
  private worked = 0;

  constructor(busyPoll: number) {
    this.waiting = new Waiting(this, this.counters, { now: () => this.time | 0 }, busyPoll);
  }

  wait(milliseconds: number): number {
    const arrival = this.worked + this.next;
    if (milliseconds === 0) this.time += 2;
    else if (arrival > this.time) this.time = Math.min(arrival, this.time + milliseconds * 1000);
    return this.time >= arrival ? 1 : 0;
  }

  /** A frame is dealt with, and the next one comes so much later; returns how much later it was heard of. */
  frame(next: number): number {
    this.waiting.worked();
    this.worked = this.time;
    this.next = next;
    if (this.waiting.wait() !== 1) throw new Error('nothing came');
    return this.time - this.worked;
  }

  get sleeps(): number {
    return this.counters.workValue(WorkCounter.WAKEUPS);
  }

  get looks(): number {
    return this.counters.workValue(WorkCounter.BUSY_POLLS);
  }
}

test('without busy polling every wait is one sleep, and the clock is never looked at', (t) => {
  const counters = new Counters();
  const clock = {
    now: () => {
      throw new Error('the clock was looked at');
    },
  };
  const waiting = new Waiting({ wait: (milliseconds) => (milliseconds === 5000 ? 1 : 0) }, counters, clock, 0);
  for (let n = 0; n < 10; n++) {
    waiting.worked();
    t.is(waiting.wait(), 1);
  }
  t.is(counters.workValue(WorkCounter.WAKEUPS), 10);
  t.is(counters.workValue(WorkCounter.BUSY_POLLS), 0);
});

test('behind traffic it looks for more instead of sleeping, for as long as it was told', (t) => {
  const machine = new Machine(100);
  for (let n = 0; n < 1000; n++) machine.frame(60);
  t.is(machine.sleeps, 0);
  t.is(machine.counters.workValue(WorkCounter.BUSY_POLLS), 30_000);
  t.is(machine.counters.workValue(WorkCounter.IDLE_POLLS), 29_000);
  machine.frame(5000);
  t.is(machine.sleeps, 1);
  t.is(machine.looks, 30_050, '100 µs and no longer');
});

test('who is idle is not looked for again', (t) => {
  const machine = new Machine(100);
  machine.frame(1000);
  const { looks } = machine;
  machine.next = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 10; n++) t.is(machine.waiting.wait(), 0);
  t.is(machine.looks, looks);
  t.is(machine.sleeps, 11);
});

test('frames that come seldom soon find it asleep, and it looks again when they come often', (t) => {
  const machine = new Machine(100);
  for (let n = 0; n < 100; n++) machine.frame(1_000_000);
  t.is(machine.looks, 8 * 50, 'eight times in vain');
  const { looks, sleeps } = machine;
  machine.frame(60);
  t.is(machine.looks, looks);
  for (let n = 0; n < 100; n++) machine.frame(60);
  t.true(machine.looks > looks);
  t.is(machine.sleeps, sleeps + 1);
});

test('the clock goes on, in microseconds', (t) => {
  const clock = new ArenaClock(new Arena(65536));
  const before = performance.now();
  const first = clock.now();
  const inner = performance.now();
  let last = first;
  while (performance.now() - inner < 20) {
    const now = clock.now();
    t.true(((now - last) | 0) >= 0);
    last = now;
  }
  const least = performance.now() - inner;
  last = clock.now();
  const most = performance.now() - before;
  const passed = ((last - first) | 0) / 1000;
  t.true(passed >= least - 0.1 && passed <= most + 0.1, `${least} ms, ${passed} ms, ${most} ms`);
});
