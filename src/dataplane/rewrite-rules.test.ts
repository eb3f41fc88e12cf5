// What rewriting actions refuse, and what the filters behind them see.
import test from 'ava';
import { AT_EGRESS } from '../actions/outlet.js';
import { PeditHeader, Verdict } from '../actions/program.js';
import { REASON } from '../memory/reasons.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import {
  type Action,
  gact,
  Harness,
  pedit,
  popEth,
  pushEth,
  redirect,
  redirectIn,
  set,
  TAP0,
  TAP1,
  VXLAN0,
  vlanPop,
  vlanPush,
  vxlan,
} from './harness.test.helper.js';

const hexOf = (frames: readonly Uint8Array[]): string[] => frames.map((bytes) => Buffer.from(bytes).toString('hex'));

test('a frame without its Ethernet header leaves nowhere, until it has another', (t) => {
  const harness = new Harness();
  const ping = buildFrame({ protocol: 'udp' });
  harness.use([{ device: VXLAN0, actions: [popEth(), gact(Verdict.OK)] }]);
  harness.receive(vxlan(4, ping));
  t.deepEqual(harness.reasons(VXLAN0), { 'no-ethernet-header': 1 });
  harness.use([{ device: VXLAN0, actions: [popEth(), redirect(TAP0)] }]);
  harness.receive(vxlan(4, ping));
  t.deepEqual(harness.reasons(TAP0), { 'no-ethernet-header': 1 });
  t.is(harness.device(TAP0, 'TX_DROPPED'), 1);
  for (const actions of [
    [popEth(), popEth()],
    [popEth(), vlanPush(5)],
    [popEth(), vlanPop()],
    [pushEth()],
    [vlanPush(5), popEth()],
  ]) {
    const refused = new Harness();
    refused.use([{ device: VXLAN0, actions }]);
    refused.receive(vxlan(4, ping));
    t.deepEqual(refused.reasons(VXLAN0), { 'vlan-refused': 1 });
    t.is(refused.action(0, actions.length - 1)[2], 1);
  }
  harness.use([{ device: VXLAN0, actions: [popEth(), pushEth(), redirect(TAP0)] }]);
  harness.receive(vxlan(4, ping));
  t.deepEqual(
    hexOf(harness.tap0.written.map(({ bytes }) => bytes)),
    hexOf([concat(new Uint8Array(12), ping.slice(12))]),
  );
});

test('a header that a key names and the frame has not is an overlimit, and the frame stays as it is', (t) => {
  for (const [header, offset] of [
    [PeditHeader.IP6, 8],
    [PeditHeader.TCP, 0],
    [PeditHeader.NETWORK, 4000],
    [PeditHeader.NETWORK, -16],
    [PeditHeader.ETH, 152],
  ] as const) {
    const harness = new Harness();
    const frame = buildFrame({ protocol: 'udp', payload: noise(110, 1) });
    harness.use([{ device: VXLAN0, actions: [pedit(header, offset, 0, 1), redirect(TAP0)] }]);
    harness.receive(vxlan(4, frame));
    t.deepEqual(hexOf(harness.tap0.written.map(({ bytes }) => bytes)), hexOf([frame]), `${header} ${offset}`);
    t.deepEqual(harness.action(0, 0), [1, frame.length - 14, 0, 1]);
  }
});

test('a key may count from the network header backwards, and of a byte of the frame', (t) => {
  const harness = new Harness();
  const frame = buildFrame({ protocol: 'udp' });
  const ofIhl: Action = { ...pedit(PeditHeader.NETWORK, 0, 0, 0x12345678), more: [0, 0, 0, 0, 0x12345678, 0, 0x0f, 0] };
  const shifted: Action = { ...ofIhl, more: [0, 0, 0, 0, 0x12345678, 0, 0x04, 0] };
  harness.use([{ device: VXLAN0, actions: [pedit(PeditHeader.NETWORK, -12, 0, 0x01020304), shifted, redirect(TAP0)] }]);
  harness.receive(vxlan(4, frame));
  const [written] = harness.tap0.written;
  t.deepEqual([...(written?.bytes.slice(2, 6) ?? [])], [1, 2, 3, 4]);
  // The fourth bit of the IHL: four bytes on, where the identification stands.
  t.deepEqual([...(written?.bytes.slice(18, 22) ?? [])], [0x12, 0x34, 0x56, 0x78]);
  harness.use([{ device: VXLAN0, actions: [ofIhl, redirect(TAP0)] }]);
  harness.receive(vxlan(4, frame));
  t.deepEqual(harness.action(0, 0)[3], 1, 'five is no multiple of four');
});

test('add counts within its field, with the carry of its bytes and no further', (t) => {
  const frame = buildFrame({ protocol: 'udp', sourcePort: 7, destinationPort: 0x01ff, ttl: 1 });
  for (const [header, offset, mask, value, at, bytes] of [
    [PeditHeader.UDP, 0, ~0xffff, 1, 34, [0, 7, 2, 0]],
    [PeditHeader.UDP, 0, ~0xffff, 0xff01, 34, [0, 7, 1, 0]],
    [PeditHeader.UDP, 0, 0xffff, 0xfff9 << 16, 34, [0, 0, 1, 0xff]],
    [PeditHeader.IP4, 8, 0x00ffffff, 0xff << 24, 22, [0]],
  ] as const) {
    const harness = new Harness();
    const action: Action = { ...pedit(header, offset, mask, value), more: [header, 1, offset, mask, value, 0, 0, 0] };
    harness.use([{ device: VXLAN0, actions: [action, redirect(TAP0)] }]);
    harness.receive(vxlan(4, frame));
    t.deepEqual([...(harness.tap0.written[0]?.bytes.slice(at, at + bytes.length) ?? [])], [...bytes]);
  }
});

test('what was rewritten is looked up anew', (t) => {
  const harness = new Harness();
  const frame = buildFrame({ protocol: 'udp', destinationPort: 53 });
  harness.use([
    {
      device: VXLAN0,
      pref: 1,
      match: { 18: 40000, 17: 53 },
      actions: [pedit(PeditHeader.UDP, 0, 0, (7 << 16) | 99), gact(Verdict.RECLASSIFY)],
    },
    { device: VXLAN0, pref: 2, match: { 18: 7, 17: 99 }, actions: [vlanPush(9), gact(Verdict.CONTINUE)] },
    { device: VXLAN0, pref: 3, protocol: 0x8100, match: { 22: 9 }, actions: [redirect(TAP0)] },
  ]);
  harness.receive(vxlan(4, frame));
  t.is(harness.tap0.written.length, 1);
});

test('metadata that was set is matched on behind it, received metadata no more', (t) => {
  const harness = new Harness();
  // 41 is the VNI's word, 46 that of the tunnel's destination.
  harness.use(
    [
      { device: VXLAN0, pref: 1, match: { 41: 4 }, actions: [set(0), gact(Verdict.CONTINUE)] },
      { device: VXLAN0, pref: 2, match: { 41: 4 }, actions: [gact(Verdict.SHOT)] },
      { device: VXLAN0, pref: 3, match: { 41: 77, 46: 0x01020304 }, actions: [redirectIn(TAP0)] },
      { device: TAP0, match: { 41: 77 }, actions: [redirect(VXLAN0)] },
      { device: VXLAN0, hook: AT_EGRESS, match: { 41: 77 }, actions: [redirectIn(TAP1)] },
      { device: TAP1, match: { 41: 0 }, actions: [redirect(TAP1)] },
    ],
    [{ FLAGS: 16, VNI: 77, DST_IP: 0x01020304, FAMILY: 4 }],
  );
  harness.receive(vxlan(4, buildFrame({})));
  t.is(harness.tap1.written.length, 1, 'from an egress to an ingress the metadata is gone');
  t.deepEqual(harness.reasons(VXLAN0), {});
});

test('indev is the device that a frame came in on, at an egress that which sent it on', (t) => {
  const harness = new Harness();
  const seen = (device: number) => ({ 0: 100 + device });
  harness.use([
    { device: VXLAN0, match: seen(VXLAN0), actions: [redirect(TAP0)] },
    { device: TAP0, hook: AT_EGRESS, match: seen(VXLAN0), actions: [redirect(TAP1)] },
    { device: TAP1, hook: AT_EGRESS, match: seen(TAP0), actions: [redirectIn(TAP1)] },
    { device: TAP1, match: seen(TAP1), actions: [gact(Verdict.SHOT)] },
    { device: VXLAN0, hook: AT_EGRESS, match: { 0: 0 }, actions: [gact(Verdict.SHOT)] },
  ]);
  harness.receive(vxlan(4, buildFrame({})));
  t.deepEqual(harness.reasons(TAP1), { 'action-drop': 1 });
  harness.send(VXLAN0, buildFrame({}));
  t.is(harness.counters.reasonValue(VXLAN0, REASON['action-drop']), 1, 'what the host sends came in nowhere');
});
