// A frame that the way to its peer does not take: its sender is told, as if the inner destination had told it.

import test from 'ava';
import { KeyWord } from '../classifier/flow-key.js';
import type { Routes } from '../io/device.js';
import type { HostFrame } from '../io/fake/fake-port.js';
import { FaultUnderlay } from '../io/fault/fault-underlay.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { EMSGSIZE } from '../native/errno.js';
import { buildFrame, concat, hex, noise } from '../offload/test-frames.js';
import { Checksummer, fold } from '../wire/checksum.js';
import { parseIcmp } from '../wire/icmp.js';
import { parseIpv4 } from '../wire/ipv4.js';
import { parseIpv6 } from '../wire/ipv6.js';
import {
  Harness,
  type HookRule,
  redirect,
  set,
  TAP0,
  TO_PEER,
  type TunnelRecord,
  unset,
  VXLAN0,
} from './harness.test.helper.js';

class FakeRoutes implements Routes {
  mtu: number;
  local = false;
  device = 0;
  readonly source = Int32Array.of(0x0a000001, 0, 0, 0);
  asked = 0;

  constructor(mtu: number) {
    this.mtu = mtu;
  }

  ask(): boolean {
    this.asked++;
    return this.mtu > 0;
  }
}

const PEER = 0xc0a8010e | 0;
const OWN = 0xc0a8010d | 0;
const RULES: readonly HookRule[] = [
  { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
  {
    device: VXLAN0,
    match: { [KeyWord.ENC_SRC_IP]: PEER, [KeyWord.ENC_DST_IP]: OWN, [KeyWord.ENC_KEY_ID]: 4 },
    actions: [unset(), redirect(TAP0)],
  },
];

function tunnel(mtu: number, record: TunnelRecord = {}): { harness: Harness; routes: FakeRoutes } {
  const harness = new Harness({ offloads: 0 });
  const routes = new FakeRoutes(mtu);
  harness.engine.setRoutes(routes);
  harness.use(RULES, [{ ...TO_PEER, SRC_IP: OWN, ...record }]);
  return { harness, routes };
}

/** A frame whose IP packet has `size` bytes. */
function packet(version: 4 | 6, size: number, dontFragment = true): Uint8Array {
  const headers = version === 4 ? 52 : 72; // TCP with timestamps
  const frame = buildFrame({ version, payload: noise(size - headers, 1) });
  if (version === 4) {
    frame[20] = dontFragment ? 0x40 : 0;
    frame[24] = 0;
    frame[25] = 0;
    const sum = new Checksummer(Uint8Array.from(frame.subarray(14, 34)).buffer).sum(0, 20, 0);
    const checksum = ~fold(sum) & 0xffff;
    frame[24] = checksum >> 8;
    frame[25] = checksum;
  }
  return frame;
}

function sumOf(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  const padded = new Uint8Array((to - from + 3) & -4);
  padded.set(bytes.subarray(from, to));
  return fold(new Checksummer(padded.buffer).sum(0, to - from, initial));
}

test('an IPv4 packet with DF that is too large is answered with "fragmentation needed", from where it was to go', (t) => {
  const { harness } = tunnel(1400);
  const fits = packet(4, 1350);
  const large = packet(4, 1351);
  harness.send(TAP0, fits, large);
  t.is(harness.underlay0.sent.length, 1);
  const [answer] = harness.tap0.written;
  if (answer === undefined) throw new Error('no answer');
  const { bytes } = answer;
  t.deepEqual(bytes.slice(0, 14), concat(large.slice(6, 12), large.slice(0, 6), hex('0800')));
  const ip = parseIpv4(bytes, 14, bytes.length - 14);
  t.like(ip, { tos: 0, totalLength: 576, ttl: 64, protocol: 1, dontFragment: true });
  t.deepEqual(ip?.source, large.slice(30, 34));
  t.deepEqual(ip?.destination, large.slice(26, 30));
  t.is(sumOf(bytes, 14, 34), 0xffff);
  t.like(parseIcmp(bytes, 34, 8), { type: 3, code: 4, rest: 1350 });
  t.is(sumOf(bytes, 34, bytes.length), 0xffff);
  t.deepEqual(bytes.slice(42), large.slice(14, 14 + 548));
  t.deepEqual(harness.reasons(VXLAN0), { 'path-mtu-answered': 1 });
  t.is(harness.device(VXLAN0, 'RX_PACKETS'), 0, 'the device did not receive it');
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 1);
});

test('an IPv6 packet that is too large is answered with "packet too big", over either underlay', (t) => {
  for (const family of [4, 6]) {
    const { harness } = tunnel(1400, { FAMILY: family });
    const mtu = family === 4 ? 1350 : 1330;
    const large = packet(6, mtu + 1);
    harness.send(TAP0, packet(6, mtu), large);
    t.is(harness.underlay0.sent.length, 1);
    const [answer] = harness.tap0.written;
    if (answer === undefined) throw new Error('no answer');
    const { bytes } = answer;
    const ip = parseIpv6(bytes, 14, bytes.length - 14);
    t.like(ip, { trafficClass: 0, flowLabel: 0, payloadLength: 1240, nextHeader: 58, hopLimit: 64 });
    t.deepEqual(ip?.source, large.slice(38, 54));
    t.deepEqual(ip?.destination, large.slice(22, 38));
    t.like(parseIcmp(bytes, 54, 8), { type: 2, code: 0, rest: mtu });
    t.is(sumOf(bytes, 54, bytes.length, sumOf(bytes, 22, 54) + 58 + 1240), 0xffff);
    t.deepEqual(bytes.slice(62), large.slice(14, 14 + 1232));
  }
});

test('a super-frame is measured by its segments', (t) => {
  const { harness } = tunnel(1400);
  const whole = (size: number): HostFrame => {
    const bytes = buildFrame({ payload: noise(5000, 1), unfinished: true });
    bytes[20] = 0x40;
    return { bytes, checksum: { start: 34, offset: 16 }, gso: { type: 1, size } };
  };
  harness.send(TAP0, whole(1298));
  t.deepEqual(harness.tap0.written, []);
  harness.send(TAP0, whole(1299));
  t.is(harness.tap0.written.length, 1);
  t.deepEqual(harness.reasons(VXLAN0), { 'path-mtu-answered': 4 });
});

test('a tagged packet is answered with its tag, and measured without it', (t) => {
  const { harness } = tunnel(1400);
  const tagged = (frame: Uint8Array): Uint8Array => concat(frame.slice(0, 12), hex('81002005'), frame.slice(12));
  harness.send(TAP0, tagged(packet(4, 1350)), tagged(packet(4, 1351)));
  t.deepEqual(
    harness.tap0.written.map(({ bytes }) => bytes.slice(12, 18)),
    [hex('8100 2005 0800')],
  );
});

/** Packets of 1,400 bytes that get no answer, and are left to the underlay. */
const SILENT: readonly (readonly [title: string, edit: (frame: Uint8Array) => void, version?: 6])[] = [
  ['without DF', (frame) => frame.set([0], 20)],
  ['a first fragment', (frame) => frame.set([0x60], 20)],
  ['a later fragment', (frame) => frame.set([0x10], 21)],
  ['to a group', (frame) => frame.set([0xe0], 30)],
  ['to all', (frame) => frame.set([255, 255, 255, 255], 30)],
  ['from nowhere', (frame) => frame.set([0], 26)],
  ['from a loopback address', (frame) => frame.set([127], 26)],
  ['from a group', (frame) => frame.set([0xef], 26)],
  ['an ICMP error', (frame) => frame.set([1], 23)],
  ['from an IPv6 group', (frame) => frame.set([0xff], 22), 6],
  ['from no IPv6 address', (frame) => frame.set(new Uint8Array(16), 22), 6],
  ['no IP', (frame) => frame.set([0x88, 0xb5], 12)],
];

for (const [title, edit, version = 4] of SILENT) {
  test(`a packet ${title} is not answered, and sent as it is`, (t) => {
    const { harness } = tunnel(1400);
    const frame = packet(version, 1400);
    edit(frame);
    if (title === 'an ICMP error') frame[34] = 3;
    harness.send(TAP0, frame);
    t.deepEqual(harness.tap0.written, []);
    t.is(harness.underlay0.sent.length, 1);
  });
}

test('an ICMP message that is no error is answered', (t) => {
  const { harness } = tunnel(1400);
  const frame = packet(4, 1400);
  frame[23] = 1;
  frame[34] = 8;
  harness.send(TAP0, frame);
  t.is(harness.tap0.written.length, 1);
});

test('where nothing is known of the way, or it is below what an answer may name, nothing is answered', (t) => {
  for (const mtu of [0, 600]) {
    const { harness } = tunnel(mtu);
    harness.send(TAP0, packet(4, 1400), packet(6, 1400));
    t.deepEqual(harness.tap0.written, []);
    t.is(harness.underlay0.sent.length, 2);
  }
});

test('without a source of its own the tunnel’s answer has the one that the host would choose', (t) => {
  const { harness, routes } = tunnel(1400, { SRC_IP: 0 });
  routes.source[0] = OWN;
  harness.send(TAP0, packet(4, 1400));
  t.is(harness.tap0.written.length, 1);
});

test('where no rule takes the answer it goes to the stack of the device', (t) => {
  const { harness } = tunnel(1400, { VNI: 9 });
  harness.send(TAP0, packet(4, 1400));
  t.is(harness.face.written.length, 1);
  t.deepEqual(harness.reasons(VXLAN0), { 'path-mtu-answered': 1, unmatched: 1 });
});

test('so many are answered in a second, the rest is counted, and in the next second as many again', (t) => {
  const { harness } = tunnel(1400);
  let now = 5000;
  harness.engine.makeRepeatable({ wall: () => now, steady: () => now }, 1);
  const frames = Array.from({ length: 1500 }, () => packet(4, 1400));
  for (const answered of [1000, 2000]) {
    harness.send(TAP0, ...frames);
    t.is(harness.reason(VXLAN0, 'path-mtu-answered'), answered);
    t.is(harness.tap0.written.length, answered);
    now += 1000;
  }
  t.is(harness.reason(VXLAN0, 'path-mtu-unanswered'), 1000);
});

test('the host is asked once a second for a destination, not once a packet, and again after EMSGSIZE', (t) => {
  let errno = 0;
  const harness = new Harness({ wrapUnderlay: (underlay) => new FaultUnderlay(underlay, { send: () => errno }) });
  const routes = new FakeRoutes(1500);
  harness.engine.setRoutes(routes);
  harness.use(RULES, [TO_PEER]);
  const second = (): number => Math.floor(SYSTEM_CLOCK.steady() / 1000);
  const start = second();
  for (let n = 0; n < 200; n++) harness.send(TAP0, packet(4, 1000));
  t.true(routes.asked >= 1 && routes.asked <= 1 + second() - start, `${routes.asked} questions`);
  errno = EMSGSIZE;
  harness.send(TAP0, packet(4, 1000));
  const before = routes.asked;
  harness.send(TAP0, packet(4, 1000));
  t.is(routes.asked, before + 1);
});
