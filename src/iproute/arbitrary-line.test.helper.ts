/** Lines as somebody types them, and as nobody does: valid ones with words changed, taken out, doubled and moved. */
import fc from 'fast-check';
import { commandWords } from './command-words.js';

const ACTIONS = 'action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 7 dst_port 4789 tos 0x10 ttl 64 csum';

/** Lines that are right, one for each place of the grammar at least. */
export const validLines: readonly string[] = [
  'ip link add name vxlan0 mtu 1450 address 02:00:00:00:00:01 type vxlan external dstport 4789 ttl 64 tos inherit df set',
  'ip link add v type vxlan id 5 remote 10.0.0.1 local 10.0.0.2 dev lo srcport 1000 2000 ageing 30 maxaddress 5 dstport 1',
  'ip link set dev v type vxlan ttl auto ageing none',
  'ip link add tap0 type tap persist',
  'ip tuntap add dev tap0 mode tap vnet_hdr multi_queue',
  'ip -d -s -j link show type vxlan up',
  'ip link del dev tap0',
  'ip -ts monitor link label dev lo',
  'tc qdisc add dev tap0 handle ffff: ingress',
  'tc -s qdisc show dev tap0',
  `tc filter add dev tap0 ingress protocol ip pref 7 chain 3 handle 0x10 flower dst_ip 10.0.0.0/8 ip_proto tcp dst_port 80/0xfff0 ${ACTIONS} action mirred egress redirect dev tap1`,
  'tc filter replace dev v parent ffff: protocol all flower enc_key_id 4 enc_src_ip fd00::/64 enc_tos 1/0xf enc_dst_port 4789 classid 1:2 action goto chain 5',
  'tc filter add dev v ingress flower dst_mac 02:00:00:00:00:01/24 src_mac 02:00:00:00:00:01/ff:ff:00:00:00:00 skip_hw action pass random determ drop 10 index 5 cookie c0ffee',
  'tc filter get dev tap0 ingress protocol ip pref 1 chain 2 handle 3 flower',
  'tc filter del dev tap0 ingress pref 1',
  'tc -j -p filter show dev tap0 ingress chain 5',
  'tc chain add dev tap0 ingress chain 5',
  'tc actions add action drop index 5 action mirred egress mirror dev tap0 pipe index 3',
  'tc actions ls action gact since 100',
  'tc monitor',
  'bridge fdb append 02:00:00:00:00:01 dev v dst 10.0.0.1 port 4789 vni 5 src_vni 6 via lo self permanent extern_learn',
  'bridge fdb flush dev v dst 10.0.0.1 nopermanent vni 5',
  'bridge -s fdb show dev v state static',
  'bridge vni add vni 5-9,12 group 239.1.1.1 dev v',
  'bridge monitor fdb',
];

const known = [...new Set([...commandWords.values()].flat()), 'parent', 'root', 'block', 'help', '-', '--', 'ffff:'];

/** Words that parsers have stumbled over. */
const strange = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    '\0',
    'a\0b',
    '\uFEFF',
    '\ud800',
    '0x',
    '0x0x1',
    '-1',
    '1e3',
    '+1',
    '１',
    '∞',
    '__proto__',
    'constructor',
  ),
  fc.constantFrom(
    '/',
    '//',
    ':',
    ':::',
    '1.2.3.4/',
    '/32',
    '::/',
    'fd00::%lo',
    '0xffffffffffffffffffff',
    '99999999999999999999',
  ),
  fc.constantFrom(
    'x'.repeat(70_000),
    '9'.repeat(5000),
    ':'.repeat(5000),
    '1.'.repeat(3000),
    ','.repeat(5000),
    '-'.repeat(3000),
  ),
  fc.integer().map(String),
  fc.double().map(String),
  fc.ipV4Extended(),
  fc.ipV6(),
);

const word = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 2, arbitrary: strange });

const mutation = fc.record({
  how: fc.constantFrom('change', 'insert', 'remove', 'double', 'swap', 'cut', 'shorten'),
  at: fc.nat(),
  to: fc.nat(),
  word,
});

function mutate(
  words: readonly string[],
  { how, at, to, word: other }: { how: string; at: number; to: number; word: string },
): string[] {
  const changed = [...words];
  const i = at % (words.length + 1);
  const j = to % (words.length + 1);
  const here = changed[i] ?? '';
  if (how === 'change') changed[i] = other;
  else if (how === 'insert') changed.splice(i, 0, other);
  else if (how === 'remove') changed.splice(i, 1);
  else if (how === 'double') changed.splice(i, 0, ...changed.slice(i, j));
  else if (how === 'cut') changed.length = i;
  else if (how === 'shorten') changed[i] = here.slice(0, to % (here.length + 1));
  else {
    changed[i] = changed[j] ?? '';
    changed[j] = here;
  }
  return changed;
}

/** The words of a line, its tool first (which is always one). */
export const anyLine: fc.Arbitrary<readonly ['ip' | 'tc' | 'bridge', readonly string[]]> = fc
  .tuple(fc.constantFrom(...validLines), fc.array(mutation, { maxLength: 5 }))
  .map(([line, mutations]) => {
    const [tool, ...words] = line.split(' ');
    return [tool as 'ip' | 'tc' | 'bridge', mutations.reduce((so, each) => mutate(so, each), words)] as const;
  });

/** How often a generated test runs: `VTEP_FUZZ` times as often as it does by itself. */
export function runs(usual: number): number {
  return Math.ceil(usual * Number(process.env.VTEP_FUZZ ?? 1));
}
