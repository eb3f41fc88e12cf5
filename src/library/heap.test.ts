import { getHeapStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Endpoint } from './index.js';

test('the heap of a program is its own: however much it holds, no batch has it collected', async (t) => {
  const held = Array.from({ length: 3_000_000 }, (_, n) => ({ n }));
  t.true(getHeapStatistics().used_heap_size > 96 * 2 ** 20);
  const { setTimeout: real } = globalThis;
  const sooner = (work: () => void): NodeJS.Timeout => real(work, 0);
  globalThis.setTimeout = sooner as typeof setTimeout;
  try {
    const endpoint = await Endpoint.open({ underlay: () => undefined });
    await endpoint.batch('ip link add tap0 type tap');
    // Behind whatever the batch has left to be done later.
    await new Promise((resolve) => real(resolve, 1));
    await endpoint.close();
  } finally {
    globalThis.setTimeout = real;
  }
  t.is(runInNewContext('typeof gc'), 'undefined', 'nobody has taken the collector in hand');
  t.is(held.length, 3_000_000);
});
