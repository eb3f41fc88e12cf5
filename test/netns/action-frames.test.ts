/*
 * Each action with a frame that meets it and one that does not, byte by byte: at the ingress of a TAP, and at the egress
 * of a vxlan device.
 *
 *   host B:  packet socket ──[frames]──> tap0: ingress ──> vxlan0: egress ──> vb ── va: captured on host A
 *                                              TAP tap1, whose hooks send on to vxlan0 with VNIs of their own
 *
 * The VNI tells where a frame has been. Those of one case have its number at their end.
 */
import type { ExecutionContext } from 'ava';
import { type ActionCase, actionCases, type End, frameOf, SOURCE } from './action-cases.js';
import { Daemon } from './daemon.js';
import { hex } from './headers.js';
import { vxlanDatagrams } from './outer-header.js';
import { rooted, twoHosts } from './rooted.js';
import type { Topology } from './topology.js';

const macOf = (n: number): string => `06:00:00:${hex(n >> 8, 1)}:${hex(n & 255, 1)}:00`;
const SENTINEL = 0xffff;
/** The number of a frame, in its last bytes. */
const ID_BYTES = 4;

const VNI: { readonly [E in End | 'untouched']: number } = {
  untouched: 1,
  continued: 1,
  passed: 1,
  piped: 2,
  ingress: 3,
  egress: 4,
  chain: 7,
};

const set = (end: End | 'untouched'): string =>
  `action tunnel_key set id ${VNI[end]} src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789`;
const SEND = 'action mirred egress redirect dev vxlan0';

type Hook = 'ingress' | 'egress';

/** Frames that pass an ingress of a TAP go nowhere; at an egress they keep the metadata that they had. */
function linesOf(hook: Hook, cases: readonly (readonly [number, ActionCase])[]): string[] {
  const dev = hook === 'ingress' ? 'tap0' : 'vxlan0';
  // At the egress, frames that came through TAP before are no longer the case's.
  const match = `src_mac ${SOURCE}${hook === 'egress' ? ` enc_key_id ${VNI.untouched}` : ''}`;
  const onwards = (end: End): string => `${set(end)} ${hook === 'ingress' ? SEND : 'action pass'}`;
  return [
    'ip link add vxlan0 type vxlan external dstport 4789',
    'ip link add tap0 type tap',
    'ip link add tap1 type tap',
    ...['tap0', 'tap1', 'vxlan0'].flatMap((name) => [`ip link set ${name} up`, `tc qdisc add dev ${name} clsact`]),
    `tc filter add dev tap0 ingress protocol all pref 60000 flower ${set('untouched')} ${SEND}`,
    `tc filter add dev tap1 ingress protocol all pref 1 flower ${set('ingress')} ${SEND}`,
    `tc filter add dev tap1 egress protocol all pref 1 flower ${set('egress')} ${SEND}`,
    `tc filter add dev ${dev} ${hook} protocol all pref 1 chain ${VNI.chain} flower ${onwards('chain')}`,
    ...cases.map(
      ([n, { actions }]) =>
        `tc filter add dev ${dev} ${hook} protocol all pref ${n + 1} flower dst_mac ${macOf(n)} ${match} action ${actions.replaceAll('TAP', 'tap1')} ${onwards('piped')}`,
    ),
  ];
}

/** VNI and frame of all that was sent for each case, in order. */
async function outcomes(
  topology: Topology,
  frames: readonly string[],
): Promise<ReadonlyMap<string, readonly (readonly [vni: number, frame: string])[]>> {
  const { a, b } = topology;
  const capture = a.start(a.tool('raw-frames', 'capture', 'va'));
  await capture.waitFor(/capturing/);
  await b.do(b.tool('send-frames', 'tap0'), `${frames.join('\n')}\n`);
  await capture.waitFor(new RegExp(`${hex(SENTINEL, 2)}a5a5$`, 'm'));
  await capture.stop();
  const found = new Map<string, [number, string][]>();
  for (const { outer, inner } of vxlanDatagrams(capture.stdout.split('\n'), 4789)) {
    const id = inner.slice(-2 * ID_BYTES);
    const list = found.get(id) ?? [];
    found.set(id, list);
    list.push([Number.parseInt(outer.vxlan.slice(8, 14), 16), inner]);
  }
  return found;
}

async function check(t: ExecutionContext, hook: Hook): Promise<void> {
  const topology = await twoHosts(t, { mode: 'wire' });
  const cases = [...actionCases.entries()].filter(([, one]) => one.hook === undefined || one.hook === hook);
  await Daemon.start(topology, linesOf(hook, cases));
  const frames = cases.flatMap(([n, one]) => [
    frameOf(one, macOf(n), n, false),
    ...new Array<string>(one.times ?? 1).fill(frameOf(one, macOf(n), n, true)),
  ]);
  const sentinel = frameOf({ actions: '' }, macOf(SENTINEL), SENTINEL, false);
  const found = await outcomes(topology, [...frames, sentinel]);
  for (const [n, one] of cases) {
    const { actions, ends = [['piped']] } = one;
    const [left, taken] = [false, true].map((isTaken) => frameOf(one, macOf(n), n, isTaken));
    t.deepEqual(found.get(`${hex(n, 2)}a5a5`), [[VNI.untouched, left ?? '']], `not for ${actions}`);
    const wanted = ends
      .filter(([end]) => hook === 'egress' || end !== 'passed')
      .map(([end, change]) => [VNI[end], change?.(taken ?? '') ?? taken]);
    t.deepEqual(sorted(found.get(`${hex(n, 2)}5a5a`) ?? []), sorted(wanted), actions);
  }
}

/** Frames of several flows may overtake one another. */
function sorted<T extends readonly unknown[]>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (`${a}` < `${b}` ? -1 : 1));
}

rooted('each action does what it says to the frames that it meets and to no others, at the ingress of a TAP', (t) =>
  check(t, 'ingress'),
);

rooted('each action does what it says to the frames that it meets and to no others, at the egress of a tunnel', (t) =>
  check(t, 'egress'),
);
