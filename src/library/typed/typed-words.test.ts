import test from 'ava';
import fc from 'fast-check';
import { actionKinds } from '../../iproute/action-kinds.js';
import { filterState } from '../../iproute/arbitrary-filter.test.helper.js';
import { anyVxlan } from '../../iproute/arbitrary-vxlan.test.helper.js';
import type { ActionDetail, Command, FilterState } from '../../iproute/commands.js';
import { filterCommand } from '../../iproute/filter-command.js';
import { flowerKeys, flowerKeyWords } from '../../iproute/flower-keys.js';
import { vxlanWordsOf } from '../../iproute/link-command.js';
import { parseLine } from '../../iproute/parse.js';
import { controlWords } from '../../iproute/parse-control.js';
import { csumTargets } from '../../iproute/parse-csum.js';
import { fdbWords as fdbStates, fdbWholeWords } from '../../iproute/parse-fdb-modify.js';
import { mirredWords } from '../../iproute/parse-mirred.js';
import { peditCommands } from '../../iproute/parse-pedit.js';
import { policeWords } from '../../iproute/parse-police.js';
import { sampleWords } from '../../iproute/parse-sample.js';
import { skbeditWords } from '../../iproute/parse-skbedit.js';
import { tunnelKeyWords } from '../../iproute/parse-tunnel-key.js';
import { vlanWords } from '../../iproute/parse-vlan.js';
import { vxlanWords } from '../../iproute/parse-vxlan.js';
import { peditFields } from '../../iproute/pedit-fields.js';
import { putAction } from './action-words.js';
import { putVxlan, vxlanNames } from './link-words.js';
import { filterWords } from './rule-words.js';
import { fdbWords } from './table-words.js';
import { typedOf } from './typed-of.test.helper.js';
import { Fields, Words } from './words.js';

/** `parent ffff:` is another word for the same hook. */
function hooked(filter: FilterState): FilterState {
  return { ...filter, parent: filter.parent === 'ffff:' ? 'ingress' : filter.parent };
}

/** What has no object: flags of which none counts, and a port that has to be of a range and of a mask as well. */
function isSayable({ keys }: FilterState): boolean {
  const isTwice = (port: string): boolean => keys.filter(({ name }) => name.startsWith(port)).length > 1;
  const isEmpty = keys.some(({ name, mask }) => name.endsWith('_flags') && mask.every((byte) => byte === 0));
  return !isEmpty && !isTwice('dst_port') && !isTwice('src_port');
}

/** The keys of a pedit are what it does; the words that it was typed in say the same in other bases. */
function withoutWords(command: Command): unknown {
  if (command.kind !== 'filter-add') return command;
  const actions = command.filter.actions.map((spec) => (spec.kind === 'pedit' ? { ...spec, words: [] } : spec));
  return { ...command, filter: { ...command.filter, actions } };
}

test('every filter that the control side may hold is said by an object, and saved, and read again as it was', (t) => {
  fc.assert(
    fc.property(filterState.filter(isSayable).map(hooked), (filter) => {
      const { list, properties } = filterWords('add', typedOf(filter));
      const actions = filter.actions.map(({ spec }) => spec);
      const wanted = withoutWords({ kind: 'filter-add', mode: 'add', filter: { ...filter, actions } });
      t.is(list.length, properties.length);
      t.deepEqual(withoutWords(parseLine('tc', list.slice(1))), wanted, list.join(' '));
      t.deepEqual(withoutWords(parseLine('tc', filterCommand(filter))), wanted);
    }),
    { seed: 8, numRuns: 300 },
  );
});

/** Words in a line of the typed form. */
function said(...actions: readonly unknown[]): Set<string> {
  const words = new Words();
  for (const action of actions) putAction(words, action, 'actions[0]');
  return new Set(words.list);
}

test('every key of the grammar is a property of match, under the name that tc prints', (t) => {
  const samples: Record<string, unknown> = {
    ...{
      'ip-flags': { frag: true },
      'enc-flags': { tundf: false },
      mac: '02:00:00:00:00:01',
      'ip-address': '10.0.0.0/8',
    },
    ...{ device: 'lo', 'ip-proto': 'tcp', 'arp-op': 'reply', 'vlan-ethtype': 'ip' },
  };
  const typed = flowerKeys.filter(({ kind }) => kind !== 'ether-type' && kind !== 'port-range');
  const match = Object.fromEntries(typed.map(({ name, kind }) => [name, samples[kind] ?? 1]));
  const { list } = filterWords('add', { dev: 'lo', match });
  t.deepEqual(
    flowerKeyWords.filter((word) => !list.includes(word)),
    [],
  );
  t.is(typed.length, flowerKeyWords.length);
});

const TAG = { id: 1, protocol: '802.1Q', priority: 1 };
const SET = {
  src_ip: '10.0.0.1',
  dst_ip: '10.0.0.2',
  id: 1,
  dst_port: 1,
  tos: 1,
  ttl: 1,
  vxlan_opts: 1,
  csum: true,
  nofrag: true,
};
const MACS = { dst_mac: '02:00:00:00:00:01', src_mac: '02:00:00:00:00:02' };
/** One of each verb and field; what the grammar has besides says the same, or is refused. */
const whole: Record<
  (typeof actionKinds)[number],
  readonly [actions: readonly object[], words: readonly string[], besides: readonly string[]]
> = {
  tunnel_key: [
    [{ unset: true }, { set: SET }, { set: { ...SET, csum: false } }],
    tunnelKeyWords,
    ['geneve_opts', 'erspan_opts', 'help'],
  ],
  mirred: [
    [
      { egress: 'redirect', dev: 'lo' },
      { ingress: 'mirror', dev: 'lo', index: 4 },
    ],
    mirredWords,
    ['help'],
  ],
  gact: [
    [...['pass', 'drop', 'pipe', 'continue', 'reclassify', 'trap', { goto: 1 }, { jump: 2 }]].map((control) => ({
      control,
    })),
    controlWords,
    ['shot', 'ok'],
  ],
  vlan: [[{ pop: true }, { push: TAG }, { modify: TAG }, { pop_eth: true }, { push_eth: MACS }], vlanWords, ['help']],
  pedit: [
    [
      ...peditFields.map(([layer, name, ex]) => ({ ex, munge: [{ [layer]: name, clear: true }] })),
      {
        munge: [
          { ip: 'tos', set: 1 },
          { ip: 'tos', add: 1 },
          { ip: 'tos', invert: true, retain: 1 },
        ],
      },
      {
        munge: [
          { ip: 'ttl', decrement: true },
          { ip: 'ttl', preserve: true },
          { offset: -4, width: 'u8', set: 1 },
        ],
      },
    ],
    [
      ...peditCommands,
      ...peditFields.map(([layer]) => layer),
      ...peditFields.map(([, name]) => name),
      'offset',
      'retain',
      'ex',
    ],
    [],
  ],
  csum: [[{ update: csumTargets }], csumTargets, []],
  skbedit: [
    [{ queue_mapping: 1, priority: '1:2', mark: { value: 1, mask: 1 }, inheritdsfield: true }],
    skbeditWords,
    ['ptype', 'help'],
  ],
  police: [
    [
      { rate: '1mbit', burst: '10k', peakrate: '2mbit', mtu: 1500, mpu: 64, overhead: 4, linklayer: 'atm', index: 3 },
      { pkts_rate: 1, pkts_burst: 1, exceed: 'drop', conform: 'continue' },
      { mtu: 1, exceed: { goto: 1 }, conform: 'pipe' },
      { mtu: 1, conform: 'pass' },
    ],
    policeWords,
    ['buffer', 'maxburst', 'minburst', 'avrate', 'shot', 'ok', 'help'],
  ],
  sample: [[{ rate: 1, group: 1, trunc: 1 }], sampleWords, ['help']],
  simple: [[{ sdata: 'x' }], ['sdata'], []],
};

test('every kind of action, every verb and every field of the grammar can be said by an object', (t) => {
  for (const kind of actionKinds) {
    const [actions, words, besides] = whole[kind];
    const list = said(...actions.map((action) => ({ kind, ...action })));
    t.deepEqual(
      words.filter((word) => !list.has(word)),
      [...besides],
      kind,
    );
    for (const action of actions) {
      const { list: line } = filterWords('add', { dev: 'lo', actions: [{ kind, ...action }] });
      const command = parseLine('tc', line.slice(1));
      const specs: readonly { readonly kind: string }[] = command.kind === 'filter-add' ? command.filter.actions : [];
      t.is(specs[0]?.kind, kind, line.join(' '));
    }
    // tc cannot name it by its index alone.
    if (kind === 'csum') continue;
    const reference = filterWords('add', { dev: 'lo', actions: [{ kind: 'reference', of: kind, index: 5 }] }).list;
    t.like(parseLine('tc', reference.slice(1)), { filter: { actions: [{ kind: 'reference', of: kind, index: 5 }] } });
  }
});

test('a control alone is an action of the kind gact', (t) => {
  const { list } = filterWords('add', {
    dev: 'lo',
    actions: ['pass', { goto: 7 }, { jump: 2 }, { kind: 'gact', control: 'drop' }],
  });
  const wanted: readonly ActionDetail[] = [
    { kind: 'gact', control: { type: 'pass' } },
    { kind: 'gact', control: { type: 'goto', chain: 7 } },
    { kind: 'gact', control: { type: 'jump', count: 2 } },
    { kind: 'gact', control: { type: 'drop' } },
  ];
  t.like(parseLine('tc', list.slice(1)), { filter: { actions: wanted } });
});

test('every option of a vxlan device is a property, and says what the words say', (t) => {
  const words = vxlanWords
    .map((entry) => entry.split('/'))
    .map((names) => names.map((name) => name.replaceAll('-', '_')));
  const missing = words.filter(
    (names) => !names.some((name) => vxlanNames.includes(name) || vxlanNames.includes(name.replace(/^no/, ''))),
  );
  t.deepEqual(missing, [['help']]);
  fc.assert(
    fc.property(anyVxlan, (options) => {
      const line = vxlanWordsOf(options);
      const given: Record<string, unknown> = {};
      for (let at = 0; at < line.length; at++) {
        const name = (line[at] ?? '').replaceAll('-', '_');
        const flag = name.replace(/^no/, '');
        const isFlag = !['id', 'vni'].includes(name) && line[at] !== undefined && isOption(flag);
        if (isFlag) given[flag] = flag === name;
        else if (name === 'srcport') given[name] = { from: Number(line[++at]), to: Number(line[++at]) };
        else {
          const value = line[++at] ?? '';
          given[name] = name === 'tap_offload' ? value === 'on' : /^\d+$/.test(value) ? Number(value) : value;
        }
      }
      const made = new Words().add('', 'link', 'add', 'name', 'v', 'type', 'vxlan');
      const fields = new Fields(given);
      putVxlan(made, fields);
      fields.end();
      const again = ['link', 'add', 'name', 'v', 'type', 'vxlan', ...line];
      t.deepEqual(parseLine('ip', made.list), parseLine('ip', again), again.join(' '));
    }),
    { seed: 9, numRuns: 500 },
  );
});

function isOption(name: string): boolean {
  const withValues =
    'id vni group remote local dev dstport ttl tos df flowlabel ageing maxaddress reserved_bits underlay';
  return vxlanNames.includes(name) && !/^(tap_|max_taps|srcport)/.test(name) && !withValues.split(' ').includes(name);
}

test('every word of a forwarding entry is a property', (t) => {
  const entry = { dev: 'v', mac: '02:00:00:00:00:01', dst: '10.0.0.1', port: 1, vni: 2, src_vni: 3, via: 'lo' };
  const flags = { router: true, extern_learn: true, sticky: true };
  const list = (['permanent', 'static', 'dynamic'] as const).flatMap(
    (state) => fdbWords('add', { ...entry, ...flags, state }).list,
  );
  const missing = [...fdbWholeWords, ...fdbStates].filter((word) => !list.includes(word));
  // A bridge's, other names, or what vtep has not.
  t.deepEqual(missing, ['nhid', 'master', 'local', 'temp', 'vlan', 'use']);
});
