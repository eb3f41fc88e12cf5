import test from 'ava';
import type { Instruction } from '../../dataplane/messages.js';
import { ReasonNames } from '../../memory/reason-names.js';
import { Bench } from '../kit.test.helper.js';
import type { Reply } from '../protocol.js';
import { Captures } from './captures.js';
import { RingSets } from './ring-sets.js';

type Apply = Extract<Instruction, { readonly type: 'captures' }>;

/** Captures of two workers that take over what they are told at once. */
function bench() {
  const seen = new Set<SharedArrayBuffer>();
  const told: Apply[] = [];
  const captures = new Captures(new Bench().rules, () => [], new ReasonNames());
  captures.datapath = {
    workers: 2,
    apply: async (instruction) => {
      if (instruction.type !== 'captures') return;
      told.push(instruction);
      for (const { rings } of instruction.captures) for (const ring of rings) seen.add(ring);
    },
  };
  return { captures, seen, told };
}

const nobody = (): undefined => undefined;

test('one capture after another has the rings of the one before, empty', async (t) => {
  const { captures, seen } = bench();
  for (let n = 0; n < 50; n++) {
    const session = captures.open([]);
    const [ring] = session.rings;
    t.is(ring?.read(), undefined);
    t.is(ring?.lost, 0);
    const work = session.run(nobody, Promise.resolve());
    ring?.begin(100, 1);
    ring?.end();
    while (ring && ring.begin(100_000, 1) >= 0) ring.end();
    await work;
  }
  t.is(seen.size, 2, 'one for each worker');
});

test('so has one behind a capture whose client went away', async (t) => {
  const { captures, seen } = bench();
  const gone = (reply: Reply): Promise<void> | undefined =>
    'err' in reply ? Promise.reject(new Error('the client is gone')) : undefined;
  for (let n = 0; n < 20; n++) {
    await t.throwsAsync(captures.open([]).run(gone, new Promise(() => undefined)), { message: 'the client is gone' });
  }
  t.is(seen.size, 2);
});

test('rings that a worker may still write to are nobody else’s', async (t) => {
  const { captures, seen } = bench();
  const { datapath } = captures;
  let go = nobody as () => void;
  captures.datapath = datapath && {
    ...datapath,
    apply: async (instruction) => {
      await datapath.apply(instruction);
      if (instruction.type === 'captures' && instruction.captures.length === 0)
        await new Promise<void>((resolve) => {
          go = resolve;
        });
    },
  };
  const first = captures.open([]);
  const work = first.run(nobody, Promise.resolve());
  while (go === nobody) await new Promise((resolve) => setImmediate(resolve));
  const second = captures.open([]);
  t.false(second.rings.some((ring) => first.rings.includes(ring)));
  go();
  await work;
  const third = captures.open([]);
  t.deepEqual(third.rings, first.rings);
  t.is(seen.size, 2, 'of the second and third nothing was told yet');
});

test('no more sets are kept than there may be captures', (t) => {
  const sets = new RingSets(1, 2);
  const taken = [sets.take(), sets.take(), sets.take()];
  for (const rings of taken) sets.give(rings);
  const again = [sets.take(), sets.take(), sets.take()];
  t.is(again.filter((rings) => taken.includes(rings)).length, 2);
});
