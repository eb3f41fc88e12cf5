// Transactions that are taken back: afterwards everything is shown, published and numbered as before.
import test from 'ava';
import fc from 'fast-check';
import { ACTION_WORDS, ActionKind, type ActionPrograms, ActionWord, actionPlace } from '../actions/program.js';
import type { LinearSnapshot } from '../classifier/linear/linear-table.js';
import { TupleSpaceTable } from '../classifier/tuple-space/tuple-space-table.js';
import { actionKinds } from '../iproute/action-kinds.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { type Edit, edit, filter, tried } from './arbitrary-edit.test.helper.js';
import { Journal } from './journal.js';
import { Bench } from './kit.test.helper.js';

/** A clock that only moves when it is told to, so that ages can be compared. */
let now = 1_760_000_000_000;
SYSTEM_CLOCK.steady = () => now;

/** What every show command prints, ages and counters included. */
function shown(bench: Bench): string[] {
  const qdiscs = bench.rules.qdiscsOf().map((qdisc) => JSON.stringify(qdisc));
  const lines = [
    ...['vxlan0 ingress', 'tap0 ingress', 'tap0 egress', 'vxlan0 parent ffff:'].flatMap((on) => [
      `-s filter show dev ${on}`,
      `-s -j filter show dev ${on}`,
      `chain show dev ${on}`,
    ]),
    ...actionKinds.map((kind) => `-s actions ls action ${kind}`),
  ];
  return [...qdiscs, ...lines.map((line) => bench.tc(line))];
}

/** What a rule has the workers do: words of its actions, but for the places of tunnel records and ages of buckets. */
function programOf(programs: ActionPrograms, rule: number): number[][] {
  const { start, words } = programs;
  const at = start[rule] ?? 0;
  const rows = [...words.subarray(at + 1, at + 1 + (words[at] ?? 0))];
  return rows.map((row) => {
    const action = [...words.subarray(actionPlace(programs, row), actionPlace(programs, row) + ACTION_WORDS)];
    if (action[ActionWord.KIND] === ActionKind.POLICE) return action.with(ActionWord.D, 0);
    return action[ActionWord.KIND] === ActionKind.TUNNEL_KEY_SET ? action.with(ActionWord.A, 0) : action;
  });
}

/** What workers have been told to run last: rules by hook, in order of evaluation; those of a mask are sorted. */
function inForce(bench: Bench): unknown {
  const hooks = new Map<string, string>();
  let programs: ActionPrograms | undefined;
  for (const instruction of bench.datapath.instructions) {
    if (instruction.type !== 'rules') continue;
    programs = instruction.programs;
    for (const { device, direction, snapshot } of instruction.hooks) {
      const masks = new Map<string, string[]>();
      for (const { id, chain, pref, protocol, mask } of (snapshot as LinearSnapshot | undefined)?.rules ?? []) {
        const key = `${chain} ${pref} ${protocol} ${mask}`;
        masks.set(key, [...(masks.get(key) ?? []), `${id}`].sort());
      }
      hooks.set(`${device} ${direction}`, JSON.stringify([...masks]));
    }
  }
  const ids = [...hooks.values()].flatMap((hook) => [...hook.matchAll(/"(\d+)"/g)].map(([, id]) => Number(id)));
  return [hooks, ids.map((id) => programs && programOf(programs, id))];
}

/** A frame for each action that there is. */
function traffic(bench: Bench): void {
  for (const kind of actionKinds) {
    for (const { spec } of bench.rules.actions.list(kind)) {
      bench.datapath.actionCounters.hit(spec.index % 5, spec.index, 100 * spec.index, now);
    }
  }
}

function prepared(edits: readonly Edit[]): Bench {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  bench.tc('qdisc add dev tap0 clsact');
  for (const each of edits) {
    tried(() => each(bench));
    now += 1000;
  }
  return bench;
}

const qdiscs: fc.Arbitrary<Edit> = fc
  .constantFrom(
    'qdisc del dev vxlan0 ingress',
    'qdisc add dev vxlan0 ingress',
    'qdisc add dev tap1 clsact',
    'qdisc del dev tap0 clsact',
    'filter del dev vxlan0 ingress',
    'filter del dev vxlan0 ingress pref 1',
    'actions flush action gact',
    'actions del action mirred index 3',
    'actions replace action mirred egress redirect dev tap1 index 3',
    'actions replace action mirred egress redirect dev tap0 index 3',
    'actions replace action gact pass index 2',
    'filter add dev vxlan0 ingress protocol ip flower action drop',
    'filter add dev vxlan0 parent ffff: protocol ip flower action drop',
  )
  .map((line) => (bench) => void bench.tc(line));
const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: edit },
  { weight: 1, arbitrary: qdiscs },
  // Without a handle: the lowest free one.
  {
    weight: 1,
    arbitrary: filter.map(
      (spec): Edit =>
        ({ rules }) =>
          rules.edit('add', { ...spec, handle: 0 }),
    ),
  },
);
const some = fc.array(anyEdit, { minLength: 1, maxLength: 20, size: 'max' });

test.serial(
  'what is taken back was never there: for whoever looks, for the workers, and for what comes after',
  async (t) => {
    let edited = 0;
    await fc.assert(
      fc.asyncProperty(some, some, some, fc.boolean(), async (first, second, third, isCommitted) => {
        now = 1_760_000_000_000;
        const bench = prepared(first);
        const start = now;
        now = 1_760_000_000_000;
        const twin = prepared(first);
        t.is(now, start);
        for (const each of [bench, twin]) {
          if (isCommitted) await each.rules.commit();
          traffic(each);
        }
        const before = shown(bench);
        const told = bench.datapath.instructions.length;
        bench.rules.open();
        for (const each of second) if (tried(() => each(bench))) edited++;
        await t.throwsAsync(bench.rules.commit(), { message: /transaction/ });
        await bench.rules.rollBack();
        t.deepEqual(shown(bench), before);
        t.is(bench.datapath.instructions.length, told, 'no worker has heard of it');
        if (isCommitted) {
          await bench.rules.commit();
          t.is(bench.datapath.instructions.length, told, 'and there is nothing to hear');
        }
        for (const each of third)
          t.is(
            tried(() => each(bench)),
            tried(() => each(twin)),
          );
        t.deepEqual(shown(bench), shown(twin));
        await Promise.all([bench.rules.commit(), twin.rules.commit()]);
        t.deepEqual(inForce(bench), inForce(twin));
        // Whatever sends to a device keeps its index, and no longer.
        for (const each of [bench, twin]) each.devices.remove('tap1');
        t.is(bench.devices.add('tap7'), twin.devices.add('tap7'));
        for (const each of [bench, twin]) {
          for (const device of [0, 1]) each.rules.forgetDevice(device);
          await each.rules.commit();
          await each.rules.commit();
        }
        t.is(bench.devices.add('tap8'), twin.devices.add('tap8'));
      }),
      { numRuns: 300, seed: 20261123, includeErrorInReport: true },
    );
    t.true(edited > 500, `${edited}`);
  },
);

test.serial('what is kept is as without a transaction', async (t) => {
  await fc.assert(
    fc.asyncProperty(some, some, async (first, second) => {
      now = 1_760_000_000_000;
      const bench = prepared(first);
      now = 1_760_000_000_000;
      const twin = prepared(first);
      bench.rules.open();
      for (const each of second)
        t.is(
          tried(() => each(bench)),
          tried(() => each(twin)),
        );
      bench.rules.keep();
      t.deepEqual(shown(bench), shown(twin));
      await Promise.all([bench.rules.commit(), twin.rules.commit()]);
      t.deepEqual(inForce(bench), inForce(twin));
    }),
    { numRuns: 150, seed: 20261124, includeErrorInReport: true },
  );
});

test.serial(
  'a mask that ended in the middle of its pref is tried in its old place again, by the fast classifier too',
  async (t) => {
    const bench = new Bench(() => new TupleSpaceTable());
    bench.tc('qdisc add dev vxlan0 ingress');
    const add = (words: string): string => bench.tc(`filter add dev vxlan0 ingress protocol ip pref 1 ${words}`);
    add('handle 1 flower dst_ip 10.0.0.0/8 action drop');
    add('handle 2 flower dst_ip 10.1.0.0/16 action pass');
    const order = (): number[] =>
      [...bench.rules.saved('vxlan0')].flatMap(({ filters }) => [...filters].map(({ handle }) => handle));
    bench.rules.open();
    bench.tc('filter del dev vxlan0 ingress protocol ip pref 1 handle 1 flower');
    add('handle 1 flower dst_ip 11.0.0.0/8 action drop');
    t.deepEqual(order(), [2, 1]);
    await bench.rules.rollBack();
    t.deepEqual(order(), [1, 2]);
  },
);

test('what was noted is undone from the last to the first, and only within a transaction', (t) => {
  const journal = new Journal();
  const done: string[] = [];
  journal.note(() => done.push('never'));
  journal.open();
  t.throws(() => journal.open());
  journal.note(() => done.push('first, undone last'));
  journal.note(() => done.push('second'));
  journal.rollBack();
  t.deepEqual(done.splice(0), ['second', 'first, undone last']);
  journal.open();
  journal.note(() => done.push('kept'));
  journal.keep();
  journal.note(() => done.push('nobody asks'));
  journal.rollBack();
  t.deepEqual([done, journal.isOpen], [[], false]);
});
