// Nothing is lost uncounted, whatever mix of frames, rules and faults: what comes in and what mirrors add is what goes
// out and what stands under a reason. Packets are counted as segments throughout.
import test from 'ava';
import * as fc from 'fast-check';
import { AT_EGRESS, AT_INGRESS } from '../actions/outlet.js';
import { ActionKind, PeditHeader, Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import type { HostFrame } from '../io/fake/fake-port.js';
import type { NetworkDatagram } from '../io/fake/fake-underlay.js';
import { FaultPort } from '../io/fault/fault-port.js';
import { FaultUnderlay } from '../io/fault/fault-underlay.js';
import { SIZE_BUCKETS, SizeHistogram, WorkCounter } from '../memory/counters.js';
import { REASONS, type ReasonName } from '../memory/reasons.js';
import { EAGAIN, EINVAL, EIO, EMSGSIZE, ENETUNREACH, ENOBUFS, EPERM } from '../native/errno.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import { anyFrame } from '../wire/frame-generator.js';
import {
  type Action,
  csum,
  DEVICES,
  gact,
  Harness,
  type HookRule,
  mirror,
  NOWHERE,
  OFFLOADS,
  pedit,
  policeMtu,
  popEth,
  pushEth,
  redirect,
  redirectIn,
  set,
  TAP0,
  TAP1,
  TO_PEER,
  unset,
  VXLAN0,
  VXLAN1,
  vlanPop,
  vxlan,
} from './harness.test.helper.js';

const target = fc.constantFrom(VXLAN0, TAP0, TAP1, VXLAN1, NOWHERE);
const control = fc.constantFrom(
  Verdict.PIPE,
  Verdict.PIPE,
  Verdict.OK,
  Verdict.SHOT,
  Verdict.CONTINUE,
  Verdict.RECLASSIFY,
  Verdict.TRAP,
);
const action: fc.Arbitrary<Action> = fc.oneof(
  control.map((verdict) => gact(verdict)),
  fc.nat({ max: 2 }).map((chain) => gact(Verdict.GOTO, chain)),
  fc.nat({ max: 4 }).map((to) => gact(Verdict.JUMP, to)),
  control.map((verdict) => unset(verdict)),
  fc.tuple(fc.nat({ max: 2 }), control).map(([record, verdict]) => set(record, verdict)),
  fc.tuple(target, control).map(([device, verdict]) => mirror(device, verdict)),
  target.map((device) => mirror(device)),
  target.map((device) => redirect(device)),
  target.map((device) => redirectIn(device)),
  fc.constantFrom(popEth(), pushEth(), policeMtu(90), pedit(PeditHeader.NETWORK, 0, 0, 0x45000800), csum(0x7f)),
  fc.constant<Action>({ kind: ActionKind.SAMPLE, control: Verdict.PIPE, a: 1, b: 1, c: -1 }),
);
const rule: fc.Arbitrary<HookRule> = fc.record({
  device: fc.constantFrom(VXLAN0, TAP0, VXLAN0, TAP0, TAP1, VXLAN1),
  hook: fc.constantFrom(AT_INGRESS, AT_INGRESS, AT_EGRESS),
  chain: fc.constantFrom(0, 0, 0, 1, 2),
  actions: fc.oneof(
    fc.array(action, { maxLength: 6, size: 'max' }),
    fc.constantFrom(
      [set(0), redirect(VXLAN0)],
      [mirror(TAP1), set(1), redirect(VXLAN1)],
      [set(2), redirect(VXLAN1)],
      [set(0), mirror(VXLAN1), unset(), redirect(TAP0)],
      [mirror(TAP0), vlanPop(), pedit(PeditHeader.ETH, 0, 0, 0x02020202), csum(0x7f), redirect(TAP1)],
      [redirectIn(TAP0)],
      [redirect(VXLAN1)],
    ),
  ),
  match: fc.constantFrom({}, {}, { [KeyWord.ENC_KEY_ID]: 4 }, { [KeyWord.IP_PROTO]: 6 }, { [KeyWord.ETH_TYPE]: 0x800 }),
});

/** Segments of flows that can be merged, some broken. */
const segment = fc
  .record({
    sequence: fc.constantFrom(1000, 1100, 1200, 1300),
    payload: fc.constantFrom(100, 100, 40).map((length) => noise(length, length)),
    unfinished: fc.boolean(),
    badChecksum: fc.constantFrom(false, false, true),
    flags: fc.constantFrom(0x10, 0x10, 0x18, 0x02),
  })
  .map((spec) => buildFrame(spec));
const frame = fc.oneof(anyFrame(), segment);

const datagram: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(4, 4, 5), frame).map(([vni, inner]) => vxlan(vni, inner)) },
  { weight: 1, arbitrary: fc.tuple(fc.nat({ max: 255 }), frame).map(([flags, inner]) => vxlan(4, inner, flags)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat({ max: 45 }), frame).map(([length, inner]) => vxlan(4, inner).slice(0, length)),
  },
);
const message: fc.Arbitrary<NetworkDatagram & { readonly count: number }> = fc.oneof(
  { weight: 6, arbitrary: datagram.map((bytes) => ({ bytes, count: 1 })) },
  { weight: 1, arbitrary: datagram.map((bytes) => ({ bytes, truncated: true, count: 1 })) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 6 }), segment, fc.nat({ max: 60 })).map(([copies, inner, last]) => {
      const whole = vxlan(5, inner);
      const parts = [...new Array<Uint8Array>(copies).fill(whole), whole.slice(0, last)];
      return { bytes: concat(...parts), segmentSize: whole.length, count: last === 0 ? copies : copies + 1 };
    }),
  },
);

/** What a host hands over, with the segments that it counts for. */
const hostFrame: fc.Arbitrary<HostFrame & { readonly count: number }> = fc.oneof(
  { weight: 4, arbitrary: frame.map((bytes) => ({ bytes, count: 1 })) },
  { weight: 1, arbitrary: frame.map((bytes) => ({ bytes, malformed: true, count: 0 })) },
  { weight: 1, arbitrary: fc.nat({ max: 13 }).map((length) => ({ bytes: new Uint8Array(length), count: 0 })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 9000 }), fc.constantFrom(1, 7, 100, 1400), fc.constantFrom(1, 4, 5, 3))
      .map(([length, size, type]) => ({
        bytes: buildFrame({ payload: noise(length, 1), unfinished: true }),
        checksum: { start: 34, offset: 16 },
        gso: { type, size },
        count: Math.ceil(length / size),
      })),
  },
  {
    weight: 1,
    arbitrary: anyFrame().map((bytes) => ({ bytes, gso: { type: 1, size: bytes.length }, count: 1 })),
  },
);

/** A super-frame of whatever headers; how many segments that makes is left to the engine. */
const wildSuperFrame: fc.Arbitrary<HostFrame & { readonly count: number }> = fc
  .tuple(frame, fc.constantFrom(1, 4, 5, 0x81, 0x7f), fc.integer({ min: 1, max: 60 }), fc.boolean())
  .map(([bytes, type, size, padded]) => ({
    bytes: padded ? concat(bytes, new Uint8Array(30)) : bytes,
    gso: { type, size },
    count: Number.NaN,
  }));

/** Errnos by entry, over and over. */
const faults = (...errnos: readonly number[]): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.constantFrom(0, 0, 0, ...errnos), { minLength: 1, maxLength: 7 });

/** Reasons for what never reached a hook. */
const BEFORE_HOOK: readonly ReasonName[] = [
  'truncated-datagram',
  'short-vxlan-header',
  'no-vni-flag',
  'unknown-vni',
  'reserved-bits',
  'no-inner-frame',
  'short-inner-frame',
  'own-source-mac',
  'short-inner-ip',
  'ecn-not-ect-in-ce',
  'device-down',
];
const REFUSED: readonly ReasonName[] = ['tap-read-short', 'tap-read-malformed'];

test('frames in and mirrored copies are frames out and frames under a reason', (t) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.record({
        rules: fc.array(rule, { maxLength: 8, size: 'max' }),
        messages: fc.array(message, { maxLength: 12, size: 'max' }),
        toTap: fc.array(fc.oneof({ weight: 5, arbitrary: hostFrame }, { weight: 1, arbitrary: wildSuperFrame }), {
          maxLength: 20,
          size: 'max',
        }),
        toFace: fc.array(hostFrame, { maxLength: 3 }),
        writeFaults: faults(EAGAIN, EIO, EINVAL),
        sendFaults: faults(EPERM, ENOBUFS, EMSGSIZE, EINVAL, ENETUNREACH),
        offloads: fc.constantFrom(0, 1, OFFLOADS, 31),
        down: fc.constantFrom(0, 0, TAP1, VXLAN0),
        closed: fc.boolean(),
        coalesce: fc.boolean(),
      }),
      (given) => {
        const harness = new Harness({
          offloads: given.offloads,
          wrapPort: (port) =>
            new FaultPort(port, {
              write: (call, entry) => given.writeFaults[(call + entry) % given.writeFaults.length],
            }),
          wrapUnderlay: (underlay) =>
            new FaultUnderlay(underlay, {
              send: (call, entry) => given.sendFaults[(call + entry) % given.sendFaults.length],
            }),
        });
        const { counters } = harness;
        harness.use(
          given.rules.map((each, n) => ({ ...each, pref: n + 1 })),
          [TO_PEER, { ...TO_PEER, FAMILY: 6 }, { FAMILY: 0 }],
        );
        harness.engine.setCoalescing(given.coalesce);
        counters.peers.want(1);
        harness.devices.setUp(given.down, false);
        if (given.closed) harness.engine.setPort(TAP1, null, 0);
        harness.receive(...given.messages.map((each, n) => ({ ...each, tunnel: { TOS: n & 3 } })));
        harness.send(TAP0, ...given.toTap);
        harness.send(VXLAN0, ...given.toFace);

        const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
        const of = (names: readonly ReasonName[]): number =>
          sum(DEVICES.flatMap((device) => names.map((name) => harness.reason(device, name))));
        const drops = REASONS.filter(({ verdict }) => verdict === 'drop').map(({ name }) => name as ReasonName);
        const afterHook = drops.filter((name) => !BEFORE_HOOK.includes(name) && !REFUSED.includes(name));
        const all = (name: 'RX_PACKETS' | 'TX_PACKETS'): number =>
          sum(DEVICES.map((device) => harness.device(device, name)));
        const segments = (list: readonly { segments: number }[]): number => sum(list.map((each) => each.segments));
        const mirrored = sum(
          given.rules.flatMap(({ actions }, r) =>
            actions.map((each, n) =>
              each.kind === mirror(0).kind && each.b === undefined ? (harness.action(r, n)[0] ?? 0) : 0,
            ),
          ),
        );
        for (const device of DEVICES) for (const name of Object.keys(harness.reasons(device))) seen.add(name);

        // Up to the hooks.
        t.is(sum(given.messages.map((each) => each.count)), of(BEFORE_HOOK) + harness.device(VXLAN0, 'RX_PACKETS'));
        const offered = [...given.toTap, ...given.toFace];
        t.is(of(REFUSED), offered.filter((each) => each.count === 0).length);
        const toTap = sum(given.toTap.map((each) => each.count));
        if (!Number.isNaN(toTap)) t.is(harness.device(TAP0, 'RX_PACKETS'), toTap);
        // From there on.
        const toFace = sum(given.toFace.map((each) => each.count));
        const out = all('TX_PACKETS') + segments(harness.face.written);
        t.is(all('RX_PACKETS') + toFace + mirrored, out + of(afterHook));
        // By peer and VNI it is the same traffic.
        for (const device of [VXLAN0, VXLAN1]) {
          const rows = counters.peers.rows().filter((row) => row.device === device);
          const names = ['RX_PACKETS', 'RX_BYTES', 'TX_PACKETS', 'TX_BYTES'] as const;
          names.forEach((name, n) => {
            t.is(sum(rows.map(({ counts }) => counts[n] ?? 0)), harness.device(device, name), name);
          });
        }
        // The devices themselves agree.
        t.is(segments(harness.tap0.written), harness.device(TAP0, 'TX_PACKETS'));
        t.is(segments(harness.tap1.written), harness.device(TAP1, 'TX_PACKETS'));
        t.is(segments(harness.underlay0.sent), harness.device(VXLAN0, 'TX_PACKETS'));
        t.is(segments(harness.underlay1.sent), harness.device(VXLAN1, 'TX_PACKETS'));
        t.is(
          segments(harness.underlay0.sent) + segments(harness.underlay1.sent),
          counters.workValue(WorkCounter.SENT_DATAGRAMS),
        );
        const sizes = (histogram: number): number =>
          sum(Array.from({ length: SIZE_BUCKETS }, (_, bucket) => counters.sizeValue(histogram, bucket)));
        t.is(
          sizes(SizeHistogram.WRITTEN_SEGMENTS),
          harness.tap0.written.length + harness.tap1.written.length + harness.face.written.length,
        );
        t.is(sizes(SizeHistogram.RECEIVE_BATCH), counters.workValue(WorkCounter.RECEIVED_DATAGRAMS) > 0 ? 1 : 0);
      },
    ),
    { seed: 2, numRuns: 500 },
  );
  const missing = REASONS.map(({ name }) => name).filter((name) => !seen.has(name));
  // Those that need what this test does not do.
  t.deepEqual(missing, [
    'socket-overflow',
    'receive-error',
    'outer-malformed',
    'outer-checksum',
    'outer-fragment',
    'lost-segment-size',
    'unknown-vni',
    'unknown-peer',
    'other-destination',
    'own-source-mac',
    'bad-source-mac',
    'static-mac',
    'fdb-full',
    'gpe-header',
    'gpe-bundle',
    'gpe-protocol',
    'batch-full',
    'worker-died',
    'mirred-copies',
    'rewrite-no-room',
    'sample-lost',
    'mirror-limit',
    'mirror-wait',
    'mirror-no-tap',
    'mirror-receive-only',
    'proxy-answered',
    'proxy-silent',
    'no-remote',
    'no-local-vni',
    'local-loop',
    'route-loop',
    'nested-tunnels',
    'path-mtu-answered',
    'path-mtu-unanswered',
    'send-again',
    'send-refused',
    'send-netdown',
    'receive-only',
    'send-other',
    'tap-other',
    'tap-queue-full',
    'host-again',
    'host-down',
    'host-gone',
    'host-too-long',
    'host-other',
    'process-unread',
    'process-full',
    'action-failed',
  ]);
});
