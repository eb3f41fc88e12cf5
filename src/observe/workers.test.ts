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
