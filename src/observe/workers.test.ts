import test from 'ava';
import { CounterSets } from '../memory/counter-sets.js';
import { WorkCounter } from '../memory/counters.js';
import { printWorkers, workerRows } from './workers.js';

test('each worker has a line of its own, with the processor that it is pinned to', (t) => {
  const { sets } = new CounterSets(3);
  sets[1]?.work(WorkCounter.WAKEUPS, 12);
  sets[2]?.work(WorkCounter.RECEIVED_DATAGRAMS, 3456);
  t.deepEqual(
    workerRows(sets, [0, 5]).map(({ worker, cpu, wakeups, receivedDatagrams }) => [
      worker,
      cpu,
      wakeups,
      receivedDatagrams,
    ]),
    [
      [0, 0, 0, 0],
      [1, 5, 12, 0],
      [2, 0, 0, 3456],
    ],
  );
  t.false('cpu' in (workerRows(sets)[0] ?? {}));
  t.deepEqual(
    printWorkers(workerRows(sets))
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/).slice(0, 6).join(',')),
    ['WORKER,CPU,WAKEUPS,POLLS,IN VAIN,RECEIVED', '0,any,0,0,0,0', '1,any,12,0,0,0', '2,any,0,0,0,3456', ''],
  );
});

test('on a narrow screen the table stands in parts that fit, with the worker in each', (t) => {
  const { sets } = new CounterSets(2);
  sets[1]?.work(WorkCounter.LOOKUPS, 1234567890);
  const rows = workerRows(sets);
  const whole = printWorkers(rows).split('\n');
  const width = whole[0]?.length ?? 0;
  t.is(printWorkers(rows, width), printWorkers(rows));
  const parts = printWorkers(rows, 40).trimEnd().split('\n\n');
  t.is(parts.length, 3);
  const words = (line: string) => line.trim().split(/ {2,}/);
  for (const [n, line] of whole.slice(0, 3).entries()) {
    const lines = parts.map((part) => part.split('\n')[n] ?? '');
    t.true(lines.every(({ length }) => length <= 40));
    t.true(lines.every((each) => words(each)[0] === words(line)[0]));
    t.deepEqual([...words(lines[0] ?? '').slice(0, 1), ...lines.flatMap((each) => words(each).slice(1))], words(line));
  }
  t.is(
    printWorkers(rows, width - 1)
      .trimEnd()
      .split('\n\n').length,
    2,
  );
  t.is(printWorkers(rows, 1).split('\n\n').length, 11, 'one column each where nothing fits');
});
