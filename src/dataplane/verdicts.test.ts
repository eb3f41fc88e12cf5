import test from 'ava';
import { AT_EGRESS } from '../actions/outlet.js';
import { Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { REASON } from '../memory/reasons.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import {
  type Action,
  gact,
  Harness,
  mirror,
  NOWHERE,
  policeMtu,
  redirect,
  set,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  vxlan,
} from './harness.test.helper.js';

/** A ping's size: 98 bytes, 84 without the Ethernet header. */
const PING = buildFrame({ protocol: 'udp', payload: noise(56, 1) });
/** A TCP super-frame of the host: 3 segments of 1,400 bytes and one of 10. */
const SUPER = {
  bytes: buildFrame({ payload: noise(4210, 2), unfinished: true }),
  checksum: { start: 34, offset: 16 },
  gso: { type: 1, size: 1400 },
};

test('what no filter takes goes to the host at a vxlan device, and nowhere at a TAP', (t) => {
  const harness = new Harness();
  harness.receive(vxlan(4, PING));
  harness.send(TAP0, PING, SUPER);
  t.deepEqual(
    harness.face.written.map((each) => each.bytes),
    [PING],
  );
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 1 });
  t.deepEqual(harness.reasons(TAP0), { 'tap-unmatched': 5 });
  t.is(harness.device(VXLAN0, 'HOOK_PACKETS'), 0, 'there is no hook to count');
  t.deepEqual([harness.device(VXLAN0, 'RX_PACKETS'), harness.device(VXLAN0, 'TX_PACKETS')], [1, 0]);
  t.deepEqual(
    [harness.device(TAP0, 'RX_PACKETS'), harness.device(TAP0, 'RX_BYTES')],
    [5, PING.length + SUPER.bytes.length],
  );
});

test('a hook counts what meets its filters, matched or not: segments, and bytes without the Ethernet header', (t) => {
  const harness = new Harness();
  harness.use([{ device: TAP0, match: { [KeyWord.IP_PROTO]: 17 }, actions: [gact(Verdict.SHOT)] }]);
  harness.send(TAP0, PING, SUPER, PING);
  t.is(harness.device(TAP0, 'HOOK_PACKETS'), 6);
  t.is(harness.device(TAP0, 'HOOK_BYTES'), 84 * 2 + SUPER.bytes.length - 14);
  t.is(harness.device(TAP0, 'HOOK_DROPS'), 2);
  t.deepEqual(harness.reasons(TAP0), { 'action-drop': 2, 'tap-unmatched': 4 });
});

test('both actions of a rule count the same: a ping 84 bytes, a super-frame its segments', (t) => {
  const harness = new Harness();
  harness.use([
    { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
    { device: VXLAN0, actions: [unset(), redirect(TAP0)] },
  ]);
  harness.send(TAP0, PING, SUPER);
  harness.receive(vxlan(4, PING), vxlan(4, SUPER.bytes));
  const sent = [5, 84 + SUPER.bytes.length - 14, 0, 0];
  t.deepEqual([harness.action(0, 0), harness.action(0, 1)], [sent, sent]);
  // The super-frame's segments come of the device's MTU here: 1,450 - 52 bytes of headers make 1,398, 4 of them.
  t.deepEqual([harness.action(1, 0), harness.action(1, 1)], [sent, sent]);
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 5);
  t.is(harness.device(TAP0, 'TX_PACKETS'), 5);
});

test('the first tag of a frame is not counted, as the kernel keeps it beside the frame: what is within counts', (t) => {
  const tagged = buildFrame({ vlans: [10], protocol: 'udp', payload: noise(54, 1) });
  const double = buildFrame({ vlans: [10, 20], protocol: 'udp', payload: noise(50, 1) });
  t.deepEqual([tagged.length, double.length], [100, 100]);
  const harness = new Harness();
  harness.use([
    { device: TAP0, actions: [redirect(TAP1)] },
    { device: TAP1, hook: AT_EGRESS, actions: [gact(Verdict.PIPE)] },
  ]);
  harness.send(TAP0, tagged, double);
  // What the kernel's ingress and clsact hooks count of a tagged frame of 100 bytes.
  t.deepEqual(
    [harness.action(0, 0), harness.action(1, 0)],
    [
      [2, 2 * 82, 0, 0],
      [2, 2 * 96, 0, 0],
    ],
  );

  const bytes = buildFrame({ vlans: [10], payload: noise(4210, 2), unfinished: true });
  harness.send(TAP0, { bytes, checksum: { start: 38, offset: 16 }, gso: { type: 1, size: 1400 } });
  const headers = bytes.length - 4210 - 4;
  t.deepEqual(harness.action(1, 0), [6, 2 * 96 + 4210 + 4 * headers, 0, 0]);
});

test('the mtu of police is that of a segment without its first tag', (t) => {
  const bytes = buildFrame({ vlans: [10], payload: noise(2800, 2), unfinished: true });
  const frame = { bytes, checksum: { start: 38, offset: 16 }, gso: { type: 1, size: 1400 } };
  const wire = bytes.length - 1400 - 4;
  for (const [mtu, passed] of [
    [wire, 1],
    [wire - 1, 0],
  ] as const) {
    const harness = new Harness();
    harness.use([{ device: TAP0, actions: [policeMtu(mtu), redirect(TAP1)] }]);
    harness.send(TAP0, frame);
    t.is(harness.tap1.written.length, passed, `mtu ${mtu}`);
  }
});

test('a dropped super-frame is one drop of the action and the hook, and its segments under the reason', (t) => {
  const harness = new Harness();
  harness.use([{ device: TAP0, actions: [gact(Verdict.SHOT)] }]);
  harness.send(TAP0, SUPER);
  t.deepEqual(harness.action(0, 0), [4, SUPER.bytes.length - 14, 1, 0]);
  t.is(harness.device(TAP0, 'HOOK_DROPS'), 1);
  t.deepEqual(harness.reasons(TAP0), { 'action-drop': 4 });
});

interface VerdictCase {
  readonly title: string;
  readonly actions: readonly Action[];
  readonly atVxlan: Partial<Record<string, number>>;
  readonly atTap: Partial<Record<string, number>>;
  readonly passes: boolean;
}

const pass = { atVxlan: { 'action-pass': 1 }, atTap: { 'tap-pass': 1 }, passes: true };
const drop = { atVxlan: { 'action-drop': 1 }, atTap: { 'action-drop': 1 }, passes: false };

const VERDICTS: readonly VerdictCase[] = [
  { title: 'pass', actions: [gact(Verdict.OK)], ...pass },
  { title: 'a program that ends with pipe', actions: [gact(Verdict.PIPE)], ...pass },
  { title: 'a rule without actions', actions: [], ...pass },
  { title: 'drop', actions: [gact(Verdict.SHOT)], ...drop },
  { title: 'tunnel_key unset drop', actions: [unset(Verdict.SHOT)], ...drop },
  { title: 'tunnel_key set drop', actions: [set(0, Verdict.SHOT)], ...drop },
  {
    title: 'trap',
    actions: [gact(Verdict.TRAP)],
    atVxlan: { 'action-trap': 1 },
    atTap: { 'action-trap': 1 },
    passes: false,
  },
  {
    title: 'continue with nothing behind it',
    actions: [gact(Verdict.CONTINUE)],
    atVxlan: { unmatched: 1 },
    atTap: { 'tap-unmatched': 1 },
    passes: true,
  },
  {
    title: 'goto an empty chain',
    actions: [gact(Verdict.GOTO, 77)],
    atVxlan: { unmatched: 1 },
    atTap: { 'tap-unmatched': 1 },
    passes: true,
  },
  {
    title: 'reclassify without end',
    actions: [gact(Verdict.RECLASSIFY)],
    atVxlan: { 'chain-limit': 1 },
    atTap: { 'chain-limit': 1 },
    passes: false,
  },
  { title: 'a jump to no action', actions: [gact(Verdict.JUMP, 0)], ...pass },
  { title: 'a jump out of the program', actions: [gact(Verdict.JUMP, 2), gact(Verdict.SHOT)], ...pass },
  { title: 'a jump far out of the program', actions: [gact(Verdict.JUMP, 9), gact(Verdict.SHOT)], ...pass },
  { title: 'a jump over a drop', actions: [gact(Verdict.JUMP, 2), gact(Verdict.SHOT), gact(Verdict.OK)], ...pass },
  { title: 'a jump without end', actions: [gact(Verdict.PIPE), gact(Verdict.JUMP, 1)], ...pass },
];

for (const { title, actions, atVxlan, atTap, passes } of VERDICTS) {
  test(`the verdict of ${title} at a vxlan device and at a TAP`, (t) => {
    const harness = new Harness();
    harness.use([
      { device: VXLAN0, actions },
      { device: TAP0, actions },
    ]);
    harness.receive(vxlan(4, PING));
    harness.send(TAP0, PING);
    t.deepEqual(harness.reasons(VXLAN0), atVxlan);
    t.deepEqual(harness.reasons(TAP0), atTap);
    t.is(harness.face.written.length, passes ? 1 : 0);
    t.is(harness.tap0.written.length + harness.tap1.written.length, 0);
    const drops = 'action-drop' in atVxlan || 'chain-limit' in atVxlan ? 1 : 0;
    t.is(harness.device(VXLAN0, 'HOOK_DROPS'), drops);
  });
}

test('jumps are followed 31 times, and reclassify 16', (t) => {
  const harness = new Harness();
  harness.use([{ device: TAP0, actions: [gact(Verdict.JUMP, 1), gact(Verdict.JUMP, 1)] }]);
  harness.send(TAP0, PING);
  t.is(harness.action(0, 0)[0], 1);
  t.is(harness.action(0, 1)[0], 31);
  const again = new Harness();
  again.use([{ device: TAP0, actions: [gact(Verdict.RECLASSIFY)] }]);
  again.send(TAP0, PING);
  t.is(again.action(0, 0)[0], 17);
});

test('continue goes on with the next pref, goto with the first of its chain, reclassify with the first of all', (t) => {
  const harness = new Harness();
  const udp = { [KeyWord.IP_PROTO]: 17 };
  harness.use([
    { device: TAP0, pref: 10, match: { [KeyWord.DST_PORT]: 5201 }, actions: [gact(Verdict.CONTINUE)] },
    { device: TAP0, pref: 10, match: udp, actions: [gact(Verdict.SHOT)] },
    { device: TAP0, pref: 11, match: udp, actions: [gact(Verdict.GOTO, 3)] },
    { device: TAP0, pref: 12, actions: [gact(Verdict.SHOT)] },
    { device: TAP0, chain: 3, pref: 1, match: udp, actions: [gact(Verdict.CONTINUE)] },
    { device: TAP0, chain: 3, pref: 2, actions: [gact(Verdict.GOTO, 5)] },
    { device: TAP0, chain: 5, pref: 2, actions: [redirect(TAP1)] },
  ]);
  harness.send(TAP0, PING);
  t.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((rule) => harness.action(rule, 0)[0]),
    [1, 0, 1, 0, 1, 1, 1],
  );
  t.is(harness.tap1.written.length, 1);
  t.deepEqual(harness.reasons(TAP0), {});
});

test('chains are followed 16 deep and no further', (t) => {
  for (const depth of [16, 17]) {
    const harness = new Harness();
    harness.use(
      Array.from({ length: depth + 1 }, (_, chain) => ({
        device: VXLAN0,
        chain,
        actions: [chain === depth ? redirect(TAP0) : gact(Verdict.GOTO, chain + 1)],
      })),
    );
    harness.receive(vxlan(4, PING));
    t.is(harness.tap0.written.length, depth === 16 ? 1 : 0);
    t.deepEqual(harness.reasons(VXLAN0), depth === 16 ? {} : { 'chain-limit': 1 });
  }
});

test('what tunnel_key unset took away is not seen by the filters behind it', (t) => {
  const harness = new Harness();
  const vni = { [KeyWord.ENC_KEY_ID]: 4 };
  harness.use([
    { device: VXLAN0, pref: 1, match: vni, actions: [unset(), gact(Verdict.CONTINUE)] },
    { device: VXLAN0, pref: 2, match: vni, actions: [gact(Verdict.SHOT)] },
    { device: VXLAN0, pref: 3, match: { [KeyWord.ENC_KEY_ID]: 0 }, actions: [redirect(TAP0)] },
  ]);
  // The second frame's metadata is there again.
  harness.receive(vxlan(4, PING), vxlan(4, PING), vxlan(5, PING));
  t.deepEqual(
    [0, 1, 2].map((rule) => harness.action(rule, 0)[0]),
    [2, 0, 2],
  );
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 1 });
});

test('indev is the ifindex of the device, and frames of the host have no tunnel keys', (t) => {
  const harness = new Harness();
  harness.use([
    { device: VXLAN0, match: { [KeyWord.INDEV]: 100 + VXLAN0 }, actions: [redirect(TAP0)] },
    { device: TAP0, pref: 1, match: { [KeyWord.ENC_KEY_ID]: 4 }, actions: [gact(Verdict.SHOT)] },
    { device: TAP0, pref: 2, match: { [KeyWord.INDEV]: 100 + TAP0 }, actions: [redirect(TAP1)] },
  ]);
  harness.receive(vxlan(4, PING));
  harness.send(TAP0, PING);
  t.is(harness.tap0.written.length, 1);
  t.is(harness.tap1.written.length, 1);
});

test('rules change between two batches: each frame sees the old ones or the new, and the counters go on', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  harness.receive(vxlan(4, PING), vxlan(4, PING));
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP1)] }]);
  harness.receive(vxlan(4, PING));
  t.is(harness.tap0.written.length, 2);
  t.is(harness.tap1.written.length, 1);
  t.is(harness.action(0, 1)[0], 3);
  harness.use([]);
  harness.receive(vxlan(4, PING));
  t.is(harness.face.written.length, 1);
});

test('statistics say when an action was used first and last', (t) => {
  const harness = new Harness();
  harness.use([{ device: TAP0, actions: [redirect(TAP1)] }]);
  const before = SYSTEM_CLOCK.steady();
  harness.send(TAP0, PING);
  const after = SYSTEM_CLOCK.steady();
  const first = harness.actionCounters.value(0, 6);
  t.true(first >= before && first <= after);
  t.is(harness.actionCounters.value(0, 5), first);
  harness.send(TAP0, PING);
  t.is(harness.actionCounters.value(0, 6), first);
  t.true(harness.actionCounters.value(0, 5) >= first);
});

for (const [state, reason] of [
  ['down', 'mirred-down'],
  ['gone', 'mirred-gone'],
] as const) {
  test(`a redirect to a device that is ${state} drops the frame, a mirror only the copy`, (t) => {
    const harness = new Harness();
    const target = state === 'down' ? TAP1 : NOWHERE;
    harness.devices.setUp(TAP1, false);
    harness.use([
      { device: VXLAN0, actions: [unset(), redirect(target)] },
      { device: TAP0, actions: [mirror(target), gact(Verdict.PIPE), redirect(VXLAN0)] },
    ]);
    harness.receive(vxlan(4, PING));
    t.deepEqual(harness.reasons(VXLAN0), { [reason]: 1 });
    t.deepEqual(harness.action(0, 1), [1, 84, 0, 1]);
    t.is(harness.device(VXLAN0, 'HOOK_DROPS'), 1);
    harness.send(TAP0, PING);
    t.deepEqual(harness.action(1, 0), [1, 84, 0, 1]);
    t.is(harness.action(1, 2)[0], 1);
    t.is(harness.counters.reasonValue(TAP0, REASON[reason]), 1);
    t.is(harness.device(TAP0, 'HOOK_DROPS'), 0);
    t.is(harness.tap1.written.length, 0);
  });
}

test('a mirror whose control is drop gives the copy away and drops the frame', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [mirror(TAP0, Verdict.SHOT)] }]);
  harness.receive(vxlan(4, PING));
  t.is(harness.tap0.written.length, 1);
  t.deepEqual(harness.reasons(VXLAN0), { 'action-drop': 1 });
  t.deepEqual(harness.action(0, 0), [1, 84, 0, 0], 'only gact counts drops of its own');
});
