import { getHeapStatistics } from 'node:v8';
import test from 'ava';
import { LeftGarbage } from './left-garbage.js';

const MIB = 2 ** 20;

/** A heap of `live` MiB, of which nobody collects but by request, and what is to be done later. */
function bench(live: number) {
  const heap = { garbage: 0, collections: 0 };
  const works: (() => void)[] = [];
  const left = new LeftGarbage({
    used: () => (live + heap.garbage) * MIB,
    collect: async () => {
      heap.garbage = 0;
      heap.collections++;
    },
    later: (work) => void works.push(work),
  });
  const pass = async (): Promise<void> => {
    for (const work of works.splice(0)) work();
    await new Promise(setImmediate);
  };
  return { heap, left, pass };
}

test('what a large change leaves is collected, once for all that are over by then', async (t) => {
  const { heap, left, pass } = bench(10);
  heap.garbage = 300;
  for (let n = 0; n < 5; n++) left.look();
  t.is(heap.collections, 0, 'whoever asked has his answer first');
  await pass();
  t.is(heap.collections, 1);
  heap.garbage = 63;
  left.look();
  await pass();
  t.is(heap.collections, 1, 'that is little');
  heap.garbage = 65;
  left.look();
  await pass();
  t.is(heap.collections, 2);
});

test('where much stays, much has to come before all of it is looked through', async (t) => {
  const { heap, left, pass } = bench(400);
  left.look();
  await pass();
  t.is(heap.collections, 1, 'of what it has it knows nothing yet');
  heap.garbage = 199;
  left.look();
  await pass();
  t.is(heap.collections, 1);
  heap.garbage = 201;
  left.look();
  await pass();
  t.is(heap.collections, 2);
});

test('what V8 has collected meanwhile is not collected again', async (t) => {
  const { heap, left, pass } = bench(10);
  heap.garbage = 300;
  left.look();
  heap.garbage = 0;
  await pass();
  t.is(heap.collections, 0);
});

test('the heap of this process is collected', async (t) => {
  const used = (): number => getHeapStatistics().used_heap_size;
  const left = new LeftGarbage();
  left.look();
  let objects = Array.from({ length: 2_000_000 }, (_, n) => ({ n }));
  const before = used();
  t.is(objects.length, 2_000_000);
  objects = [];
  left.look();
  const deadline = Date.now() + 20_000;
  while (used() > before - 48 * MIB && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(used() < before - 48 * MIB, `${used()} of ${before}`);
});
