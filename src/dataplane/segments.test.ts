// How many packets a super-frame stands for: as many as it came in as, whatever rewriting makes of its headers.
import test from 'ava';
import { PeditHeader } from '../actions/program.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import {
  type Action,
  Harness,
  mirror,
  pedit,
  redirect,
  set,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  vlanPop,
  vlanPush,
} from './harness.test.helper.js';

const PAYLOAD = noise(9500, 3);
const SEGMENTS = 10;
/** Ethernet, IPv4, TCP with twelve bytes of options. */
const HEADERS = 14 + 20 + 32;
const VXLAN_AND_HEADERS = 8 + HEADERS;

const superFrame = (bytes: Uint8Array) => ({
  bytes,
  checksum: { start: 34, offset: 16 },
  gso: { type: 1, size: 1000 },
});
const whole = superFrame(buildFrame({ payload: PAYLOAD, unfinished: true }));
/** `ip` 4, 20 bytes of header, 2,048 bytes in all. */
const shorter = pedit(PeditHeader.NETWORK, 0, 0, 0x45000800);

function harnessWith(offloads: number, ...actions: readonly Action[]): Harness {
  const harness = new Harness({ offloads });
  harness.use([{ device: TAP0, actions }]);
  return harness;
}

test('a super-frame whose IP length is rewritten is cut into all that it came in with', (t) => {
  const harness = harnessWith(0, shorter, redirect(TAP1));
  harness.send(TAP0, whole);
  t.is(harness.device(TAP0, 'RX_PACKETS'), SEGMENTS);
  t.is(harness.device(TAP1, 'TX_PACKETS'), SEGMENTS);
  t.deepEqual(harness.action(0, 1).slice(0, 1), [SEGMENTS]);
  t.deepEqual(concat(...harness.tap1.written.map(({ bytes }) => bytes.slice(HEADERS))), PAYLOAD);
});

test('so it is in a tunnel, and where a port takes it whole', (t) => {
  const harness = harnessWith(31, shorter, mirror(TAP1), set(0), redirect(VXLAN0));
  harness.send(TAP0, whole);
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), SEGMENTS);
  const datagrams = harness.underlay0.sent.flatMap((sent) => segmentsOf(sent));
  t.deepEqual(concat(...datagrams.map((bytes) => bytes.slice(VXLAN_AND_HEADERS))), PAYLOAD);
  t.deepEqual(
    harness.tap1.written.map(({ segments }) => segments),
    [SEGMENTS],
  );
});

test('one whose headers do not parse counts the same before and behind a tag, in copies too', (t) => {
  const unknown = buildFrame({ payload: noise(986, 1), options: '' });
  unknown.set([0x88, 0xb5], 12);
  const harness = harnessWith(
    31,
    mirror(TAP1),
    vlanPush(7),
    mirror(TAP1),
    unset(),
    vlanPop(),
    vlanPop(),
    redirect(TAP1),
  );
  harness.send(TAP0, { bytes: unknown, gso: { type: 1, size: 1042 } });
  const counted = harness.device(TAP0, 'RX_PACKETS');
  t.is(counted, 1);
  t.deepEqual(
    harness.tap1.written.map(({ bytes, segments }) => [bytes.length, segments]),
    [
      [1040, counted],
      [1044, counted],
      [1040, counted],
    ],
  );
});

test('headers that leave no room for the payload make it one that cannot be cut, counted as what came in', (t) => {
  const longest = pedit(PeditHeader.TCP, 12, 0x0fffffff, 0xf0000000);
  const harness = harnessWith(0, longest, redirect(TAP1));
  harness.send(TAP0, whole);
  t.is(harness.tap1.written.length, 0);
  t.deepEqual(harness.reasons(TAP1), { 'bad-super-frame': SEGMENTS });
});
