/** Lines of bridge fdb and vni, of tc actions and chain, and of ip link show, and what they mean. */
import test from 'ava';
import fc from 'fast-check';
import { actionCommand } from './action-command.js';
import { filterState } from './arbitrary-filter.test.helper.js';
import { kernelFdbEntry } from './arbitrary-vxlan.test.helper.js';
import type { Command } from './commands.js';
import { fdbCommand, vniCommand } from './fdb-command.js';
import { chainCommand } from './filter-command.js';
import { formatHex } from './numbers.js';
import { parseLine } from './parse.js';

function parse(line: string): Command {
  const [tool, ...words] = line.split(' ');
  return parseLine(tool as 'ip' | 'tc' | 'bridge', words);
}

/** Bytes as hexadecimal, and without the line itself except where it is all that there is. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return formatHex(value);
  }
  if (Array.isArray(value)) {
    return value.map(readable);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const isHost = 'kind' in value && value.kind === 'host';
  const fields = Object.entries(value).filter(([key]) => key !== 'argv' || isHost);
  return Object.fromEntries(fields.map(([key, field]) => [key, readable(field)]));
}

const plain = { statistics: false, details: false, json: false, pretty: false };
const host = (line: string): object => {
  const [tool, ...argv] = line.split(' ');
  return { kind: 'host', tool, argv };
};

const lines: readonly (readonly [line: string, expected: object])[] = [
  [
    'bridge fdb add 02:0:0:0:0:1 dev v dst 10.0.0.1',
    { kind: 'fdb-add', mode: 'add', entry: { dev: 'v', mac: '020000000001', dst: '0a000001', state: 'permanent' } },
  ],
  [
    'bridge fdb app to 00:00:00:00:00:00 dev v dst fd00::1 port 0x12b5 vni 010 src_vni 9 via eth0 self dyn rou ext sti u',
    {
      kind: 'fdb-add',
      mode: 'append',
      entry: {
        dev: 'v',
        mac: '000000000000',
        dst: 'fd000000000000000000000000000001',
        port: 4789,
        vni: 8,
        srcVni: 9,
        via: 'eth0',
        state: 'dynamic',
        router: true,
        externLearn: true,
        sticky: true,
      },
    },
  ],
  [
    'bridge fdb replace 02:00:00:00:00:01 dev v dst 10.0.0.1 temp vlan 5 port vxlan',
    {
      kind: 'fdb-add',
      mode: 'replace',
      entry: { dev: 'v', mac: '020000000001', dst: '0a000001', port: 4789, state: 'static' },
    },
  ],
  [
    'bridge fdb del 02:00:00:00:00:01 dev v dst 10.0.0.1 vni 5',
    { kind: 'fdb-del', entry: { dev: 'v', mac: '020000000001', dst: '0a000001', vni: 5 } },
  ],
  ['bridge fdb', { kind: 'fdb-show', selector: {}, output: plain }],
  [
    'bridge -s -j -p f s dev v state perm state 0x2 dynamic',
    {
      kind: 'fdb-show',
      selector: { dev: 'v', stateMask: 0x82, dynamic: true },
      output: { statistics: true, details: false, json: true, pretty: true },
    },
  ],
  [
    'bridge fdb get 02:00:00:00:00:01 brport v vni 5 self',
    { kind: 'fdb-get', entry: { dev: 'v', mac: '020000000001', vni: 5 }, output: plain },
  ],
  [
    'bridge fdb flush dev v dynamic noextern_learn vni 5 dst 10.0.0.1 port 4789 src_vni 6 via eth0 norouter',
    {
      kind: 'fdb-flush',
      flush: {
        dev: 'v',
        stateBits: 0,
        stateMask: 0xc0,
        externLearn: false,
        router: false,
        vni: 5,
        srcVni: 6,
        dst: '0a000001',
        port: 4789,
        via: 'eth0',
      },
    },
  ],
  [
    'bridge fdb flush dev br0 vlan 5 sticky',
    {
      kind: 'fdb-flush',
      flush: { dev: 'br0', stateBits: 0, stateMask: 0, refused: 'Error: Unsupported attribute.' },
    },
  ],
  [
    'bridge vni add vni 5,10-20 dev v group 239.1.1.1',
    {
      kind: 'vni-add',
      dev: 'v',
      ranges: [
        { first: 5, last: 5 },
        { first: 10, last: 20 },
      ],
      remote: 'ef010101',
    },
  ],
  ['bridge vni del vni 5 dev v', { kind: 'vni-del', dev: 'v', ranges: [{ first: 5, last: 5 }] }],
  ['bridge vni', { kind: 'vni-show', output: plain }],
  ['bridge vni show dev v', { kind: 'vni-show', dev: 'v', output: plain }],
  ...[
    'bridge fdb add 02:00:00:00:00:01 dev v master',
    'bridge fdb show br br0',
    'bridge fdb show vlan 5',
    'bridge fdb get 02:00:00:00:00:01 br br0',
    'bridge fdb get 02:00:00:00:00:01 dev v',
    'bridge fdb flush dev br0 master',
    'bridge link',
    'bridge vlan show',
    'bridge mdb',
  ].map((line): readonly [string, object] => {
    const dev = /dev (\S+)/.exec(line)?.[1];
    return [line, { ...host(line), ...(dev !== undefined && { dev }) }];
  }),
  [
    'tc actions add action mirred egress redirect dev a index 5 cookie ab action drop index 6',
    {
      kind: 'actions-add',
      mode: 'add',
      actions: [
        ...[{ kind: 'mirred', direction: 'egress', mode: 'redirect', dev: 'a', control: { type: 'stolen' } }].map(
          (one) => ({ ...one, index: 5, cookie: 'ab' }),
        ),
        { kind: 'gact', control: { type: 'drop' }, index: 6 },
      ],
    },
  ],
  [
    'tc action change tunnel_key unset index 7',
    {
      kind: 'actions-add',
      mode: 'replace',
      actions: [{ kind: 'tunnel_key', mode: 'unset', control: { type: 'pipe' }, index: 7 }],
    },
  ],
  [
    'tc actions add action gact index 7 cookie ab',
    {
      kind: 'actions-add',
      mode: 'add',
      actions: [{ kind: 'gact', control: { type: 'pass' }, index: 7, cookie: 'ab' }],
    },
  ],
  [
    'tc actions del action mirred index 5 action gact ind 6',
    {
      kind: 'actions-del',
      selectors: [
        { action: 'mirred', index: 5 },
        { action: 'gact', index: 6 },
      ],
    },
  ],
  [
    'tc actions get tunnel_key index 5',
    { kind: 'actions-get', selectors: [{ action: 'tunnel_key', index: 5 }], output: plain },
  ],
  [
    'tc -s actions ls action mirred since 500',
    { kind: 'actions-show', action: 'mirred', since: 500, output: { ...plain, statistics: true } },
  ],
  ['tc actions flush action gact', { kind: 'actions-flush', action: 'gact' }],
  ['tc chain add dev a ingress chain 5', { kind: 'chain-add', selector: { dev: 'a', parent: 'ingress', chain: 5 } }],
  ['tc chain del dev a parent ffff:', { kind: 'chain-del', selector: { dev: 'a', parent: 'ffff:', chain: 0 } }],
  [
    'tc chain get dev a egress chain 0x10',
    { kind: 'chain-get', selector: { dev: 'a', parent: 'egress', chain: 16 }, output: plain },
  ],
  [
    'tc -j chain ls dev a ingress',
    { kind: 'chain-show', selector: { dev: 'a', parent: 'ingress' }, output: { ...plain, json: true } },
  ],
  ['tc chain show dev a', { ...host('tc chain show dev a'), dev: 'a' }],
  ['ip link', { kind: 'link-show', selector: {}, output: plain }],
  [
    'ip -d -s l ls v up',
    { kind: 'link-show', selector: { dev: 'v', up: true }, output: { ...plain, details: true, statistics: true } },
  ],
  [
    'ip -s -s link show dev v',
    { kind: 'link-show', selector: { dev: 'v' }, output: { ...plain, statistics: true, errors: true } },
  ],
  ['ip link show type tap', { kind: 'link-show', selector: { type: 'tun' }, output: plain }],
  ['ip link show type veth', host('ip link show type veth')],
  ['ip link show master br0', host('ip link show master br0')],
  ['ip link set v type vxlan ttl 0 noproxy', { kind: 'link-set-vxlan', name: 'v', changes: { ttl: 0, proxy: false } }],
  [
    'ip link set dev v mtu 1400 up type vxlan ageing 5',
    {
      kind: 'link-set-vxlan',
      name: 'v',
      changes: { ageing: 5 },
      up: true,
      rest: ['link', 'set', 'dev', 'v', 'mtu', '1400', 'up'],
    },
  ],
];

for (const [line, expected] of lines) {
  test(`It parses: ${line}`, (t) => {
    t.deepEqual(readable(parse(line)), expected);
  });
}

test('Layouts that vtep does not print are the host’s for links, and nothing new for entries', (t) => {
  t.is(parse('ip -br link').kind, 'host');
  t.is(parse('ip -o link show dev v').kind, 'host');
  t.is(parse('bridge -o fdb show').kind, 'fdb-show');
  t.is(parse('ip -n other -d link show v').kind, 'host');
  t.is(parse('bridge -n other fdb show').kind, 'host');
});

test('The line itself goes along for devices that are not vtep’s', (t) => {
  for (const line of ['bridge -j fdb show dev v', 'ip -d link show v']) {
    const command = parse(line);
    t.deepEqual('argv' in command ? command.argv : [], line.split(' ').slice(1), line);
  }
});

test('A filter can bind to an action by its kind and index alone', (t) => {
  for (const [words, of] of [
    ['gact index 5', 'gact'],
    ['mirred index 5', 'mirred'],
    ['tunnel_key index 5', 'tunnel_key'],
  ] as const) {
    const command = parse(`tc filter add dev v ingress flower action ${words} action drop`);
    t.deepEqual(command.kind === 'filter-add' ? command.filter.actions : [], [
      { kind: 'reference', of, index: 5 },
      { kind: 'gact', control: { type: 'drop' } },
    ]);
  }
});

test('Every entry, chain, action and VNI filter is given back by the command that is made of it', (t) => {
  const range = fc
    .tuple(fc.nat(0xffffff), fc.nat(0xffffff))
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  fc.assert(
    fc.property(
      kernelFdbEntry('v', 'eth0', true),
      fc.constantFrom('add' as const, 'append' as const),
      (entry, mode) => {
        const argv = fdbCommand(entry, mode);
        t.deepEqual(parseLine('bridge', argv), { kind: 'fdb-add', mode, entry, argv });
      },
    ),
    { seed: 71, numRuns: 500 },
  );
  fc.assert(
    fc.property(filterState, ({ dev, parent, chain, actions }) => {
      const selector = { dev, parent, chain };
      t.deepEqual(parseLine('tc', chainCommand(selector)), { kind: 'chain-add', selector });
      for (const { spec } of actions.filter((one) => one.spec.control.type !== 'goto')) {
        t.deepEqual(parseLine('tc', actionCommand(spec)), { kind: 'actions-add', mode: 'add', actions: [spec] });
      }
    }),
    { seed: 72, numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 5 }), (ranges) => {
      const remote = Uint8Array.of(10, 0, 0, 1);
      t.deepEqual(parseLine('bridge', vniCommand('v', ranges, remote)), { kind: 'vni-add', dev: 'v', ranges, remote });
    }),
    { seed: 73, numRuns: 200 },
  );
});
