import test from 'ava';
import { ActionCounterSets, CounterSets } from './counter-sets.js';
import { ActionCounter, DeviceCounter, WorkCounter } from './counters.js';

test('what several workers have counted is added up, and cleared at all of them', (t) => {
  const counters = new CounterSets(3);
  counters.sets.forEach((set, worker) => {
    set.device(5, DeviceCounter.RX_PACKETS, worker + 1);
    set.reason(5, 2, 10);
    set.work(WorkCounter.WAKEUPS, 1);
  });
  counters.setReason(5, 3, 7);
  counters.setReason(5, 3, 8);
  t.is(counters.deviceValue(5, DeviceCounter.RX_PACKETS), 6);
  t.is(counters.reasonValue(5, 2), 30);
  t.is(counters.reasonValue(5, 3), 8);
  t.is(counters.workValue(WorkCounter.WAKEUPS), 3);
  counters.clearDevice(5);
  t.is(counters.deviceValue(5, DeviceCounter.RX_PACKETS), 0);
  t.is(counters.reasonValue(5, 3), 0);
});

test('an action was first used when the first worker met it, and last when the last one did', (t) => {
  const counters = new ActionCounterSets(3);
  t.is(counters.grow().length, 3);
  t.is(counters.capacity, 4096);
  t.is(counters.value(9, ActionCounter.FIRST_USED), 0);
  counters.sets[1]?.hit(9, 1, 100, 5000);
  counters.sets[2]?.hit(9, 2, 200, 3000);
  counters.sets[2]?.hit(9, 3, 300, 4000);
  t.is(counters.value(9, ActionCounter.PACKETS), 6);
  t.is(counters.value(9, ActionCounter.BYTES), 600);
  t.is(counters.value(9, ActionCounter.FIRST_USED), 3000);
  t.is(counters.value(9, ActionCounter.LAST_USED), 5000);
  counters.clear(9);
  t.is(counters.value(9, ActionCounter.BYTES), 0);
});
