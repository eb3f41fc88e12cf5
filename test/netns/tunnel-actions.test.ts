/*
 * tunnel_key set with each of its words, over IPv4 and IPv6: what filters at the egress of the tunnel device see of it,
 * and what stands on the wire.
 *
 *   host B:  packet socket ──> tap0: ingress: tunnel_key set ──> vxlan0: egress: enc_… keys ──> vb ── va: captured
 */
import type { ExecutionContext } from 'ava';
import { frameOf, SOURCE } from './action-cases.js';
import { Daemon, parseActions } from './daemon.js';
import { hex } from './headers.js';
import { type Captured, vxlanDatagrams } from './outer-header.js';
import { rooted, twoHosts } from './rooted.js';
import { tunnelCases } from './tunnel-cases.js';

const macOf = (n: number): string => `06:00:00:00:${hex(n, 1)}:00`;
const PLAIN = { actions: '' };
const LAST = tunnelCases.length;

async function check(t: ExecutionContext, family: 4 | 6): Promise<void> {
  const topology = await twoHosts(t, { mode: 'wire', underlay: family });
  const { a, b, outer: addresses } = topology;
  const said = (text: string): string => text.replaceAll('OWN', addresses.b).replaceAll('PEER', addresses.a);
  const keys = tunnelCases.flatMap(({ seen, unseen }, n) => [
    ...seen.map((key) => [n, key, 1] as const),
    ...unseen.map((key) => [n, key, 0] as const),
  ]);
  const redirect = 'action mirred egress redirect dev vxlan0';
  const daemon = await Daemon.start(topology, [
    'ip link add vxlan0 type vxlan external dstport 4789 gbp udp6zerocsumtx',
    'ip link set vxlan0 up',
    'ip link add tap0 type tap',
    'ip link set tap0 up',
    'tc qdisc add dev tap0 clsact',
    'tc qdisc add dev vxlan0 clsact',
    ...[...tunnelCases.entries(), [LAST, { actions: 'tunnel_key set src_ip OWN dst_ip PEER id 5' }] as const].map(
      ([n, { actions }]) =>
        `tc filter add dev tap0 ingress protocol all pref ${n + 1} flower dst_mac ${macOf(n)} src_mac ${SOURCE} action ${said(actions)} ${redirect}`,
    ),
    ...keys.map(
      ([n, key], pref) =>
        `tc filter add dev vxlan0 egress protocol all pref ${pref + 1} flower dst_mac ${macOf(n)} ${said(key)} action continue`,
    ),
  ]);
  const capture = a.start(a.tool('raw-frames', 'capture', 'va'));
  await capture.waitFor(/capturing/);
  const frames = [...tunnelCases.keys(), LAST].flatMap((n) =>
    [false, true].map((isTaken) => frameOf(PLAIN, macOf(n), n, isTaken)),
  );
  await b.do(b.tool('send-frames', 'tap0'), `${frames.join('\n')}\n`);
  // Flows have source ports of their own, and leave in an order of their own.
  const sent = [...tunnelCases.entries()].filter(([, { actions }]) => !actions.endsWith('unset')).map(([n]) => n);
  for (const n of [...sent, LAST]) await capture.waitFor(new RegExp(`${hex(n, 2)}5a5a$`, 'm'));
  await capture.stop();

  const captured = capture.stdout.split('\n');
  const found = new Map<string, Captured>();
  for (const port of [4789, 4790])
    for (const one of vxlanDatagrams(captured, port)) found.set(one.inner.slice(-8), one);
  for (const [n, { actions, outer }] of tunnelCases.entries()) {
    t.false(found.has(`${hex(n, 2)}a5a5`), `not for ${actions}`);
    const one = found.get(`${hex(n, 2)}5a5a`);
    t.is(one === undefined, actions.endsWith('unset'), actions);
    if (one === undefined) continue;
    const usual = { version: family, tos: 0, ttl: 64, checksum: 'right' as const, destinationPort: 4789 };
    const dontFragment = family === 4 && actions.includes('nofrag');
    t.like(one.outer, { ...usual, dontFragment, ...outer }, actions);
    t.is(one.inner, frameOf(PLAIN, macOf(n), n, true), actions);
  }
  const counts = parseActions(await daemon.do('tc -s filter show dev vxlan0 egress')).map(({ packets }) => packets);
  for (const [i, [n, key, wanted]] of keys.entries())
    t.is(counts[i], wanted, `${key} behind ${tunnelCases[n]?.actions}`);
  const drops = await daemon.drops();
  t.is(drops('tap-unmatched'), LAST + 1);
  t.is(drops('no-tunnel-metadata'), 1, 'of what was unset');
}

rooted('tunnel_key set is seen by the filters behind it, and on the wire, over IPv4', (t) => check(t, 4));
rooted('tunnel_key set is seen by the filters behind it, and on the wire, over IPv6', (t) => check(t, 6));
