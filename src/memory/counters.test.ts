import test from 'ava';
import {
  ACTION_COUNTERS,
  ActionCounter,
  ActionCounters,
  Counters,
  DEVICE_COUNTERS,
  DeviceCounter,
  MAX_DEVICES,
  WORK_COUNTERS,
  WorkCounter,
} from './counters.js';
import { REASON, REASONS } from './reasons.js';

test('every counter of every kind has a place of its own', (t) => {
  const counters = new Counters();
  const devices = [0, 1, MAX_DEVICES - 1];
  let value = 0;
  for (const device of devices) {
    for (const counter of Object.values(DeviceCounter)) counters.device(device, counter, ++value);
    REASONS.forEach((_, reason) => {
      counters.reason(device, reason, ++value);
    });
  }
  for (const counter of Object.values(WorkCounter)) counters.work(counter, ++value);
  let expected = 0;
  for (const device of devices) {
    for (const counter of Object.values(DeviceCounter)) t.is(counters.deviceValue(device, counter), ++expected);
    REASONS.forEach((_, reason) => {
      t.is(counters.reasonValue(device, reason), ++expected);
    });
  }
  for (const counter of Object.values(WorkCounter)) t.is(counters.workValue(counter), ++expected);
  for (const counter of Object.values(DeviceCounter)) t.true(counter < DEVICE_COUNTERS);
  for (const counter of Object.values(WorkCounter)) t.true(counter < WORK_COUNTERS);
  for (const counter of Object.values(ActionCounter)) t.true(counter < ACTION_COUNTERS);
});

test('another set over the same buffer reads what was counted', (t) => {
  const counters = new Counters();
  counters.device(3, DeviceCounter.RX_BYTES, 2 ** 40);
  counters.device(3, DeviceCounter.RX_BYTES, 1);
  t.is(new Counters(counters.buffer).deviceValue(3, DeviceCounter.RX_BYTES), 2 ** 40 + 1);
});

test('a device index that goes to another device starts from zero, and its neighbours do not', (t) => {
  const counters = new Counters();
  for (const device of [4, 5, 6]) {
    counters.device(device, DeviceCounter.HOOK_DROPS, 1);
    counters.reason(device, REASON['short-vxlan-header'], 1);
    counters.reason(device, REASONS.length - 1, 1);
  }
  counters.clearDevice(5);
  const left = (device: number): number[] => [
    counters.deviceValue(device, DeviceCounter.HOOK_DROPS),
    counters.reasonValue(device, REASON['short-vxlan-header']),
    counters.reasonValue(device, REASONS.length - 1),
  ];
  t.deepEqual([4, 5, 6].map(left), [
    [1, 1, 1],
    [0, 0, 0],
    [1, 1, 1],
  ]);
});

test('actions count packets, bytes, and when they were used first and last', (t) => {
  const counters = new ActionCounters();
  const reader = new ActionCounters();
  t.is(counters.capacity, 0);
  reader.attach(counters.grow());
  reader.attach(counters.grow());
  t.is(counters.capacity, 8192);
  for (const row of [0, 4095, 4096, 8191]) {
    counters.hit(row, 3, 100, 1_700_000_000_000);
    counters.hit(row, 1, 84, 1_700_000_000_777);
    counters.add(row, ActionCounter.DROPS, 2);
    t.deepEqual(
      Object.values(ActionCounter).map((counter) => reader.value(row, counter)),
      [4, 184, 2, 0, 0, 1_700_000_000_777, 1_700_000_000_000, 0],
    );
  }
  t.is(reader.value(1, ActionCounter.PACKETS), 0);
  counters.clear(4096);
  t.is(reader.value(4096, ActionCounter.LAST_USED), 0);
  t.is(reader.value(4095, ActionCounter.PACKETS), 4);
  counters.hit(4096, 1, 1, 5);
  t.is(reader.value(4096, ActionCounter.FIRST_USED), 5);
});

test('an action tells every so many-th time, and each has a count of its own', (t) => {
  const counters = new ActionCounters();
  counters.grow();
  t.deepEqual(
    Array.from({ length: 6 }, () => counters.isTurn(7, 3)),
    [false, false, true, false, false, true],
  );
  t.false(counters.isTurn(8, 3));
  t.is(counters.value(7, ActionCounter.COUNTED), 6);
});

test('every reason has a name of its own, in the words of a script, and a sentence', (t) => {
  t.is(new Set(REASONS.map(({ name }) => name)).size, REASONS.length);
  t.is(new Set(REASONS.map(({ sentence }) => sentence)).size, REASONS.length);
  REASONS.forEach(({ name, sentence }, number) => {
    t.is(REASON[name as keyof typeof REASON], number);
    t.regex(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    t.true(sentence.length > 10 && !sentence.endsWith('.'), name);
  });
});

test('what is on tape counts again, and nothing of before or behind it', (t) => {
  const counters = new Counters();
  const actions = new ActionCounters();
  actions.grow();
  const count = (): void => {
    counters.device(3, DeviceCounter.RX_BYTES, 100);
    counters.reason(3, 7, 2);
    actions.hit(5, 1, 90, 1000);
    actions.add(5, ActionCounter.DROPS, 1);
  };
  count();
  counters.tape.begin();
  actions.tape.begin();
  count();
  t.true(counters.tape.end() && actions.tape.end());
  count();
  counters.replay(4);
  actions.replay(4);
  t.is(counters.deviceValue(3, DeviceCounter.RX_BYTES), 700);
  t.is(counters.reasonValue(3, 7), 14);
  t.deepEqual(
    [ActionCounter.PACKETS, ActionCounter.BYTES, ActionCounter.DROPS, ActionCounter.LAST_USED].map((n) =>
      actions.value(5, n),
    ),
    [7, 630, 7, 1000],
  );
});

test('a tape says when it was too short, and begins anew', (t) => {
  const { tape } = new Counters();
  tape.begin();
  for (let n = 0; n < 65; n++) tape.note(n, 0, 1);
  t.false(tape.end());
  tape.begin();
  t.true(tape.end());
  t.is(tape.length, 0);
});
