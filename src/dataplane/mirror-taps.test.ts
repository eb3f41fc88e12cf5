import test from 'ava';
import { AT_EGRESS } from '../actions/outlet.js';
import { PeditHeader, Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import { VxlanMode } from '../devices/device-table.js';
import { Arena } from '../memory/arena.js';
import { Counters } from '../memory/counters.js';
import { Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { ReceivedDatagrams } from '../memory/received.js';
import { NO_COALESCING } from '../offload/offloads.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import {
  gact,
  Harness,
  mirror,
  pedit,
  redirect,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  VXLAN1,
  vxlan,
} from './harness.test.helper.js';
import { ASKED, HELD_BYTES, HELD_FRAMES, MirrorTaps } from './mirror-taps.js';

const frameOf = (n: number, bytes = 60): Uint8Array => buildFrame({ protocol: 'udp', payload: noise(bytes, n) });

/** vxlan0 is a receiver whose TAPs are to be tap0 and tap1. */
class Receiver extends Harness {
  constructor(mode: number = VxlanMode.MIRROR | VxlanMode.TAPS) {
    super({ offloads: NO_COALESCING });
    this.devices.setVxlan(VXLAN0, mode, 0);
    for (const tap of [TAP0, TAP1]) this.devices.setVxlan(tap, VxlanMode.MIRROR, 0);
    this.use([]);
  }

  /** What the worker asks the control thread for. */
  get wanted(): number[] {
    const wanted = [...this.engine.mirrors.takeWanted()];
    for (let n = 0; n < wanted.length; n += 2) if (wanted[n] !== VXLAN0) throw new Error(`asked by ${wanted[n]}`);
    return wanted.filter((_, n) => n % 2 === 1);
  }

  answer(taps: readonly (readonly [vni: number, tap: number])[], refused: readonly number[] = [], why = 0): void {
    const reasons = refused.flatMap((vni) => [vni, why]);
    this.engine.useMirrorTaps(VXLAN0, Int32Array.from(taps.flat()), Int32Array.from(reasons));
  }

  /** The frames that a TAP was given since the last call. */
  written(tap: number): Uint8Array[] {
    return (tap === TAP0 ? this.tap0 : tap === TAP1 ? this.tap1 : this.face).written
      .splice(0)
      .map(({ bytes }) => bytes);
  }
}

test('frames of a VNI without a TAP are kept, in order and byte by byte, until it has one', (t) => {
  const receiver = new Receiver();
  receiver.receive(vxlan(5, frameOf(1)), vxlan(6, frameOf(2)), vxlan(5, frameOf(3, 1400)));
  t.deepEqual(receiver.wanted, [5, 6]);
  t.deepEqual(receiver.wanted, [], 'once');
  receiver.receive(vxlan(5, frameOf(4)));
  t.deepEqual(receiver.wanted, []);
  t.deepEqual(receiver.written(TAP0), []);
  receiver.answer([[5, TAP0]]);
  t.deepEqual(receiver.written(TAP0), [frameOf(1), frameOf(3, 1400), frameOf(4)]);
  receiver.receive(vxlan(5, frameOf(5)), vxlan(6, frameOf(6)));
  t.deepEqual(receiver.written(TAP0), [frameOf(5)]);
  receiver.answer([
    [5, TAP0],
    [6, TAP1],
  ]);
  t.deepEqual(receiver.written(TAP1), [frameOf(2), frameOf(6)]);
  t.is(receiver.engine.mirrors.held, 0);
  t.deepEqual([receiver.reasons(VXLAN0), receiver.reasons(TAP0), receiver.reasons(TAP1)], [{}, {}, {}]);
  t.deepEqual([receiver.device(TAP0, 'TX_PACKETS'), receiver.device(TAP1, 'TX_PACKETS')], [4, 2]);
  t.is(receiver.device(VXLAN0, 'RX_PACKETS'), 6);
});

test('a super-frame that was kept is cut as it would have been at once, its length rewritten or not', (t) => {
  const whole = buildFrame({ payload: noise(3000, 1), unfinished: true });
  for (const actions of [[], [pedit(PeditHeader.NETWORK, 0, 0, 0x45000300)]]) {
    const receiver = new Receiver();
    receiver.use([{ device: VXLAN0, actions }]);
    receiver.receive(vxlan(5, whole));
    receiver.answer([[5, TAP0]]);
    const kept = receiver.written(TAP0);
    receiver.receive(vxlan(5, whole));
    t.deepEqual(receiver.written(TAP0), kept);
    t.is(kept.length, 3);
  }
});

test('what is refused is counted, what waited as well, and is not asked for again at once', (t) => {
  const receiver = new Receiver();
  receiver.receive(vxlan(5, frameOf(1)), vxlan(5, frameOf(2)), vxlan(6, frameOf(3)));
  t.deepEqual(receiver.wanted, [5, 6]);
  receiver.answer([], [5], REASON['mirror-limit']);
  t.deepEqual(receiver.reasons(VXLAN0), { 'mirror-limit': 2 });
  t.is(receiver.engine.mirrors.held, 1);
  receiver.receive(vxlan(5, frameOf(4)));
  t.deepEqual(receiver.reasons(VXLAN0), { 'mirror-limit': 3 });
  t.deepEqual(receiver.wanted, []);
  // Something has changed: there may be room.
  receiver.answer([[6, TAP1]]);
  receiver.receive(vxlan(5, frameOf(5)));
  t.deepEqual(receiver.wanted, [5]);
  receiver.answer([[6, TAP1]], [5], REASON['mirror-no-tap']);
  t.deepEqual(receiver.reasons(VXLAN0), { 'mirror-limit': 3, 'mirror-no-tap': 1 });
  t.is(receiver.device(VXLAN0, 'RX_DROPPED'), 4);
  t.is(receiver.engine.mirrors.held, 0);
});

test('a flood of VNIs, or of one, keeps no more than there is room for, and every frame is counted', (t) => {
  const receiver = new Receiver();
  for (let vni = 0; vni < 1000; vni++) receiver.receive(vxlan(vni, frameOf(vni)));
  t.is(receiver.wanted.length, ASKED);
  t.deepEqual(receiver.reasons(VXLAN0), { 'mirror-wait': 1000 - ASKED });
  t.is(receiver.engine.mirrors.held, ASKED);
  for (let n = 0; n < 500; n++) receiver.receive(vxlan(1, frameOf(n)));
  t.is(receiver.engine.mirrors.held, HELD_FRAMES);
  t.deepEqual(receiver.reasons(VXLAN0), { 'mirror-wait': 1500 - HELD_FRAMES });
  receiver.answer(
    [[1, TAP0]],
    Array.from({ length: ASKED }, (_, vni) => vni).filter((vni) => vni !== 1),
    REASON['mirror-limit'],
  );
  t.is(receiver.written(TAP0).length, HELD_FRAMES - ASKED + 1);
  t.is(receiver.engine.mirrors.held, 0);
  t.is(receiver.reason(VXLAN0, 'mirror-limit'), ASKED - 1);

  const large = new Receiver();
  for (let n = 0; n < 10; n++) large.receive(vxlan(1, buildFrame({ payload: noise(60_000, n), unfinished: true })));
  t.is(large.engine.mirrors.held, Math.floor(HELD_BYTES / 60_054));
  t.true(large.reason(VXLAN0, 'mirror-wait') > 0);
});

test('the room of frames that have gone is used again', (t) => {
  const receiver = new Receiver();
  for (let round = 0; round < 20; round++) {
    const [gone, kept] = [frameOf(round, 9000), frameOf(round + 1000, 1000 + round)];
    receiver.receive(vxlan(1, gone), vxlan(2, kept), vxlan(1, gone));
    receiver.answer([[1, TAP0]]);
    t.deepEqual(receiver.written(TAP0), [gone, gone]);
    t.is(receiver.engine.mirrors.held, 1);
    receiver.answer([[2, TAP1]]);
    t.deepEqual(receiver.written(TAP1), [kept]);
    receiver.answer([]);
  }
  t.deepEqual(receiver.reasons(VXLAN0), {});
});

test('no more is asked for than so much a second', (t) => {
  const arena = new Arena(4 << 20);
  const packets = new Packets(arena, 4);
  const taps = new MirrorTaps(
    arena,
    packets,
    new Harness().devices,
    new Counters(),
    new ReceivedDatagrams(arena, 1, HELD_FRAMES),
  );
  const miss = (vni: number): void => {
    packets.reset();
    taps.miss(packets.take(arena.alloc(64), 64), 1, vni);
  };
  for (let vni = 0; vni < 200; vni++) {
    miss(vni);
    const wanted = taps.takeWanted();
    if (wanted.length > 0) taps.use(1, new Int32Array(0), Int32Array.of(vni, REASON['mirror-limit']));
  }
  miss(500);
  t.is(taps.takeWanted().length, 0);
  taps.now = 1;
  miss(501);
  t.deepEqual([...taps.takeWanted()], [1, 501]);
});

test('no more wait for an answer than there is room for, however long it takes', (t) => {
  const arena = new Arena(4 << 20);
  const packets = new Packets(arena, 4);
  const batch = new ReceivedDatagrams(arena, 1, HELD_FRAMES);
  const taps = new MirrorTaps(arena, packets, new Harness().devices, new Counters(), batch);
  const wanted: number[] = [];
  for (let second = 0; second < 5; second++) {
    taps.now = second;
    for (let n = 0; n < 50; n++) {
      packets.reset();
      taps.miss(packets.take(arena.alloc(64), 64), 1, second * 50 + n);
    }
    wanted.push(...taps.takeWanted());
  }
  t.is(wanted.length, ASKED * 2);
  taps.use(1, new Int32Array(0), Int32Array.of(3, REASON['mirror-limit']));
  packets.reset();
  taps.miss(packets.take(arena.alloc(64), 64), 1, 999);
  t.deepEqual([...taps.takeWanted()], [1, 999]);
});

test('a TAP that has gone is none, though the table has it still', (t) => {
  const receiver = new Receiver();
  receiver.answer([[5, TAP0]]);
  receiver.devices.remove(TAP0);
  receiver.receive(vxlan(5, frameOf(1)));
  t.deepEqual(receiver.wanted, [5]);
  receiver.answer([[5, TAP1]]);
  t.deepEqual(receiver.written(TAP1), [frameOf(1)]);
});

test('filters come first; at the TAPs those of their egress; what lost its metadata goes to the receiver', (t) => {
  const receiver = new Receiver();
  const vni = (id: number): Record<number, number> => ({ [KeyWord.ENC_KEY_ID]: id });
  receiver.use([
    { device: VXLAN0, match: vni(1), actions: [gact(Verdict.SHOT)] },
    { device: VXLAN0, match: vni(2), actions: [unset(), gact(Verdict.OK)] },
    { device: VXLAN0, match: vni(3), actions: [mirror(VXLAN1), gact(Verdict.OK)] },
    { device: VXLAN0, match: vni(4), actions: [redirect(TAP0)] },
    { device: TAP1, hook: AT_EGRESS, match: { [KeyWord.IP_PROTO]: 6 }, actions: [gact(Verdict.SHOT)] },
  ]);
  receiver.answer([3, 4, 5].map((each) => [each, TAP1] as const));
  const tcp = buildFrame({ payload: noise(10, 1) });
  receiver.receive(...[1, 2, 3, 4, 5].map((each) => vxlan(each, frameOf(each))), vxlan(5, tcp));
  t.deepEqual(receiver.written(TAP1), [frameOf(3), frameOf(5)]);
  t.deepEqual(receiver.written(TAP0), [frameOf(4)]);
  t.deepEqual(receiver.written(VXLAN0), [frameOf(2)]);
  t.deepEqual(receiver.reasons(TAP1), { 'action-drop': 1 });
  t.deepEqual(receiver.reasons(VXLAN0), { 'action-drop': 1 });
  t.deepEqual(receiver.wanted, []);
});

test('a frame that was kept still has its metadata for the filters of its TAP', (t) => {
  const receiver = new Receiver();
  const vni = (id: number): Record<number, number> => ({ [KeyWord.ENC_KEY_ID]: id });
  receiver.use([{ device: TAP0, hook: AT_EGRESS, match: vni(5), actions: [gact(Verdict.SHOT)] }]);
  receiver.receive(vxlan(5, frameOf(1)), vxlan(6, frameOf(2)), vxlan(5, frameOf(3)), vxlan(6, frameOf(4)));
  receiver.answer([[5, TAP0]]);
  receiver.receive(vxlan(9, frameOf(9)));
  receiver.answer([
    [5, TAP0],
    [6, TAP0],
  ]);
  t.deepEqual(receiver.written(TAP0), [frameOf(2), frameOf(4)]);
  t.deepEqual(receiver.reasons(TAP0), { 'action-drop': 2 });
});

test('what the host sends goes nowhere, at the receiver and at its TAPs, and filters do not see it', (t) => {
  const receiver = new Receiver();
  receiver.use([
    { device: TAP0, actions: [redirect(TAP1)] },
    { device: VXLAN0, hook: AT_EGRESS, actions: [redirect(TAP1)] },
  ]);
  receiver.send(TAP0, frameOf(1), frameOf(2));
  receiver.send(VXLAN0, frameOf(3), {
    bytes: buildFrame({ payload: noise(4210, 2), unfinished: true }),
    checksum: { start: 34, offset: 16 },
    gso: { type: 1, size: 1400 },
  });
  t.deepEqual(receiver.reasons(TAP0), { 'mirror-receive-only': 2 });
  t.deepEqual(receiver.reasons(VXLAN0), { 'mirror-receive-only': 5 });
  t.deepEqual([receiver.device(TAP0, 'RX_DROPPED'), receiver.device(VXLAN0, 'TX_DROPPED')], [2, 5]);
  t.deepEqual([receiver.written(TAP1), receiver.underlay0.sent], [[], []]);
});

test('a receiver without TAPs gets everything itself, and none of it is told as unmatched', (t) => {
  const receiver = new Receiver(VxlanMode.MIRROR);
  receiver.receive(vxlan(5, frameOf(1)), vxlan(6, frameOf(2)));
  t.deepEqual(receiver.written(VXLAN0), [frameOf(1), frameOf(2)]);
  t.deepEqual(receiver.reasons(VXLAN0), {});
  t.deepEqual(receiver.wanted, []);
});

test('frames come as they were: cut short within their IP header, and whatever the outer ECN field says', (t) => {
  const arriving = [
    vxlan(5, frameOf(1).subarray(0, 20)),
    { bytes: vxlan(5, frameOf(2)), tunnel: { TOS: 3 } },
    { bytes: vxlan(5, frameOf(3)), tunnel: { TOS: 1 } },
    vxlan(5, frameOf(4).subarray(0, 14)),
  ];
  const receiver = new Receiver();
  receiver.answer([[5, TAP0]]);
  receiver.receive(...arriving);
  t.deepEqual(receiver.written(TAP0), [frameOf(1).slice(0, 20), frameOf(2), frameOf(3), frameOf(4).slice(0, 14)]);
  // An endpoint drops or changes three of these.
  const endpoint = new Harness();
  endpoint.use([]);
  endpoint.receive(...arriving);
  t.is(endpoint.device(VXLAN0, 'RX_ERRORS'), 3);
});
