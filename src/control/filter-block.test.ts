// Expected texts were taken from tc 6.1 on Linux 6.18, with u32 filters in the place of flower's.
import test from 'ava';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { TupleSpaceTable } from '../classifier/tuple-space/tuple-space-table.js';
import { printFilters } from '../iproute/print-filter.js';
import { ALL, Bench } from './kit.test.helper.js';

const plain = { statistics: false, details: false, json: false, pretty: false };
const ON = 'dev vxlan0 ingress';

function shown(bench: Bench): string {
  return printFilters(bench.rules.list(ALL), ALL, plain);
}

/** `chain pref handle` of each filter, in the order of show. */
function places(bench: Bench): string[] {
  return bench.rules.list(ALL).map(({ chain, pref, handle }) => `${chain} ${pref} ${handle}`);
}

function withRules(...lines: string[]): Bench {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  for (const line of lines) bench.tc(`filter add ${ON} ${line}`);
  return bench;
}

const talking = (sentence: string): string => `${sentence}\nWe have an error talking to the kernel`;

/** Two filters of pref 3 (VNI 1 and 2, handles 1 and 2), and one of chain 7. */
const SOME = [
  'protocol ip pref 3 flower enc_key_id 1 action drop',
  'protocol ip pref 3 flower enc_key_id 2 action mirred egress redirect dev tap0',
  'protocol ip pref 3 chain 7 flower dst_ip 10.0.0.0/8 action pass',
];

const refusals: readonly (readonly [string, string, string])[] = [
  [
    'a handle that is taken',
    `filter add ${ON} protocol ip pref 3 handle 1 flower enc_key_id 9 action drop`,
    'Error: Filter already exists.',
  ],
  [
    'a key that is taken',
    `filter add ${ON} protocol ip pref 3 flower enc_key_id 2 action drop`,
    'RTNETLINK answers: File exists',
  ],
  [
    'a key that is taken under a new handle',
    `filter replace ${ON} protocol ip pref 3 handle 9 flower enc_key_id 2 action drop`,
    'RTNETLINK answers: File exists',
  ],
  [
    'a successor with the key of another filter',
    `filter replace ${ON} protocol ip pref 3 handle 1 flower enc_key_id 2 action drop`,
    'RTNETLINK answers: File exists',
  ],
  [
    'a successor with another mask',
    `filter replace ${ON} protocol ip pref 3 handle 1 flower enc_key_id 1 enc_dst_port 4789 action drop`,
    'RTNETLINK answers: Invalid argument',
  ],
  [
    'a second protocol in a pref',
    `filter add ${ON} protocol ipv6 pref 3 flower action drop`,
    'Error: Protocol mismatch for filter with specified priority.',
  ],
  [
    'a change of a pref that is not there',
    `filter change ${ON} protocol ip pref 9 flower action drop`,
    'Error: Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter.',
  ],
  [
    'a change of a pref that is not there, without a protocol',
    `filter change ${ON} pref 9 flower action drop`,
    'Error: Filter kind and protocol must be specified.',
  ],
  [
    'a change of a handle that is not there',
    `filter change ${ON} pref 3 handle 9 flower action drop`,
    'Error: Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter.',
  ],
  [
    'a change without a pref',
    `filter change ${ON} protocol ip flower action drop`,
    'Error: Invalid filter command with priority of zero.',
  ],
  [
    'a chain beyond what goto can name',
    `filter add ${ON} protocol ip chain 268435456 pref 3 flower action drop`,
    'Error: Specified chain index exceeds upper limit.',
  ],
  [
    'a deletion in a chain that is not there',
    `filter del ${ON} chain 5 pref 3`,
    'Error: Cannot find specified filter chain.',
  ],
  [
    'a deletion of a pref that is not there',
    `filter del ${ON} pref 4`,
    'Error: Filter with specified priority/protocol not found.',
  ],
  [
    'a deletion with another protocol',
    `filter del ${ON} pref 3 protocol ipv6`,
    'Error: Protocol mismatch for filter with specified priority.',
  ],
  [
    'a deletion of a handle that is not there',
    `filter del ${ON} pref 3 protocol ip handle 9 flower`,
    'Error: Specified filter handle not found.',
  ],
  [
    'a deletion with another kind',
    `filter del ${ON} pref 3 protocol ip basic`,
    'Error: Specified filter kind does not match existing one.',
  ],
  [
    'a flush with a protocol',
    `filter del ${ON} protocol ip`,
    'Error: Cannot flush filters with protocol, handle or kind set.',
  ],
  [
    'a flush with a handle',
    `filter del ${ON} handle 1 flower`,
    'Error: Cannot flush filters with protocol, handle or kind set.',
  ],
  ['a flush with a kind', `filter del ${ON} flower`, 'Error: Cannot flush filters with protocol, handle or kind set.'],
  [
    'to get from a chain that is not there',
    `filter get ${ON} protocol ip pref 3 chain 8 handle 1 flower`,
    'Error: Cannot find specified filter chain.',
  ],
  [
    'to get a handle that is not there',
    `filter get ${ON} protocol ip pref 3 handle 9 flower`,
    'Error: Specified filter handle not found.',
  ],
  [
    'to get with another protocol',
    `filter get ${ON} protocol ipv6 pref 3 handle 1 flower`,
    'Error: Protocol mismatch for filter with specified priority.',
  ],
  [
    'another device without an ingress qdisc',
    'filter add dev tap0 ingress pref 1 flower action drop',
    "Error: Parent Qdisc doesn't exists.",
  ],
  [
    'a deletion where there is no ingress qdisc',
    'filter del dev tap0 ingress pref 1',
    "Error: Parent Qdisc doesn't exists.",
  ],
  [
    'to get where there is no ingress qdisc',
    'filter get dev tap0 ingress protocol ip pref 1 handle 1 flower',
    "Error: Parent Qdisc doesn't exists.",
  ],
];

for (const [title, line, sentence] of refusals) {
  test(`refuses ${title}, and changes nothing`, (t) => {
    const bench = withRules(...SOME);
    const before = shown(bench);
    for (let n = 0; n < 3; n++) t.deepEqual(bench.refusal(line), { said: talking(sentence), exit: 2 });
    t.is(shown(bench), before);
    // Handle, pref, action index and rule id are the lowest free ones, as if nothing had been tried.
    bench.tc(`filter add ${ON} protocol ip pref 3 flower enc_key_id 99 action drop`);
    const [, , added] = bench.rules.list(ALL);
    t.like(added, { pref: 3, handle: 3 });
    t.is(added?.actions[0]?.spec.index, 3, 'of gact: 1 and 2 are in use');
  });
}

test('what a refused filter had taken is free at once, without a commit', async (t) => {
  const bench = withRules(...SOME);
  await bench.rules.commit();
  for (let n = 0; n < 5000; n++) bench.refusal(`filter add ${ON} protocol ip pref 3 flower enc_key_id 2 action drop`);
  bench.tc(`filter add ${ON} protocol ip pref 3 flower enc_key_id 3 action drop`);
  await bench.rules.commit();
  const { programs } =
    bench.datapath.instructions.flatMap((each) => (each.type === 'rules' ? [each] : [])).at(-1) ?? {};
  t.is(programs?.start.length, 1024, 'rule ids stay below a thousand');
  t.is(bench.datapath.actionCounters.capacity, 4096);
});

test('a flush of a chain that is not there is no error', (t) => {
  const bench = withRules(...SOME);
  t.deepEqual(bench.refusal(`filter del ${ON} chain 5`), { said: '', exit: 0 });
  t.is(bench.rules.list(ALL).length, 3);
});

test('prefs that nobody asked for are 49152, 49151 …, and lie below any from 0x8000 on', (t) => {
  const bench = withRules('protocol ip flower action drop', 'protocol ip flower action drop');
  t.deepEqual(places(bench), ['0 49151 1', '0 49152 1']);
  bench.tc(`filter add ${ON} protocol ip pref 40000 flower action drop`);
  bench.tc(`filter add ${ON} protocol ip flower action drop`);
  bench.tc(`filter add ${ON} protocol ip pref 100 flower action drop`);
  bench.tc(`filter add ${ON} protocol ip flower action drop`);
  t.deepEqual(places(bench), ['0 100 1', '0 39998 1', '0 39999 1', '0 40000 1', '0 49151 1', '0 49152 1']);
  bench.tc(`filter add ${ON} protocol ip pref 32768 flower action drop`);
  t.deepEqual(bench.refusal(`filter add ${ON} protocol ip flower action drop`), {
    said: talking('Error: Lowest ID from auto-alloc range already in use.'),
    exit: 2,
  });
  bench.tc(`filter add ${ON} protocol ip chain 1 flower action drop`);
  t.is(places(bench).at(-1), '1 49152 1', 'each chain counts for itself');
});

test('handles that nobody asked for are the lowest free ones', (t) => {
  const vni = (n: number, handle = ''): string => `protocol ip pref 1 ${handle} flower enc_key_id ${n} action drop`;
  const bench = withRules(vni(1), vni(2, 'handle 2'), vni(3), vni(4, 'handle 0x10'));
  t.deepEqual(places(bench), ['0 1 1', '0 1 2', '0 1 3', '0 1 16']);
  bench.tc(`filter del ${ON} protocol ip pref 1 handle 2 flower`);
  bench.tc(`filter add ${ON} ${vni(5)}`);
  t.deepEqual(places(bench), ['0 1 1', '0 1 2', '0 1 3', '0 1 16']);
});

test('a pref that lost its last filter may take another protocol, and a chain that lost its last pref is gone', (t) => {
  const bench = withRules('protocol ip pref 3 flower action drop');
  bench.tc(`filter del ${ON} protocol ip pref 3 handle 1 flower`);
  t.is(bench.refusal(`filter del ${ON} pref 3`).said, talking('Error: Cannot find specified filter chain.'));
  bench.tc(`filter add ${ON} protocol ipv6 pref 3 flower action drop`);
  t.is(bench.rules.list(ALL)[0]?.protocol, 0x86dd);
});

test('chains are shown in the order in which they were made, prefs and handles ascending', (t) => {
  const bench = withRules(
    'protocol ip chain 9 pref 2 flower enc_key_id 1 action drop',
    'protocol ip chain 9 pref 1 flower enc_key_id 1 action drop',
    'protocol ip chain 0 pref 5 handle 7 flower enc_key_id 1 action drop',
    'protocol ip chain 0 pref 5 flower enc_key_id 2 action drop',
  );
  t.deepEqual(places(bench), ['9 1 1', '9 2 1', '0 5 1', '0 5 7']);
  const only = (more: object): string[] => bench.rules.list({ ...ALL, ...more }).map(({ handle }) => `${handle}`);
  t.deepEqual(only({ chain: 0 }), ['1', '7']);
  t.deepEqual(only({ chain: 9, pref: 2 }), ['1']);
  t.deepEqual(only({ pref: 5, handle: 7 }), ['7']);
  t.deepEqual(only({ protocol: 0x86dd }), []);
});

for (const [name, create] of [
  ['linear', () => new LinearTable()],
  ['tuple-space', () => new TupleSpaceTable()],
] as const) {
  test(`replace keeps handle and place, with the same key or a new one (${name})`, (t) => {
    const bench = new Bench(create);
    bench.tc('qdisc add dev vxlan0 ingress');
    bench.tc(`filter add ${ON} protocol ip pref 1 flower enc_key_id 1 action drop`);
    bench.tc(`filter replace ${ON} protocol ip pref 1 handle 1 flower enc_key_id 1 action pass`);
    t.is(bench.rules.list(ALL)[0]?.actions[0]?.spec.control.type, 'pass');
    bench.tc(`filter replace ${ON} protocol ip pref 1 handle 1 flower enc_key_id 2 action pass`);
    t.is(bench.rules.list(ALL).length, 1);
    // The key that was left is free again.
    bench.tc(`filter add ${ON} protocol ip pref 1 flower enc_key_id 1 action drop`);
    t.deepEqual(places(bench), ['0 1 1', '0 1 2']);
    bench.tc(`filter replace ${ON} protocol ip pref 2 flower enc_key_id 1 action drop`);
    t.deepEqual(places(bench), ['0 1 1', '0 1 2', '0 2 1'], 'replace makes what is not there');
  });
}

test('change without a protocol takes over the one that the pref has', (t) => {
  const bench = withRules('protocol all pref 1 flower enc_key_id 1 action drop');
  bench.tc(`filter change ${ON} pref 1 handle 1 flower enc_key_id 4 action pass`);
  t.like(bench.rules.list(ALL)[0], { protocol: 3, handle: 1 });
  // tc adds eth_type only where it knows the protocol, and without it the mask is another.
  bench.tc(`filter add ${ON} protocol ip pref 2 flower enc_key_id 1 action drop`);
  t.is(
    bench.refusal(`filter change ${ON} pref 2 handle 1 flower enc_key_id 1 action pass`).said,
    talking('RTNETLINK answers: Invalid argument'),
  );
});

test('show names the hook as the last edit did, for every filter; get as it was asked', (t) => {
  const bench = withRules('protocol ip pref 1 flower action drop');
  t.regex(shown(bench), /^filter protocol ip pref 1 flower chain 0 \n/);
  bench.tc('filter add dev vxlan0 parent ffff: protocol ip pref 2 flower action drop');
  t.is(shown(bench).match(/^filter parent ffff: protocol ip/gm)?.length, 4);
  t.is(bench.rules.get({ ...ALL, pref: 1, handle: 1 }).parent, 'ingress');
  bench.tc(`filter add ${ON} protocol ip pref 3 flower action drop`);
  t.notRegex(shown(bench), /parent/);
});

test('a clsact qdisc has no parent ffff:', (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  const einval = { said: talking('RTNETLINK answers: Invalid argument'), exit: 2 };
  t.deepEqual(bench.refusal('filter add dev vxlan0 parent ffff: pref 1 flower action drop'), einval);
  t.deepEqual(bench.refusal('filter del dev vxlan0 parent ffff: pref 1'), einval);
  bench.tc(`filter add ${ON} protocol ip pref 1 flower action drop`);
  t.deepEqual(bench.rules.list({ ...ALL, parent: 'ffff:' }), []);
});

test('indev is the index of an interface, and an unknown one is refused before anything is taken', (t) => {
  const bench = withRules('protocol all pref 1 flower indev tap0 action drop');
  t.deepEqual(bench.refusal(`filter add ${ON} pref 2 flower indev nowhere action drop`), {
    said: 'Cannot find device "nowhere"',
    exit: 1,
  });
  t.deepEqual(places(bench), ['0 1 1']);
});
