/*
 * Which of the filters that a frame matches takes it, at both kinds of hook: prefs, protocols, masks in the order in
 * which they were made, replacement, jumps, chains and their limit.
 *
 *   host B:  packet socket ──[a frame each]──> tap0: ingress ──> vxlan0: egress
 *
 * Every case has a destination MAC, prefs and chains of its own. Every action has a cookie, by which it is told.
 */
import type { ExecutionContext } from 'ava';
import { Daemon } from './daemon.js';
import { hex, ipv4, mac, udp } from './headers.js';
import { rooted, twoHosts } from './rooted.js';
import { MAC_A } from './topology.js';

interface OrderCase {
  readonly title: string;
  /**
   * `VERB [protocol P] pref N [handle N] [chain N] flower KEYS action …`, in order; prefs and chains count from the
   * case's own. `=NAME` is the cookie of an action.
   */
  readonly lines: readonly string[];
  /** The cookies of the actions that the frame meets. */
  readonly meets: readonly string[];
}

const SHORT = 'dst_ip 10.0.0.0/24';
const LONG = 'dst_ip 10.0.0.2';
const both = [
  `add protocol ip pref 2 flower ${SHORT} action drop =short`,
  `add protocol ip pref 2 flower ${LONG} action drop =long`,
];
const LIMIT = 16;
/** Chain 0 and `depth` more, each of which goes to the next. */
const chained = (depth: number): string[] =>
  Array.from({ length: depth + 1 }, (_, n) => `add pref 1 chain ${n} flower action goto chain ${n + 1} =c${n}`);

const cases: readonly OrderCase[] = [
  { title: 'of two masks that which was made first, not the longer one', lines: both, meets: ['short'] },
  {
    title: 'a mask that comes back is the last',
    lines: [...both, 'del protocol ip pref 2 handle 1 flower', both[0] ?? ''],
    meets: ['long'],
  },
  {
    title: 'the lowest pref, whatever came first',
    lines: [...both, 'add protocol all pref 1 flower action drop =lower'],
    meets: ['lower'],
  },
  {
    title: 'no pref of another protocol',
    lines: [...both, 'add protocol ipv6 pref 1 flower action drop =other', 'add pref 3 flower action drop =behind'],
    meets: ['short'],
  },
  {
    title: 'continue goes on at the next pref, not at the next mask',
    lines: [
      ...both,
      `replace protocol ip pref 2 handle 1 flower ${SHORT} action continue =on`,
      'add pref 3 flower action drop =next',
    ],
    meets: ['on', 'next'],
  },
  {
    title: 'a filter that was replaced does what the new one says, and keeps its place',
    lines: [...both, `replace protocol ip pref 2 handle 1 flower ${SHORT} action drop =new`],
    meets: ['new'],
  },
  {
    title: 'a chain from its lowest pref on, and nothing of chain 0 behind it',
    lines: [
      'add pref 1 flower action goto chain 1 =goes',
      'add pref 2 flower action drop =left',
      'add pref 3 chain 1 flower action drop =second',
      'add protocol ip pref 2 chain 1 flower ip_proto tcp action drop =none',
    ],
    meets: ['goes', 'second'],
  },
  {
    title: 'a jump passes over the actions before the one that it names',
    lines: ['add pref 1 flower action pipe =a action jump 3 =b action drop =c action drop =d'],
    meets: ['a', 'b', 'd'],
  },
  {
    title: 'what was rewritten is classified anew from the first filter on',
    lines: [
      'add pref 1 flower action continue =first',
      'add protocol ip pref 2 flower ip_ttl 64 action pedit ex munge ip ttl set 9 pipe =edit action reclassify =again',
      'add protocol ip pref 3 flower ip_ttl 9 action drop =now',
    ],
    meets: ['first', 'edit', 'again', 'now'],
  },
  {
    title: 'sixteen chains are followed',
    lines: [...chained(LIMIT - 1), `add pref 1 chain ${LIMIT} flower action drop =end`],
    meets: [...Array.from({ length: LIMIT }, (_, n) => `c${n}`), 'end'],
  },
  {
    title: 'and no more',
    lines: [...chained(LIMIT), `add pref 1 chain ${LIMIT + 1} flower action drop =end`],
    meets: Array.from({ length: LIMIT + 1 }, (_, n) => `c${n}`),
  },
];

const macOf = (n: number): string => `06:00:00:00:00:${hex(n, 1)}`;
/** Cookies are hex. */
const cookieOf = (n: number, name: string): string => hex(n, 1) + Buffer.from(name).toString('hex');

function lineOf(n: number, line: string, hook: string): string {
  const [verb = '', ...rest] = line.split(' ');
  const words = rest
    .join(' ')
    .replaceAll(/pref (\d+)/g, (_, pref: string) => `pref ${20 * n + Number(pref)}`)
    .replaceAll(/chain (\d+)/g, (_, chain: string) => `chain ${chain === '0' ? 0 : 100 * (n + 1) + Number(chain)}`)
    .replaceAll(/=(\w+)/g, (_, name: string) => `cookie ${cookieOf(n, name)}`);
  const own = verb === 'del' ? words : words.replace('flower', `flower dst_mac ${macOf(n)}`);
  return `tc filter ${verb} ${hook} ${own.includes('protocol') ? '' : 'protocol all '}${own}`;
}

async function check(t: ExecutionContext, dev: string, side: string): Promise<void> {
  const topology = await twoHosts(t);
  const { b } = topology;
  const hook = `dev ${dev} ${side}`;
  const LAST: OrderCase = { title: 'the last', lines: ['add pref 1 flower action drop =last'], meets: ['last'] };
  const all = [...cases, LAST];
  const daemon = await Daemon.start(topology, [
    'ip link add vxlan0 type vxlan external dstport 4789',
    'ip link set vxlan0 up',
    'ip link add tap0 type tap',
    'ip link set tap0 up',
    'tc qdisc add dev tap0 clsact',
    'tc qdisc add dev vxlan0 clsact',
    ...(side === 'egress'
      ? ['tc filter add dev tap0 ingress protocol all flower action mirred egress redirect dev vxlan0']
      : []),
    ...all.flatMap(({ lines }, n) => lines.map((line) => lineOf(n, line, hook))),
  ]);
  const behind = hex(0x0800, 2) + ipv4(udp(1, 2, '00'.repeat(40)));
  await b.do(b.tool('send-frames', 'tap0'), `${all.map((_, n) => mac(macOf(n)) + mac(MAC_A) + behind).join('\n')}\n`);
  const last = cookieOf(cases.length, 'last');
  const deadline = Date.now() + 20_000;
  let met: readonly string[] = [];
  while (!met.includes(last) && Date.now() < deadline) {
    const text = await daemon.do(`tc -s filter show ${hook}`);
    const blocks = text.split(/^\taction order /m).slice(1);
    met = blocks
      .filter((block) => !/ 0 pkt /.test(block))
      .map((block) => /cookie (\w+)/.exec(block)?.[1] ?? 'an action without a cookie');
  }
  const wanted = all.flatMap(({ meets }, n) => meets.map((name) => cookieOf(n, name)));
  const named = (cookies: readonly string[]): string[] =>
    cookies
      .map((cookie) => {
        const { title } = all[Number.parseInt(cookie.slice(0, 2), 16)] ?? { title: cookie };
        return `${title}: ${Buffer.from(cookie.slice(2), 'hex')}`;
      })
      .sort();
  t.deepEqual(named(met), named(wanted));
  t.is((await daemon.drops())('chain-limit'), 1);
}

rooted('the filter that the kernel would choose takes a frame, at the ingress of a TAP', (t) =>
  check(t, 'tap0', 'ingress'),
);
rooted('the filter that the kernel would choose takes a frame, at the egress of a tunnel', (t) =>
  check(t, 'vxlan0', 'egress'),
);
