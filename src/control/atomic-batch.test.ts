// Batches that are carried out as a whole or not at all, on the rules of a bench.
import test from 'ava';
import fc from 'fast-check';
import { KEY_WORDS } from '../classifier/flow-key.js';
import type { LinearSnapshot } from '../classifier/linear/linear-table.js';
import { Differences } from './differences.js';
import { encodeKeys } from './encode-keys.js';
import { filterOf } from './kit.test.helper.js';
import { TransactionBench } from './transaction.test.helper.js';

/** The words that a filter with these keys is looked up by. */
function keyOf(words: string, indev: number): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  encodeKeys(filterOf(words).keys, indev, key, new Int32Array(KEY_WORDS));
  return key;
}

const FIRST = [
  'qdisc add dev vxlan0 ingress',
  'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 1 action drop',
  'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 2 action drop',
];
const filter = 'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id';

test('all of it is carried out, devices first and the host’s lines last, and put in force once', async (t) => {
  const target = new TransactionBench(FIRST);
  const { exit, replies } = await target.run([
    'ip addr add 10.0.0.1/24 dev tap9',
    'tc filter del dev vxlan0 ingress pref 1 handle 1 flower',
    `${filter} 3 action mirred egress redirect dev tap9`,
    'ip link add tap9 type tap',
    'tc qdisc add dev tap9 clsact',
  ]);
  // The device that the filter names is made by a later line: as typed, that is refused.
  t.deepEqual([exit, replies.slice(1)], [1, [{ failed: 2 }, { err: 'vtep: nothing was changed\n' }]]);
  t.is(target.commits, 0);
  const again = await target.run([
    'ip link add tap9 type tap',
    'ip addr add 10.0.0.1/24 dev tap9',
    'tc filter del dev vxlan0 ingress pref 1 handle 1 flower',
    `${filter} 3 action mirred egress redirect dev tap9`,
    'tc qdisc add dev tap9 clsact',
  ]);
  t.deepEqual(again, { exit: 0, replies: [] });
  t.is(target.commits, 1);
  t.deepEqual(target.host, ['addr add 10.0.0.1/24 dev tap9']);
  t.regex(target.state.join('\n'), /handle 1 flower enc_key_id 3 .*dev tap9/);
  t.true(target.state.includes('tap9 clsact'));
});

for (const [title, lines, at] of [
  ['the grammar', ['tc filter del dev vxlan0 ingress', 'tc filter add dev vxlan0 ingress flower frob'], 1],
  ['a rule that is there', [`${filter} 9 action drop`, `${filter} 2 action drop`], 1],
  ['a device that cannot be made', ['ip link add tap8 type tap', 'ip link add no1 type tap', `${filter} 9`], 1],
  ['a device that is there', ['ip link add tap8 type tap', 'ip link add tap8 type tap'], 1],
  ['a change of a tunnel', [`${filter} 9`, 'ip link set tap0 type vxlan ttl 9', 'ip link set vxlan0 mtu 1'], 2],
  ['a filter of a device that is not there', ['tc qdisc del dev vxlan0 ingress', `${filter} 9`], 1],
] as const) {
  test(`where ${title} refuses a line, nothing has changed and the line is named`, async (t) => {
    const target = new TransactionBench(FIRST);
    const before = target.state;
    const { exit, replies } = await target.run(lines);
    t.is(exit, 1);
    t.deepEqual(replies.slice(-2), [{ failed: at }, { err: 'vtep: nothing was changed\n' }]);
    t.deepEqual(target.state, before);
    t.deepEqual([target.commits, target.host], [0, []]);
  });
}

test('lines about tables and VNI filters take part, in their order', async (t) => {
  const target = new TransactionBench(FIRST);
  const { exit } = await target.run([
    `${filter} 9 action drop`,
    'bridge vni add dev vxlan0 vni 9',
    'bridge fdb add 02:00:00:00:00:01 dev vxlan0 dst 10.0.0.1 self',
    'bridge fdb add 02:00:00:00:00:01 dev eth9 dst 10.0.0.1 self',
  ]);
  t.is(exit, 0);
  t.deepEqual(target.devices.done, ['vni-add vxlan0', 'fdb-add vxlan0']);
  t.deepEqual(target.host, ['fdb add 02:00:00:00:00:01 dev eth9 dst 10.0.0.1 self']);
});

test('filters bind to the actions that are there, and leave them', async (t) => {
  const target = new TransactionBench([...FIRST, 'actions add action mirred egress redirect dev tap0 index 5']);
  const counts = (): number[][] => target.bench.rules.actions.list('mirred').map(({ ref, bind }) => [ref, bind]);
  const bound = [`${filter} 9 action mirred index 5`, `${filter} 10 action mirred egress redirect dev tap1 index 5`];
  t.deepEqual(await target.run(bound), { exit: 0, replies: [] });
  t.deepEqual(counts(), [[3, 2]]);
  t.is(target.state.filter((line) => line.includes('redirect dev tap0 index 5')).length, 2);

  const before = target.state;
  const flush = 'tc filter del dev vxlan0 ingress';
  const refused = await target.run([flush, `${filter} 9 action mirred index 5`, `${filter} 10 action mirred index 6`]);
  t.is(refused.exit, 1);
  t.deepEqual(refused.replies.slice(-2), [{ failed: 2 }, { err: 'vtep: nothing was changed\n' }]);
  t.deepEqual([target.state, counts()], [before, [[3, 2]]]);

  t.is((await target.run([flush, `${filter} 9 action mirred index 5`])).exit, 0);
  t.deepEqual(counts(), [[2, 1]]);
});

test('an action that only filters have is gone with the last of them, in the lines of a batch too', async (t) => {
  const target = new TransactionBench([
    ...FIRST,
    'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 3 action mirred egress redirect dev tap0 index 5',
  ]);
  const before = target.state;
  const flush = 'tc filter del dev vxlan0 ingress';
  const refused = await target.run([flush, `${filter} 9 action mirred index 5`]);
  t.deepEqual(refused.replies.slice(-2), [{ failed: 1 }, { err: 'vtep: nothing was changed\n' }]);
  t.deepEqual(target.state, before);
});

test('filters and actions that send to a device that is gone do not stop a batch, but a line cannot name it', async (t) => {
  const target = new TransactionBench([
    ...FIRST,
    'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 3 action mirred egress redirect dev tap0',
    'actions add action mirred egress redirect dev tap0 index 7',
  ]);
  target.devices.remove('tap0');
  t.is((await target.run([`${filter} 9 action mirred index 7`])).exit, 0);
  t.is((await target.run([`${filter} 10 action mirred egress redirect dev *`])).exit, 1);
});

test('a chain that was made by itself is there for the lines of a batch', async (t) => {
  const target = new TransactionBench([...FIRST, 'chain add dev vxlan0 ingress chain 7']);
  const { replies } = await target.run(['tc filter del dev vxlan0 ingress chain 7 pref 1 handle 1 flower']);
  t.regex(JSON.stringify(replies), /Filter with specified priority\/protocol not found/);
});

test('a line about the host that fails is said to have failed alone', async (t) => {
  const target = new TransactionBench(FIRST);
  const { exit, replies } = await target.run(['ip addr add bad', `${filter} 9 action drop`, 'ip addr add 1']);
  t.is(exit, 1);
  t.deepEqual(replies.at(-1), { failed: 0 });
  t.regex(JSON.stringify(replies), /devices and rules are in force/);
  t.true(target.state.some((line) => line.includes('enc_key_id 9')));
  t.deepEqual(target.host, []);
});

test('a dry run says the difference and changes nothing', async (t) => {
  const target = new TransactionBench(FIRST);
  const before = target.state;
  const lines = [
    'ip link add tap9 type tap',
    'tc filter del dev vxlan0 ingress pref 1 handle 1 flower',
    'tc filter replace dev vxlan0 ingress pref 1 protocol ip handle 2 flower enc_key_id 2 action pass index 7',
    'tc qdisc add dev tap9 clsact',
    'ip addr add 10.0.0.1/24 dev tap9',
  ];
  const { exit, replies } = await target.run(lines, { dryRun: true });
  t.is(exit, 0);
  const old = (handle: number): string =>
    `tc filter add dev vxlan0 ingress protocol ip pref 1 chain 0 handle ${handle} flower enc_key_id ${handle}`;
  t.deepEqual(
    replies
      .map((reply) => ('out' in reply ? reply.out : ''))
      .join('')
      .trimEnd()
      .split('\n'),
    [
      '+ip link add tap9 type tap',
      `-${old(1)} action gact drop index 1`,
      `-${old(2)} action gact drop index 2`,
      `+${old(2)} action gact pass index 7`,
      '+tc qdisc add dev tap9 clsact',
      '+ip addr add 10.0.0.1/24 dev tap9',
    ],
  );
  t.deepEqual(target.state, before);
  t.is(target.commits, 0);
});

test('a device that would go is said with its filters', async (t) => {
  const target = new TransactionBench([
    ...FIRST,
    'qdisc add dev tap0 clsact',
    'filter add dev tap0 egress pref 3 flower',
  ]);
  const { exit, replies } = await target.run(['ip link del tap0'], { dryRun: true });
  t.is(exit, 0);
  const said = replies.map((reply) => ('out' in reply ? reply.out : '')).join('');
  t.deepEqual(said.trimEnd().split('\n'), [
    '+ip link del tap0',
    '-tc qdisc add dev tap0 clsact',
    '-tc filter add dev tap0 egress protocol all pref 3 chain 0 handle 1 flower',
  ]);
});

const anyLine = fc.oneof(
  fc
    .tuple(fc.constantFrom('add', 'replace', 'change'), fc.nat(3), fc.nat(3), fc.nat(4))
    .map(([mode, pref, handle, id]) => {
      const place = `${pref === 0 ? '' : `pref ${pref} `}protocol ip ${handle === 0 ? '' : `handle ${handle} `}`;
      return `tc filter ${mode} dev vxlan0 ingress ${place}flower enc_key_id ${id} action pass`;
    }),
  fc
    .tuple(fc.nat(3), fc.nat(3))
    .map(([pref, handle]) => `tc filter del dev vxlan0 ingress pref ${pref + 1} handle ${handle + 1} flower`),
);

test('what is carried out is what the lines do one by one; what fails leaves everything as it was, whatever the lines are', async (t) => {
  let passed = 0;
  let failed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyLine, { maxLength: 6 }),
      fc.array(anyLine, { maxLength: 4 }),
      async (first, second) => {
        const target = new TransactionBench(['qdisc add dev vxlan0 ingress']);
        const oracle = new TransactionBench(['qdisc add dev vxlan0 ingress']);
        for (const each of first) {
          target.bench.refusal(each.slice(3));
          oracle.bench.refusal(each.slice(3));
        }
        const before = target.state;
        const refused = second.findIndex((each) => oracle.bench.refusal(each.slice(3)).exit !== 0);
        const { exit, replies } = await target.run(second);
        t.is(exit, refused < 0 ? 0 : 1);
        if (refused >= 0) t.true(replies.some((reply) => 'failed' in reply && reply.failed === refused));
        t.deepEqual(target.state, refused < 0 ? oracle.state : before);
        if (exit === 0) passed++;
        else failed++;
      },
    ),
    { seed: 5, numRuns: 300 },
  );
  t.true(passed > 50 && failed > 50, `${passed} passed, ${failed} failed`);
});

test('actions, chains, filters and qdiscs of every kind are edited in one', async (t) => {
  const target = new TransactionBench([...FIRST, 'actions add action gact drop index 5']);
  const { exit, replies } = await target.run([
    'tc actions add action mirred egress redirect dev tap0 index 8',
    'tc actions change action gact pass index 5',
    `${filter} 9 action mirred index 8 action gact index 5`,
    'tc chain add dev vxlan0 ingress chain 9',
    'tc filter add dev vxlan0 ingress chain 9 protocol ip pref 3 flower action drop',
    'tc chain del dev vxlan0 ingress chain 9',
    'tc actions flush action gact',
  ]);
  // The action that a filter is bound to comes first: nothing of it is flushed, and so nothing of all this is done.
  t.deepEqual([exit, replies.at(-2)], [1, { failed: 6 }]);
  const again = await target.run([
    'tc actions add action mirred egress redirect dev tap0 index 8',
    'tc actions change action gact pass index 5',
    `${filter} 9 action mirred index 8 action gact index 5`,
    'tc chain add dev vxlan0 ingress chain 9',
  ]);
  t.deepEqual(again, { exit: 0, replies: [] });
  t.is(target.commits, 1);
  t.regex(target.bench.tc('actions get action gact index 5'), /action pass.*ref 2 bind 1/s);
  t.true(target.state.includes('chain 9'));
});

test('devices are done step by step, then the rules, then what is left; up and down come last', async (t) => {
  const target = new TransactionBench(FIRST);
  const lines = [
    'ip link set tap1 mtu 1400 address 02:00:00:00:00:09 up',
    'ip link add tap9 up type tap',
    'ip link set dev vxlan0 type vxlan ttl 9',
    'ip link set tap0 master br0 up',
    'ip link set tap0 down',
    'ip link del tap1',
    'ip link set eth7 mtu 1400',
  ];
  t.deepEqual(await target.run(lines), { exit: 0, replies: [] });
  t.deepEqual(target.devices.done, [
    'link set tap1 mtu 1400 address 02:00:00:00:00:09',
    'open tap1',
    'make tap9',
    'open tap9',
    'change vxlan0 {"ttl":9}',
    'open tap0',
    'pause tap1',
    'remove 2',
    'settle tap1',
    'settle tap9',
    'settle tap0',
  ]);
  t.deepEqual(target.host, [
    'link set dev tap1 up',
    'link set dev tap9 up',
    'link set tap0 master br0 up',
    'link set dev tap0 down',
    'link set eth7 mtu 1400',
  ]);
  t.deepEqual([...target.devices.names.keys()], ['vxlan0', 'tap0', 'tap9']);
});

test('a step that fails has those before it undone, the last one first', async (t) => {
  const target = new TransactionBench([...FIRST, 'qdisc add dev tap1 clsact']);
  const before = target.state;
  const { exit, replies } = await target.run([
    'ip link add tap9 type tap',
    'tc filter del dev vxlan0 ingress',
    'ip link set dev vxlan0 type vxlan ttl 9',
    'ip link del tap1',
    'ip link set tap0 mtu 1 up',
    'ip link set eth7 mtu 1400',
  ]);
  t.is(exit, 1);
  t.deepEqual(replies.slice(1), [{ failed: 4 }, { err: 'vtep: nothing was changed\n' }]);
  const steps = ['make tap9', 'change vxlan0 {"ttl":9}', 'pause tap1'];
  t.deepEqual(target.devices.done, [...steps, ...steps.toReversed().map((step) => `undo ${step}`)]);
  t.deepEqual([target.state, target.commits, target.host], [before, 0, []]);
});

test('a device that is deleted takes its filters with it, and no later line knows it', async (t) => {
  const target = new TransactionBench([...FIRST, 'qdisc add dev tap1 clsact']);
  const before = target.state;
  const late = await target.run(['ip link del tap1', 'tc filter add dev tap1 ingress flower action drop']);
  t.deepEqual([late.exit, late.replies.at(-2)], [1, { failed: 1 }]);
  t.deepEqual(target.state, before);
  t.is((await target.run(['ip link del tap1'])).exit, 0);
  t.deepEqual(
    target.rules.qdiscsOf().map(({ dev }) => dev),
    ['vxlan0'],
  );
});

test('what names the ifindex of a device that the batch makes is right in the end', async (t) => {
  const target = new TransactionBench(FIRST);
  const lines = ['ip link add tap9 type tap', 'tc filter add dev vxlan0 ingress pref 7 flower indev tap9 action drop'];
  t.deepEqual(await target.run(lines), { exit: 0, replies: [] });
  const rules = target.bench.datapath.instructions.flatMap((each) => (each.type === 'rules' ? each.hooks : []));
  const snapshot = rules.at(-1)?.snapshot as LinearSnapshot | undefined;
  const key = keyOf('flower indev tap9', target.devices.ifindexOf('tap9'));
  t.deepEqual(snapshot?.rules.at(-1)?.key, key);
  t.is(target.state.filter((line) => line.includes('indev tap9')).length, 1);
});

test('a dry run tells of actions, chains and tunnels too', async (t) => {
  const target = new TransactionBench([...FIRST, 'actions add action gact drop index 5']);
  const before = [...target.state, target.bench.tc('actions ls action gact')];
  const { replies } = await target.run(
    [
      'tc actions change action gact pass index 5',
      'tc actions add action gact drop index 6',
      'tc actions del action gact index 6',
      'tc chain add dev vxlan0 ingress chain 9',
      'ip link set dev vxlan0 type vxlan ttl 9',
      'tc actions add action tunnel_key unset',
    ],
    { dryRun: true },
  );
  t.deepEqual(replies, [
    {
      out: [
        '+ip link set dev vxlan0 type vxlan ttl 9',
        '-tc actions add action gact drop index 5',
        '+tc actions add action gact pass index 5',
        '+tc chain add dev vxlan0 ingress chain 9',
        '+tc actions add action tunnel_key unset pipe index 1',
        '',
      ].join('\n'),
    },
  ]);
  t.deepEqual([...target.state, target.bench.tc('actions ls action gact')], before);
  t.deepEqual([target.commits, target.devices.done, target.host], [0, [], []]);
});

test('a difference is what has gone and what has come', (t) => {
  const now = new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  const differences = new Differences();
  const change = (key: string, to: string | undefined): void => {
    differences.changing(key, () => now.get(key));
    if (to === undefined) now.delete(key);
    else now.set(key, to);
  };
  change('c', 'x');
  change('d', '5');
  change('c', '4');
  change('a', undefined);
  change('b', 'y');
  change('b', '2');
  t.deepEqual([...differences.lines()], ['-1', '-3', '+4', '+5']);
});
