import test from 'ava';
import { AT_EGRESS, AT_INGRESS } from '../actions/outlet.js';
import type { Instruction } from '../dataplane/messages.js';
import type { FilterParent } from '../iproute/commands.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { DeviceCounter } from '../memory/counters.js';
import { ALL, Bench } from './kit.test.helper.js';

const ON = 'dev vxlan0 ingress';

function rulesOf(bench: Bench): Extract<Instruction, { type: 'rules' }>[] {
  return bench.datapath.instructions.filter((each) => each.type === 'rules');
}

/** The rule ids of the last snapshot of a linear table. */
function ids(bench: Bench): number[] {
  const [hook] = rulesOf(bench).at(-1)?.hooks ?? [];
  return ((hook?.snapshot as unknown as { rules?: { id: number }[] })?.rules ?? []).map(({ id }) => id);
}

function added(...lines: string[]): Bench {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  for (const line of lines) bench.tc(`filter add ${ON} ${line}`);
  return bench;
}

test('a commit puts every edit since the last one in force at once, device by device', async (t) => {
  const bench = added('pref 1 flower action drop', 'pref 2 flower action drop');
  bench.tc('qdisc add dev tap0 ingress');
  t.is(bench.datapath.instructions.length, 0);
  await bench.rules.commit();
  const [instruction] = rulesOf(bench);
  t.is(rulesOf(bench).length, 1);
  t.deepEqual(
    instruction?.hooks.map(({ device, direction }) => [device, direction]),
    [
      [0, AT_INGRESS],
      [1, AT_INGRESS],
    ],
  );
  t.deepEqual(ids(bench), [0, 1]);
  await bench.rules.commit();
  t.is(rulesOf(bench).length, 1, 'nothing new, nothing sent');
});

test('the id of a rule is given to another only after the workers have taken its end over', async (t) => {
  const bench = added('pref 1 flower action drop');
  await bench.rules.commit();
  bench.datapath.isBusy = true;
  bench.tc(`filter replace ${ON} pref 1 handle 1 flower action pass`);
  const commit = bench.rules.commit();
  t.deepEqual(ids(bench), [1], 'the successor has an id of its own');
  bench.tc(`filter add ${ON} pref 2 flower action drop`);
  const second = bench.rules.commit();
  t.deepEqual(ids(bench), [1, 2]);
  bench.datapath.takeOver();
  await Promise.all([commit, second]);
  bench.datapath.isBusy = false;
  bench.tc(`filter add ${ON} pref 3 flower action drop`);
  await bench.rules.commit();
  t.deepEqual(ids(bench), [1, 2, 0]);
});

test('the counters of an action that is gone go to another only after the workers have taken its end over', async (t) => {
  const bench = added('pref 1 flower action drop');
  await bench.rules.commit();
  bench.datapath.actionCounters.hit(0, 5, 500, SYSTEM_CLOCK.steady());
  bench.tc(`filter del ${ON} pref 1`);
  bench.tc(`filter add ${ON} pref 2 flower action drop`);
  bench.datapath.actionCounters.hit(0, 1, 100, SYSTEM_CLOCK.steady()); // a worker that has not heard yet
  t.like(bench.rules.list(ALL)[0]?.actions[0], { spec: { index: 1 }, statistics: { packets: 0 } });
  await bench.rules.commit();
  bench.tc(`filter add ${ON} pref 3 flower action drop`);
  t.like(bench.rules.list(ALL)[1]?.actions[0]?.statistics, { packets: 0, bytes: 0 });
});

test('filters share an action by its index', (t) => {
  const bench = added(
    'pref 1 flower enc_key_id 1 action drop index 7',
    'pref 1 flower enc_key_id 2 action drop index 7',
  );
  const actions = (): unknown[] =>
    bench.rules.list(ALL).map(({ actions: [action] }) => [action?.spec.index, action?.ref, action?.bind]);
  t.deepEqual(actions(), [
    [7, 2, 2],
    [7, 2, 2],
  ]);
  bench.tc(`filter del ${ON} protocol all pref 1 handle 1 flower`);
  t.deepEqual(actions(), [[7, 1, 1]]);
});

test('no device is sent the frames of another that had its index before', async (t) => {
  const bench = added('pref 1 flower action mirred egress redirect dev tap1');
  await bench.rules.commit();
  bench.devices.remove('tap1');
  t.like(bench.rules.list(ALL)[0]?.actions[0]?.spec, { dev: '*' });
  t.is(bench.devices.add('tap2'), 3, 'while a redirect names the index 2 it is nobody else’s');
  bench.datapath.isBusy = true;
  bench.tc(`filter del ${ON} pref 1`);
  const commit = bench.rules.commit();
  t.is(bench.devices.add('tap3'), 4, 'while a worker may still run the redirect');
  bench.datapath.takeOver();
  await commit;
  t.is(bench.devices.add('tap4'), 2);
});

test('an index that two filters send to is free after the second', async (t) => {
  const bench = added(
    'pref 1 flower action mirred egress redirect dev tap1 index 5',
    'pref 2 flower action mirred egress redirect dev tap0 index 5 action mirred egress mirror dev tap1',
  );
  t.is(bench.rules.list(ALL)[1]?.actions[0]?.spec.kind === 'mirred', true);
  bench.devices.remove('tap1');
  bench.tc(`filter del ${ON} pref 1`);
  await bench.rules.commit();
  t.is(bench.devices.add('x'), 3);
  bench.tc(`filter del ${ON} pref 2`);
  await bench.rules.commit();
  t.is(bench.devices.add('y'), 2);
});

const refusals: readonly (readonly [string, string, string])[] = [
  ['a second ingress qdisc', 'qdisc add dev vxlan0 ingress', 'Error: Exclusivity flag on, cannot modify.'],
  ['clsact beside ingress', 'qdisc add dev vxlan0 clsact', 'Error: Exclusivity flag on, cannot modify.'],
  [
    'replace by another kind',
    'qdisc replace dev vxlan0 clsact',
    'Error: Invalid qdisc name: must match existing qdisc.',
  ],
  ['deletion of another kind', 'qdisc del dev vxlan0 clsact', 'Error: Invalid qdisc name: must match existing qdisc.'],
  [
    'deletion where there is none',
    'qdisc del dev tap0 ingress',
    'Error: Cannot find specified qdisc on specified device.',
  ],
];
for (const [title, line, said] of refusals) {
  test(`refuses ${title}`, (t) => {
    const bench = added('pref 1 flower action drop');
    t.deepEqual(bench.refusal(line), { said, exit: 2 });
    t.is(bench.rules.list(ALL).length, 1);
    t.deepEqual(bench.refusal('qdisc replace dev vxlan0 ingress'), { said: '', exit: 0 });
    t.is(bench.rules.list(ALL).length, 1);
  });
}

test('clsact has two hooks with filters of their own; an ingress qdisc has one under every name', async (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  bench.tc('qdisc add dev tap0 ingress');
  bench.tc('filter add dev vxlan0 egress pref 1 flower action drop');
  bench.tc('filter add dev vxlan0 ingress pref 2 flower action pass');
  bench.tc('chain add dev vxlan0 egress chain 5');
  bench.tc('filter add dev tap0 egress pref 1 flower action drop');
  t.deepEqual(bench.refusal('filter add dev vxlan0 parent ffff: pref 1 flower action drop'), {
    said: 'RTNETLINK answers: Invalid argument\nWe have an error talking to the kernel',
    exit: 2,
  });
  const prefs = (dev: string, parent: FilterParent) => bench.rules.list({ dev, parent }).map(({ pref }) => pref);
  t.deepEqual([prefs('vxlan0', 'egress'), prefs('vxlan0', 'ingress'), prefs('vxlan0', 'ffff:')], [[1], [2], []]);
  t.deepEqual([prefs('tap0', 'egress'), prefs('tap0', 'ingress')], [[1], [1]]);
  t.deepEqual(bench.rules.chains({ dev: 'vxlan0', parent: 'egress' }, false), [0, 5]);
  t.deepEqual(bench.rules.chains({ dev: 'vxlan0', parent: 'ingress' }, false), [0]);
  t.deepEqual(
    [...bench.rules.saved('vxlan0')].map(({ parent, chain, isExplicit }) => [parent, chain, isExplicit]),
    [
      ['ingress', 0, false],
      ['egress', 0, false],
      ['egress', 5, true],
    ],
  );
  await bench.rules.commit();
  const sent = () =>
    rulesOf(bench)
      .at(-1)
      ?.hooks.map(({ device, direction, snapshot }) => [device, direction, snapshot !== undefined]);
  t.deepEqual(sent(), [
    [0, AT_INGRESS, true],
    [0, AT_EGRESS, true],
    [1, AT_INGRESS, true],
  ]);
  bench.tc('qdisc del dev vxlan0 clsact');
  bench.tc('qdisc add dev vxlan0 ingress');
  await bench.rules.commit();
  t.deepEqual(sent(), [
    [0, AT_INGRESS, true],
    [0, AT_EGRESS, false],
  ]);
});

test('the qdisc takes its filters with it, and counts from its own beginning', async (t) => {
  const bench = added('pref 1 flower action drop');
  const { counters } = bench.datapath;
  counters.device(0, DeviceCounter.HOOK_PACKETS, 4);
  t.like(bench.rules.qdiscsOf('vxlan0')[0], { qdisc: 'ingress', packets: 4 });
  await bench.rules.commit();
  bench.tc('qdisc del dev vxlan0 ingress');
  await bench.rules.commit();
  t.is(rulesOf(bench).at(-1)?.hooks[0]?.snapshot, undefined, 'no hook');
  bench.tc('qdisc add dev vxlan0 clsact');
  t.like(bench.rules.qdiscsOf()[0], { dev: 'vxlan0', qdisc: 'clsact', packets: 0, bytes: 0, drops: 0 });
  t.deepEqual(bench.rules.list(ALL), []);
  bench.tc(`filter add ${ON} pref 1 flower action drop`);
  t.is(bench.rules.list(ALL)[0]?.actions[0]?.spec.index, 1);
});

test('a device that goes takes its hook with it; others keep theirs', async (t) => {
  const bench = added('pref 1 flower action drop');
  bench.tc('qdisc add dev tap0 ingress');
  bench.rules.forgetDevice(0);
  bench.rules.forgetDevice(0);
  t.deepEqual(
    bench.rules.qdiscsOf().map(({ dev }) => dev),
    ['tap0'],
  );
  await bench.rules.commit();
  t.deepEqual(ids(bench), []);
});

test('a filter that is removed while they are shown is left out, and so is one put in its place', (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  for (const id of [1, 2, 3, 4]) {
    bench.tc(`filter add dev vxlan0 ingress pref 1 protocol ip flower enc_key_id ${id} action drop`);
  }
  const shown = bench.rules.each(ALL)[Symbol.iterator]();
  t.is(shown.next().value?.handle, 1);
  bench.tc('filter del dev vxlan0 ingress pref 1 handle 2 flower');
  bench.tc('filter replace dev vxlan0 ingress pref 1 protocol ip handle 3 flower enc_key_id 3 action pass');
  t.is(shown.next().value?.handle, 4);
  t.true(shown.next().done);
});

test('tunnel addresses of two families are refused by name, and nothing is left of the filter', (t) => {
  const bench = added();
  t.deepEqual(bench.refusal(`filter add ${ON} pref 1 flower enc_dst_ip 10.0.0.1 enc_src_ip fd00::1 action drop`), {
    said: 'vtep: flower with enc_dst_ip and enc_src_ip of different families is not supported by vtep',
    exit: 2,
  });
  t.deepEqual(bench.rules.list(ALL), []);
  t.deepEqual(bench.rules.actions.list('gact'), []);
});

test('where there is no memory for more filters, a filter is refused in the words of the kernel, and what is there stays', (t) => {
  let hasRoom = true;
  const bench = new Bench(undefined, undefined, undefined, () => hasRoom);
  bench.tc('qdisc add dev vxlan0 ingress');
  bench.tc('filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id 1 action drop');
  hasRoom = false;
  const refused = 'RTNETLINK answers: Cannot allocate memory\nWe have an error talking to the kernel';
  const add = (n: number): string =>
    bench.tc(`filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id ${n} action drop`);
  const error = t.throws(() => {
    for (let n = 2; n < 5000; n++) add(n);
  });
  t.is(error?.message, refused);
  t.throws(() => add(9998), { message: refused }, 'and the next one too');
  const { length } = bench.rules.list(ALL);
  hasRoom = true;
  add(9999);
  t.is(bench.rules.list(ALL).length, length + 1);
});
