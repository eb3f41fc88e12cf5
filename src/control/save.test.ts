import test from 'ava';
import fc from 'fast-check';
import { splitBatch } from '../iproute/batch.js';
import type { ActionState } from '../iproute/commands.js';
import type { LinkState } from '../iproute/link-state.js';
import { edit, tried } from './arbitrary-edit.test.helper.js';
import { ALL, Bench } from './kit.test.helper.js';
import { saveLines } from './save.js';

const LINKS = [
  { name: 'vxlan0', mtu: 1450, flags: ['UP'], details: { kind: 'vxlan', options: { external: true, dstport: 4789 } } },
  { name: 'tap0', mtu: 1500, flags: [], qlen: 77, details: { kind: 'tap', persist: true } },
  { name: 'tap1', mtu: 1500, flags: ['UP'], details: { kind: 'tap', persist: false } },
] as unknown as readonly LinkState[];

function saved(bench: Bench, elsewhere: readonly string[] = []): string {
  const links = LINKS.filter(({ name }) => bench.devices.names.has(name));
  return [...saveLines(links, elsewhere, bench.rules)].join('');
}

/** The state that a saved file makes; its lines of ip are about devices, which are there. */
function restored(text: string): Bench {
  const bench = new Bench();
  for (const { words } of splitBatch(text)) if (words[0] === 'tc') bench.tc(words.slice(1).join(' '));
  return bench;
}

/** What commands show, without times; chains, which are shown in the order of their making, by number. */
function everything({ rules }: Bench): unknown {
  const timeless = ({ spec, ref, bind }: ActionState): unknown => ({ spec, ref, bind });
  return {
    filters: rules
      .list(ALL)
      .sort((a, b) => a.chain - b.chain)
      .map((each) => ({ ...each, actions: each.actions.map(timeless) })),
    actions: (['gact', 'mirred', 'tunnel_key'] as const).map((kind) => rules.actions.list(kind).map(timeless)),
    chains: rules.chains(ALL, false).sort((a, b) => a - b),
  };
}

test('what is saved makes the same state: it is saved as the same again', (t) => {
  let filters = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 25, size: 'max' }), fc.boolean(), (edits, isParent) => {
      const bench = new Bench();
      bench.tc('qdisc add dev vxlan0 ingress');
      bench.tc('qdisc add dev tap0 clsact');
      for (const each of edits) tried(() => each(bench));
      if (isParent) tried(() => bench.tc('filter add dev vxlan0 parent ffff: pref 9 flower action drop'));
      const text = saved(bench);
      const again = restored(text);
      t.is(saved(again), text);
      t.deepEqual(everything(again), everything(bench));
      filters += bench.rules.list(ALL).length;
    }),
    { numRuns: 150, seed: 20261122, includeErrorInReport: true },
  );
  t.true(filters > 250, `${filters}`);
});

test('within a pref the masks are made in the order in which they are tried', (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  const add = (words: string): string => bench.tc(`filter add dev vxlan0 ingress protocol ip pref 1 ${words}`);
  add('handle 1 flower dst_ip 10.0.0.0/8 action drop');
  add('handle 2 flower dst_ip 10.1.0.0/16 action pass');
  add('handle 3 flower dst_ip 11.0.0.0/8 action drop');
  const order = (): string[] => [...saved(bench).matchAll(/handle (\d)/g)].map(([, handle = '']) => handle);
  t.deepEqual(order(), ['1', '3', '2']);
  bench.tc('filter del dev vxlan0 ingress protocol ip pref 1 handle 1 flower');
  add('handle 1 flower src_ip 10.0.0.0/8 action drop');
  t.deepEqual(order(), ['3', '2', '1'], 'the first mask lives on in 11.0.0.0/8');
  bench.tc('filter del dev vxlan0 ingress protocol ip pref 1 handle 3 flower');
  add('handle 3 flower dst_ip 10.0.0.0/8 action drop');
  t.deepEqual(order(), ['2', '1', '3'], 'and ends with it');
  bench.tc('filter replace dev vxlan0 ingress protocol ip pref 1 handle 2 flower dst_ip 10.2.0.0/16 action pass');
  t.deepEqual(order(), ['2', '1', '3'], 'a successor has the mask of the one before');
});

test('devices come first and are set up last; what cannot be made again is a comment', (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 ingress');
  bench.tc('actions add action mirred egress redirect dev tap1 index 4 cookie c0ffee');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 1 flower enc_key_id 4 action mirred index 4');
  bench.tc('chain add dev vxlan0 ingress chain 8');
  bench.devices.remove('tap1');
  t.deepEqual(saved(bench, ['tap9']).split('\n').slice(2), [
    '# In another network namespace, and so left out: tap9',
    'ip link add name vxlan0 mtu 1450 type vxlan external dstport 4789',
    'ip link add name tap0 mtu 1500 txqueuelen 77 type tap persist',
    'tc qdisc add dev vxlan0 ingress',
    '# its device is gone: tc actions add action mirred egress redirect dev * index 4 cookie c0ffee',
    '# its device is gone: tc filter add dev vxlan0 ingress protocol all pref 1 chain 0 handle 1 flower enc_key_id 4 action mirred egress redirect dev * index 4 cookie c0ffee',
    'tc chain add dev vxlan0 ingress chain 8',
    'ip link set dev vxlan0 up',
    '',
  ]);
});
