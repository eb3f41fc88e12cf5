import test from 'ava';
import { Counters, WorkCounter } from '../memory/counters.js';
import { lastWords } from './last-words.js';

test('the last line says what came, what went, and what did not arrive', (t) => {
  const sets = [new Counters(), new Counters()];
  for (const set of sets) {
    set.work(WorkCounter.RECEIVED_DATAGRAMS, 5);
    set.work(WorkCounter.SENT_DATAGRAMS, 2);
    set.work(WorkCounter.TAP_FRAMES_READ, 1);
  }
  const row = (reason: string, verdict: 'drop' | 'pass', count: number) => ({
    ...{ reason, verdict, count, device: 'vxlan0', sentence: '' },
  });
  t.is(
    lastWords(sets, [row('unmatched', 'pass', 9)]),
    'stopped: 10 datagrams received and 4 sent, 2 frames from the host, nothing dropped',
  );
  t.is(
    lastWords(sets, [row('unknown-vni', 'drop', 2), row('unmatched', 'pass', 9), row('socket-overflow', 'drop', 1)]),
    'stopped: 10 datagrams received and 4 sent, 2 frames from the host, 3 dropped (vxlan0 unknown-vni 2, vxlan0 socket-overflow 1)',
  );
});
