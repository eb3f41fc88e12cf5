// Batches that are carried out as a whole or not at all, on the rules of a bench.
import test from 'ava';
import fc from 'fast-check';
import { type Command, CommandError } from '../iproute/commands.js';
import { filterCommand } from '../iproute/filter-command.js';
import { Bench, FakeDevices } from './kit.test.helper.js';
import type { Batch, Reply } from './protocol.js';
import { difference, Rehearsal } from './rehearsal.js';
import { runTransaction, type TransactionTarget } from './transaction.js';

class KnownDevices extends FakeDevices {
  has(name: string): boolean {
    return this.names.has(name);
  }
}

/** The bench as an interpreter: devices called `no…` cannot be made, lines about the host are noted. */
class Target implements TransactionTarget {
  readonly devices = new KnownDevices();
  readonly bench = new Bench(undefined, this.devices);
  readonly host: string[] = [];
  commits = 0;

  constructor(lines: readonly string[]) {
    for (const line of lines) this.bench.tc(line);
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  async begin(command: Command): Promise<undefined> {
    const { rules } = this.bench;
    if ('link' in command) {
      if (command.link.name.startsWith('no')) throw new CommandError('RTNETLINK answers: No', 2);
      this.devices.add(command.link.name);
    } else if (command.kind === 'filter-add') rules.edit(command.mode, command.filter);
    else if (command.kind === 'filter-del') rules.remove(command.selector);
    else if (command.kind === 'qdisc-add') rules.addQdisc(command.dev, command.qdisc, command.replace ?? false);
    else if (command.kind === 'qdisc-del') rules.removeQdisc(command.dev, command.qdisc, false);
    else if (command.kind === 'host') {
      if (command.argv.includes('bad')) throw new CommandError('', 2);
      this.host.push(command.argv.join(' '));
    } else throw new Error(command.kind);
  }

  async commit(): Promise<void> {
    this.commits++;
    await this.bench.rules.commit();
  }

  rehearsal(): Rehearsal {
    return new Rehearsal(this.bench.rules, this.devices, this.bench.rules.newTable);
  }

  async removeLink(name: string): Promise<void> {
    this.devices.remove(name);
  }

  /** Devices, qdiscs and filters, in lines. */
  get state(): string[] {
    const { rules } = this.bench;
    return [
      ...this.devices.names.keys(),
      ...rules
        .qdiscsOf()
        .flatMap(({ dev, qdisc }) => [
          `${dev} ${qdisc}`,
          ...[...rules.each({ dev, parent: 'ingress' })].map((filter) => filterCommand(filter).join(' ')),
        ]),
    ];
  }

  async run(lines: readonly string[], more: Partial<Batch> = {}): Promise<{ exit: number; replies: Reply[] }> {
    const replies: Reply[] = [];
    const say = (reply: Reply): undefined => void replies.push(reply);
    const words = lines.map((line) => line.split(' '));
    const batch = { tool: null, options: [], force: false, atomic: true, lines: words, ...more };
    return { exit: await runTransaction(batch, say, this), replies };
  }
}

const FIRST = [
  'qdisc add dev vxlan0 ingress',
  'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 1 action drop',
  'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 2 action drop',
];
const filter = 'tc filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id';

test('all of it is carried out, devices first and the host’s lines last, and put in force once', async (t) => {
  const target = new Target(FIRST);
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
  ['what cannot be undone', [`${filter} 9`, 'ip link del tap0'], 1],
  ['a filter of a device that is not there', ['tc qdisc del dev vxlan0 ingress', `${filter} 9`], 1],
] as const) {
  test(`where ${title} refuses a line, nothing has changed and the line is named`, async (t) => {
    const target = new Target(FIRST);
    const before = target.state;
    const { exit, replies } = await target.run(lines);
    t.is(exit, 1);
    t.deepEqual(replies.slice(-2), [{ failed: at }, { err: 'vtep: nothing was changed\n' }]);
    t.deepEqual(target.state, before);
    t.deepEqual([target.commits, target.host], [0, []]);
  });
}

for (const [line, what] of [
  ['tc actions add action gact drop index 9', 'tc actions'],
  ['tc actions replace action gact pass index 5', 'tc actions'],
  ['tc actions del action gact index 5', 'tc actions'],
  ['tc actions flush action gact', 'tc actions'],
  ['tc chain add dev vxlan0 ingress chain 9', 'tc chain'],
  ['tc chain del dev vxlan0 ingress chain 0', 'tc chain'],
  ['ip link set dev vxlan0 type vxlan ttl 9', 'ip link set type vxlan'],
  ['bridge vni add dev vxlan0 vni 9', 'bridge vni'],
] as const) {
  for (const dryRun of [false, true]) {
    test(`"${line}" cannot be rehearsed, and is refused by name${dryRun ? ' in a dry run too' : ''}`, async (t) => {
      const target = new Target([...FIRST, 'actions add action gact drop index 5']);
      const before = [target.state, target.bench.tc('actions ls action gact')];
      const { exit, replies } = await target.run([`${filter} 9 action drop`, line], { dryRun });
      t.is(exit, 1);
      t.deepEqual(replies, [
        { err: `vtep: "${what}" is not supported in an atomic batch by vtep\n` },
        { failed: 1 },
        { err: 'vtep: nothing was changed\n' },
      ]);
      t.deepEqual([target.state, target.bench.tc('actions ls action gact')], before);
      t.is(target.commits, 0);
    });
  }
}

test('the table of a device of vtep’s is refused before anything is changed', async (t) => {
  const target = new Target(FIRST);
  const before = target.state;
  const { exit, replies } = await target.run([
    `${filter} 9 action drop`,
    'bridge fdb add 02:00:00:00:00:01 dev vxlan0 dst 10.0.0.1 self',
  ]);
  t.deepEqual([exit, replies.at(-2), target.state], [1, { failed: 1 }, before]);
});

test('filters bind to the actions that are there, and leave them', async (t) => {
  const target = new Target([...FIRST, 'actions add action mirred egress redirect dev tap0 index 5']);
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

test('an action that only filters have is gone with the last of them, in the rehearsal too', async (t) => {
  const target = new Target([
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
  const target = new Target([
    ...FIRST,
    'filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id 3 action mirred egress redirect dev tap0',
    'actions add action mirred egress redirect dev tap0 index 7',
  ]);
  target.devices.remove('tap0');
  t.is((await target.run([`${filter} 9 action mirred index 7`])).exit, 0);
  t.is((await target.run([`${filter} 10 action mirred egress redirect dev *`])).exit, 1);
});

test('a chain that was made by itself is there for the lines of a batch', async (t) => {
  const target = new Target([...FIRST, 'chain add dev vxlan0 ingress chain 7']);
  const { replies } = await target.run(['tc filter del dev vxlan0 ingress chain 7 pref 1 handle 1 flower']);
  t.regex(JSON.stringify(replies), /Filter with specified priority\/protocol not found/);
});

test('a line about the host that fails is said to have failed alone', async (t) => {
  const target = new Target(FIRST);
  const { exit, replies } = await target.run(['ip addr add bad', `${filter} 9 action drop`, 'ip addr add 1']);
  t.is(exit, 1);
  t.deepEqual(replies.at(-1), { failed: 0 });
  t.regex(JSON.stringify(replies), /devices and rules are in force/);
  t.true(target.state.some((line) => line.includes('enc_key_id 9')));
  t.deepEqual(target.host, []);
});

test('a dry run says the difference and changes nothing', async (t) => {
  const target = new Target(FIRST);
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
    replies.map((reply) => ('out' in reply ? reply.out.trimEnd() : reply)),
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

const line = fc.oneof(
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

test('what passes the rehearsal passes; what fails leaves everything as it was, whatever the lines are', async (t) => {
  let passed = 0;
  let failed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.array(line, { maxLength: 4 }), async (first, second) => {
      const target = new Target(['qdisc add dev vxlan0 ingress']);
      const oracle = new Target(['qdisc add dev vxlan0 ingress']);
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
    }),
    { seed: 5, numRuns: 300 },
  );
  t.true(passed > 50 && failed > 50, `${passed} passed, ${failed} failed`);
});

test('a difference is what has gone and what has come', (t) => {
  const before = new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  const after = new Map([
    ['b', '2'],
    ['c', '4'],
    ['d', '5'],
  ]);
  t.deepEqual(difference(before, after), ['-1', '-3', '+4', '+5']);
});
