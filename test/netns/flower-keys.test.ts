/*
 * Each key of flower with frames that match and frames that miss it by a hair, at every hook of a TAP and of a vxlan
 * device, and through tunnels over IPv4 and IPv6.
 *
 *        host A                        host B
 *   va ──[frames]── vb ── vxlan0: ingress ──► egress of tap0
 *                         tap0 <──[frames]── packet socket: ingress ──► egress of vxlan0
 *
 * Every case has a destination MAC of its own, which its filter matches beside the key, and every filter says
 * `continue`: so all frames pass all filters, and what a filter counted is what it took of its own case's frames.
 */
import type { ExecutionContext } from 'ava';
import { Daemon, parseActions } from './daemon.js';
import { vxlanHeader } from './frames.js';
import { hex, ip4, ipv4, ipv6, mac, udp } from './headers.js';
import { type Frame, frameKeyCases, SOURCE } from './key-cases.js';
import { rooted, twoHosts } from './rooted.js';
import type { Host } from './topology.js';
import { ADDRESSES, type Outer, shownFlagCases, type TunnelKeyCase, tunnelKeyCases } from './tunnel-key-cases.js';

const ANY = hex(0x0800, 2) + ipv4(udp(1, 2));
const SENTINEL = 0xffff;

/** The MAC of case `n`. */
const macOf = (n: number): string => `06:00:00:${hex(n >> 8, 1)}:${hex(n & 255, 1)}:00`;

interface Counted {
  readonly filter: string;
  readonly protocol?: string;
  readonly takes: readonly unknown[];
}

function frameOf(n: number, frame: Frame): string {
  const { body, from = SOURCE, to = (own: string) => own } = typeof frame === 'string' ? { body: frame } : frame;
  return (mac(to(macOf(n))) + mac(from) + body).padEnd(120, '0');
}

/** All frames of the cases, and one behind them. */
function frames(): string[] {
  return [
    ...frameKeyCases.flatMap(({ takes, leaves }, n) => [...leaves, ...takes].map((frame) => frameOf(n, frame))),
    frameOf(SENTINEL, ANY),
  ];
}

function filtersAt(hook: Hook, cases: readonly Counted[]): string[] {
  const add = (n: number, protocol: string, keys: string, pref: number): string => {
    const own = keys.includes('dst_mac') ? '' : 'dst_mac OWN ';
    const words = `${own}${keys}`.replaceAll('OWN', macOf(n)).replaceAll('ELSEWHERE', hook.other);
    return `tc filter add dev ${hook.dev} ${hook.side} protocol ${protocol} pref ${pref} flower ${words.replaceAll('HERE', hook.from)} action continue`;
  };
  return [
    ...cases.map(({ protocol = 'all', filter }, n) => add(n, protocol, filter, n + 1)),
    add(SENTINEL, 'all', '', cases.length + 1),
  ];
}

/** What each filter has counted, once the frame behind all others has met the one behind these. */
async function counted(daemon: Daemon, { dev, side }: Hook, filters: number): Promise<number[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const actions = parseActions(await daemon.do(`tc -s filter show dev ${dev} ${side}`));
    if (actions[filters]?.packets === 1 || Date.now() > deadline) return actions.map(({ packets }) => packets);
  }
}

async function check(t: ExecutionContext, daemon: Daemon, hook: Hook, cases: readonly Counted[]): Promise<void> {
  const counts = await counted(daemon, hook, cases.length);
  t.is(counts[cases.length], 1, `the frame behind all others at the ${hook.side} of ${hook.dev}`);
  for (const [n, { protocol = 'all', filter, takes }] of cases.entries())
    t.is(counts[n], takes.length, `${hook.dev} ${hook.side} protocol ${protocol} flower ${filter}`);
}

async function addressOf(host: Host, dev: string): Promise<string> {
  const [link] = JSON.parse(await host.do(`ip -j link show dev ${dev}`)) as { address: string }[];
  return link?.address ?? '';
}

interface Hook {
  readonly dev: 'tap0' | 'vxlan0';
  readonly side: 'ingress' | 'egress';
  /** Where the frames came in, and a device where they did not. */
  readonly from: string;
  readonly other: string;
}

const REDIRECT = 'action mirred egress redirect dev';
const ENCAPSULATE = 'action tunnel_key set id 4 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789';

for (const from of ['tap0', 'vxlan0'] as const) {
  const to = from === 'tap0' ? 'vxlan0' : 'tap0';
  rooted(
    `each key of a frame takes what it says and no more, from the ingress of ${from} to the egress of ${to}`,
    async (t) => {
      const topology = await twoHosts(t);
      const { a, b } = topology;
      const ingress: Hook = { dev: from, side: 'ingress', from, other: to };
      const egress: Hook = { dev: to, side: 'egress', from, other: to };
      const daemon = await Daemon.start(topology, [
        'ip link add vxlan0 type vxlan external dstport 4789',
        'ip link add tap0 type tap',
        'ip link set tap0 up',
        'ip link set vxlan0 up',
        'tc qdisc add dev tap0 clsact',
        'tc qdisc add dev vxlan0 clsact',
        ...filtersAt(ingress, frameKeyCases),
        ...filtersAt(egress, frameKeyCases),
        `tc filter add dev ${from} ingress protocol all pref 5000 flower ${from === 'tap0' ? `${ENCAPSULATE} ` : ''}${REDIRECT} ${to}`,
      ]);
      if (from === 'tap0') await b.do(b.tool('send-frames', 'tap0'), `${frames().join('\n')}\n`);
      else {
        const head = mac(await addressOf(b, 'vb')) + mac(await addressOf(a, 'va')) + hex(0x0800, 2);
        const around = (inner: string): string =>
          head + ipv4(udp(5000, 4789, vxlanHeader(4) + inner), { source: '192.168.1.14', destination: '192.168.1.13' });
        await a.do(a.tool('send-frames', 'va'), `${frames().map(around).join('\n')}\n`);
      }
      await check(t, daemon, ingress, frameKeyCases);
      await check(t, daemon, egress, frameKeyCases);
    },
  );
}

/** Sends what the cases say as datagrams of host A, and has their filters count at the ingress of vxlan0. */
async function checkTunnels(
  t: ExecutionContext,
  family: 4 | 6,
  cases: readonly TunnelKeyCase[],
  options: string,
): Promise<void> {
  const topology = await twoHosts(t, { underlay: family });
  const { a, b } = topology;
  const { peers, own } = ADDRESSES[family];
  for (const address of own) {
    const words = family === 4 ? `${address}/24` : `${address}/64 nodad`;
    if (address !== topology.outer.b) await b.do(`ip addr add ${words} dev vb`);
  }
  const hook: Hook = { dev: 'vxlan0', side: 'ingress', from: 'vxlan0', other: 'tap0' };
  const daemon = await Daemon.start(topology, [
    `ip link add vxlan0 type vxlan external dstport 4789 gbp udp6zerocsumrx ${options}`.trim(),
    'ip link set vxlan0 up',
    'tc qdisc add dev vxlan0 clsact',
    ...filtersAt(hook, cases),
  ]);
  const head = mac(await addressOf(b, 'vb')) + mac(await addressOf(a, 'va'));
  const datagram = (n: number, outer: Outer): string => {
    const { vni = 4, policy, sourcePort = 5000, destinationPort = 4789, checksum = false } = outer;
    const { source = peers[0], destination = own[0], tos, ttl } = outer;
    const extension = policy === undefined ? {} : { flags: 0x88, reserved24: policy };
    const payload = udp(sourcePort, destinationPort, vxlanHeader(vni, extension) + frameOf(n, ANY));
    if (family === 6) return `${head}86dd${ipv6(payload, 17, numberOf(source), numberOf(destination), tos, ttl)}`;
    const whole = checksum ? withChecksum(payload, ip4(source) + ip4(destination)) : payload;
    return `${head}0800${ipv4(whole, { ...outer, source, destination })}`;
  };
  const sent = cases.flatMap(({ takes, leaves }, n) => [...leaves, ...takes].map((outer) => datagram(n, outer)));
  await a.do(a.tool('send-frames', 'va'), `${[...sent, datagram(SENTINEL, {})].join('\n')}\n`);
  await check(t, daemon, hook, cases);
}

/** The N of fd00::N. */
function numberOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
}

/** A UDP datagram with the checksum (RFC 768) that it has between these addresses. */
function withChecksum(datagram: string, addresses: string): string {
  const words = `${addresses}0011${datagram.slice(8, 12)}${datagram}`.padEnd(
    Math.ceil(datagram.length / 4) * 4 + 24,
    '0',
  );
  let sum = 0;
  for (const [word] of words.matchAll(/.{4}/g)) sum += Number.parseInt(word, 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return datagram.slice(0, 12) + hex(~sum & 0xffff, 2) + datagram.slice(16);
}

rooted('each key of a tunnel over IPv4 takes what it says and no more', (t) =>
  checkTunnels(t, 4, tunnelKeyCases(ADDRESSES[4]), ''),
);

rooted('each key of a tunnel over IPv6 takes what it says and no more', (t) =>
  checkTunnels(t, 6, tunnelKeyCases(ADDRESSES[6]), ''),
);

rooted('where the outer header is seen whole, its checksum and its DF are keys too', (t) =>
  checkTunnels(t, 4, [...tunnelKeyCases(ADDRESSES[4]), ...shownFlagCases], 'underlay raw'),
);
