// Rules that become what a file asks for: the same state as after a start with it, and what did not change untouched.
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type LinearSnapshot, LinearTable } from '../classifier/linear/linear-table.js';
import { splitBatch } from '../iproute/batch.js';
import type { LinkState } from '../iproute/link-state.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { adoptRules, compareRules } from './adopt-rules.js';
import { type Edit, edit, filter, tried } from './arbitrary-edit.test.helper.js';
import type { PresentDevices } from './desired-devices.js';
import { readDesired } from './desired-state.js';
import { TableDrafts } from './device-tables.js';
import { ALL, Bench, type FakeDevices } from './kit.test.helper.js';
import { noSuchDevice } from './refusal.js';
import { saveLines } from './save.js';
import { inSlices, stepped } from './slices.js';

const DEVICES = ['vxlan0', 'tap0', 'tap1'];
const LINKS = DEVICES.map((name) => `ip link add ${name} type tap`);

const present = (devices: FakeDevices): PresentDevices => ({
  newTables: () => new TableDrafts({ link: () => undefined }),
  meant: (name) =>
    devices.names.has(name) ? { index: devices.indexOf(name), ifindex: devices.ifindexOf(name) } : undefined,
  hostIfindex: (name) => {
    throw noSuchDevice(name);
  },
  isHosts: () => false,
  check: () => undefined,
  changed: () => {
    throw new Error('no tunnels here');
  },
});

function saved(bench: Bench): string[] {
  const links = DEVICES.map((name) => ({ name, flags: [], details: { kind: 'tap' } })) as unknown as LinkState[];
  return [...saveLines(links, [], bench.rules)].filter((line) => line.startsWith('tc ')).map((line) => line.trim());
}

/** A daemon that was started with these lines. */
function started(lines: readonly string[]): Bench {
  const bench = new Bench();
  for (const { words } of splitBatch(lines.join('\n'))) bench.tc(words.slice(1).join(' '));
  return bench;
}

async function reload(bench: Bench, lines: readonly string[]): Promise<void> {
  const text = [...LINKS, ...lines].join('\n');
  const desired = await readDesired(text, 'FILE', present(bench.devices), () => new LinearTable());
  await inSlices(adoptRules(bench.rules, await stepped(compareRules(bench.rules, desired))));
}

/** Without the numbers that a file may leave open. */
const open = (line: string): string => line.replace(/ handle \d+/, '').replace(/ index \d+/g, '');

interface Counted {
  readonly handle: number;
  readonly indices: readonly number[];
  readonly packets: readonly unknown[];
}

/** Place and content of every filter that has actions of its own, with what they have counted. */
function counted({ rules }: Bench): Map<string, Counted> {
  const found = new Map<string, Counted>();
  for (const dev of ['vxlan0', 'tap0']) {
    // A qdisc of another kind has filters of its own.
    const [qdisc] = rules.qdiscsOf(dev);
    for (const { filters } of rules.saved(dev)) {
      for (const { keys, actions, handle, ...rest } of filters) {
        const key = JSON.stringify([dev, qdisc?.qdisc, rest, keys, actions.map(({ spec }) => ({ ...spec, index: 0 }))]);
        const isOwn = actions.every(({ ref, bind }) => ref === 1 && bind === 1);
        if (isOwn)
          found.set(key, {
            handle,
            indices: actions.map(({ spec }) => spec.index),
            packets: actions.map(({ statistics }) => statistics.packets),
          });
      }
    }
  }
  return found;
}

function traffic({ rules, datapath }: Bench): void {
  let row = 0;
  for (const kind of ['gact', 'mirred', 'tunnel_key'] as const) {
    for (const _ of rules.actions.list(kind)) datapath.actionCounters.hit(row++, row, 100 * row, SYSTEM_CLOCK.steady());
  }
}

/** What the workers look up, hook by hook: masks in the order in which they are tried, with their keys. */
function published({ datapath }: Bench): string[] {
  const hooks = new Map<string, string>();
  for (const instruction of datapath.instructions) {
    for (const { device, direction, snapshot } of instruction.type === 'rules' ? instruction.hooks : []) {
      const hook = `${device} ${direction}`;
      const masks = new Map<string, string[]>();
      for (const { chain, pref, protocol, key, mask } of (snapshot as LinearSnapshot | undefined)?.rules ?? []) {
        const place = `${chain} ${pref} ${protocol} ${mask}`;
        masks.set(place, [...(masks.get(place) ?? []), `${key}`].sort());
      }
      if (masks.size > 0) hooks.set(hook, `${hook} ${JSON.stringify([...masks])}`);
      else hooks.delete(hook);
    }
  }
  return [...hooks.values()].sort();
}

const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: edit },
  {
    weight: 2,
    arbitrary: filter.map(
      (spec): Edit =>
        ({ rules }) =>
          rules.edit('add', { ...spec, handle: 0 }),
    ),
  },
  fc
    .constantFrom(
      'qdisc del dev vxlan0 ingress',
      'qdisc add dev vxlan0 clsact',
      'qdisc add dev tap1 clsact',
      'filter add dev vxlan0 ingress protocol ip flower action drop',
      'filter add dev vxlan0 parent ffff: protocol ip flower action drop',
    )
    .map(
      (line): Edit =>
        (bench) =>
          void bench.tc(line),
    ),
);
const some = fc.array(anyEdit, { minLength: 1, maxLength: 15, size: 'max' });

function edited(edits: readonly Edit[], bench = new Bench()): Bench {
  tried(() => bench.tc('qdisc add dev vxlan0 ingress'));
  tried(() => bench.tc('qdisc add dev tap0 clsact'));
  for (const each of edits) tried(() => each(bench));
  return bench;
}

test('afterwards it is as after a start with the file; rolled back, as before', async (t) => {
  let kept = 0;
  await fc.assert(
    fc.asyncProperty(some, some, fc.boolean(), fc.boolean(), async (first, more, isNear, isOpen) => {
      const bench = edited(first);
      await bench.rules.commit();
      traffic(bench);
      // A file that is near to what there is, or any other.
      const file = saved(isNear ? edited(more, started(saved(bench))) : edited(more)).map((line) =>
        isOpen ? open(line) : line,
      );
      const fresh = tryStarted(file);
      if (!fresh) return; // without its numbers it is none that can be carried out
      const before = { saved: saved(bench), counted: counted(bench) };
      bench.rules.open();
      await reload(bench, file);
      await bench.rules.rollBack();
      t.deepEqual({ saved: saved(bench), counted: counted(bench) }, before);

      bench.rules.open();
      await reload(bench, file);
      bench.rules.keep();
      const shown = (each: Bench): string[] => saved(each).map((line) => (isOpen ? open(line) : line));
      t.deepEqual(shown(bench), shown(fresh));
      await Promise.all([bench.rules.commit(), fresh.rules.commit()]);
      t.deepEqual(published(bench), published(fresh));
      const after = counted(bench);
      const hasOwn = file.some((line) => line.startsWith('tc actions'));
      for (const [key, { handle, indices, packets }] of before.counted) {
        const now = after.get(key);
        // The file asks for other numbers, or for these for something else.
        const isRenumbered = now?.handle !== handle || `${now.indices}` !== `${indices}`;
        if (!now || (isOpen ? hasOwn : isRenumbered)) continue;
        t.deepEqual(now.packets, packets, key);
        if (packets.length > 0) kept++;
      }
    }),
    { numRuns: 300, seed: 20261125, includeErrorInReport: true },
  );
  t.true(kept > 50, `${kept}`);
});

function tryStarted(lines: readonly string[]): Bench | undefined {
  let bench: Bench | undefined;
  tried(() => {
    bench = started(lines);
  });
  return bench;
}

const FILE = [
  'tc qdisc add dev vxlan0 ingress',
  'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 1 action drop',
  'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 2 action drop',
  'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 3 action drop',
];

async function afterReload(t: ExecutionContext, lines: readonly string[]): Promise<Bench> {
  const bench = started(FILE);
  await bench.rules.commit();
  bench.rules.open();
  await reload(bench, lines);
  bench.rules.keep();
  const ids = bench.rules.list(ALL).map(({ keys }) => keys.length);
  t.true(ids.length > 0);
  return bench;
}

const numbers = (bench: Bench): number[][] =>
  bench.rules.list(ALL).map(({ handle, actions: [action] }) => [handle, action?.spec.index ?? 0]);

test('a line that goes leaves the others the numbers that they have', async (t) => {
  const bench = await afterReload(t, FILE.toSpliced(2, 1));
  t.deepEqual(numbers(bench), [
    [1, 1],
    [3, 3],
  ]);
});

test('a filter that does something else keeps its handle, and a new one takes the lowest that is free', async (t) => {
  const bench = await afterReload(t, [
    ...FILE.slice(0, 1),
    'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 9 action drop',
    ...FILE.slice(2, 3),
    (FILE[3] ?? '').replace('drop', 'pass'),
  ]);
  t.deepEqual(
    bench.rules.list(ALL).map(({ handle }) => handle),
    [1, 2, 3],
  );
  t.regex(bench.tc('filter show dev vxlan0 ingress'), /handle 0x3.*action pass/s);
});

test('handles that the file names are as it says', async (t) => {
  const bench = await afterReload(t, [
    ...FILE.slice(0, 1),
    'tc filter add dev vxlan0 ingress pref 1 protocol ip handle 3 flower enc_key_id 1 action drop index 2',
    'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 3 action drop',
  ]);
  t.deepEqual(numbers(bench), [
    [1, 1],
    [3, 2],
  ]);
});

test('nothing is published where nothing has changed', async (t) => {
  const bench = started(FILE);
  await bench.rules.commit();
  const told = bench.datapath.instructions.length;
  bench.rules.open();
  await reload(bench, FILE);
  bench.rules.keep();
  await bench.rules.commit();
  t.is(bench.datapath.instructions.length, told);
});

test('a mask that comes before another in the file is tried before it', async (t) => {
  const line = (words: string): string => `tc filter add dev vxlan0 ingress pref 1 protocol ip flower ${words}`;
  const [qdisc = ''] = FILE;
  const before = [qdisc, line('dst_ip 10.0.0.0/8 action drop')];
  const after = [qdisc, line('dst_ip 10.1.0.0/16 action pass'), ...before.slice(1)];
  const bench = started(before);
  await bench.rules.commit();
  const [counter] = bench.rules.list(ALL);
  bench.rules.open();
  await reload(bench, after);
  await bench.rules.rollBack();
  bench.rules.open();
  await reload(bench, after);
  bench.rules.keep();
  const fresh = started(after);
  await Promise.all([bench.rules.commit(), fresh.rules.commit()]);
  t.deepEqual(published(bench), published(fresh));
  t.is(bench.rules.list(ALL)[0]?.handle, counter?.handle, 'and the other one stays what it was');
});

/** Lines of one filter, before and after, that differ in one thing each. */
const ONE_THING: readonly (readonly [before: string, after: string])[] = [
  ['flower dst_ip 10.0.0.0/8 action drop', 'flower dst_ip 10.0.0.0/9 action drop'],
  ['flower dst_ip 10.0.0.0/8 action drop', 'flower dst_ip 10.1.0.0/8 action drop'],
  ['flower ip_proto tcp dst_port 7 action drop', 'flower ip_proto tcp src_port 7 action drop'],
  ['flower ip_proto tcp action drop', 'flower action drop'],
  ['flower indev tap0 action drop', 'flower indev tap1 action drop'],
  ['flower action drop', 'flower skip_hw action drop'],
  ['flower classid 1:1 action drop', 'flower classid 1:2 action drop'],
  ['flower classid 1:1 action drop', 'flower action drop'],
  ['handle 1 flower action drop', 'handle 2 flower action drop'],
  ['flower action drop', 'flower action pass'],
  ['flower action drop', 'flower'],
  ['flower action pipe action drop', 'flower action drop'],
  ['flower action pipe action drop', 'flower action drop action pipe'],
  ['flower action drop', 'flower action drop cookie aa'],
  ['flower action drop cookie aa', 'flower action drop'],
  ['flower action drop cookie aa', 'flower action drop cookie ab'],
  ['flower action drop index 2', 'flower action drop index 3'],
  ['flower action goto chain 1', 'flower action goto chain 2'],
  ['flower action mirred egress redirect dev tap0', 'flower action mirred egress redirect dev tap1'],
  ['flower action mirred egress redirect dev tap0', 'flower action mirred egress mirror dev tap0'],
  [
    'flower action tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2 id 1',
    'flower action tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2',
  ],
  [
    'flower action tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2',
    'flower action tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.3',
  ],
];

for (const [before, after] of ONE_THING) {
  test(`a filter is another one where one thing differs: ${before} → ${after}`, async (t) => {
    const file = (words: string): string[] => [
      'tc qdisc add dev vxlan0 ingress',
      'tc filter add dev vxlan0 ingress pref 1 protocol ip flower dst_ip 9.9.9.9 action mirred egress redirect dev tap0',
      `tc filter add dev vxlan0 ingress pref 2 protocol ip ${words}`,
    ];
    for (const [from, to] of [
      [before, after],
      [after, before],
    ] as const) {
      const bench = started(file(from));
      await bench.rules.commit();
      const [stays] = counted(bench);
      bench.rules.open();
      await reload(bench, file(to));
      bench.rules.keep();
      const fresh = started(file(to));
      t.deepEqual(saved(bench).map(open), saved(fresh).map(open));
      t.notDeepEqual(saved(bench), saved(started(file(from))));
      t.deepEqual([...counted(bench)][0], stays);
      if (/handle|index/.test(to)) t.deepEqual(saved(bench), saved(fresh));
    }
  });
}

test('two filters that came to share an action have one each again where the file gives each its own', async (t) => {
  const [qdisc = ''] = FILE;
  const line = (id: number, words = ''): string =>
    `tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id ${id} action drop${words}`;
  const bench = started([qdisc, line(1, ' index 1'), line(2, ' index 1')]);
  await bench.rules.commit();
  bench.rules.open();
  await reload(bench, [qdisc, line(1), line(2)]);
  bench.rules.keep();
  t.deepEqual(
    bench.rules.actions.list('gact').map(({ ref, bind }) => [ref, bind]),
    [
      [1, 1],
      [1, 1],
    ],
  );
});
