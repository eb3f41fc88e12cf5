/**
 * The short way for trains against the long one: two engines that differ in nothing else get the same datagrams, alone
 * and in bundles, trains with something wrong in places, under rules of every kind. What goes out of every device,
 * every counter and every reason must agree.
 */
import test, { type ExecutionContext } from 'ava';
import { PeditHeader, RANDOM_DETERM, Verdict } from '../actions/program.js';
import { randomFrom } from '../classifier/conformance/random-edits.js';
import { KeyWord } from '../classifier/flow-key.js';
import { VxlanMode } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import type { NetworkDatagram } from '../io/fake/fake-underlay.js';
import { DeviceCounter, WorkCounter } from '../memory/counters.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../offload/offloads.js';
import { buildFrame, type FrameSpec, noise } from '../offload/test-frames.js';
import {
  type Action,
  csum,
  DEVICES,
  gact,
  Harness,
  type HookRule,
  mirror,
  pedit,
  policeMtu,
  redirect,
  redirectIn,
  set,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  VXLAN1,
  vlanPush,
  vxlan,
} from './harness.test.helper.js';

type Random = (n: number) => number;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)] as T;
}

const ALL = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_USO4 | OFFLOAD_USO6;
const RULES = 6;
const ACTIONS = 6;

class World {
  readonly fdb = new FdbRecords();
  readonly harness: Harness;

  constructor(trains: boolean, offloads: number) {
    this.harness = new Harness({ offloads, fdb: this.fdb.buffer });
    this.harness.engine.setTrains(trains);
    this.harness.counters.peers.want(1);
  }

  makeClassic(): void {
    this.harness.devices.setVxlan(VXLAN0, VxlanMode.CLASSIC | VxlanMode.LEARN, 4);
    this.fdb.setOpen(VXLAN0, true);
  }

  /** Everything that can be seen from outside; what was written and sent is forgotten. */
  look(): object {
    const { harness } = this;
    const { tap0, tap1, face, underlay0, underlay1, counters } = harness;
    const state = {
      written: [tap0, tap1, face].map((port) =>
        port.written.map(({ bytes, vnetHeader, segments }) => [
          Buffer.from(vnetHeader).toString('hex'),
          Buffer.from(bytes).toString('hex'),
          segments,
        ]),
      ),
      sent: [underlay0, underlay1].map(({ sent }) =>
        sent.map(({ bytes, tunnel }) => [Buffer.from(bytes).toString('hex'), tunnel.join(' ')]),
      ),
      devices: DEVICES.map((device) => Object.values(DeviceCounter).map((n) => counters.deviceValue(device, n))),
      reasons: DEVICES.map((device) => harness.reasons(device)),
      actions: Array.from({ length: RULES * ACTIONS }, (_, n) => harness.action(Math.floor(n / ACTIONS), n % ACTIONS)),
      datagrams: counters.workValue(WorkCounter.RECEIVED_DATAGRAMS),
      peers: counters.peers.rows(),
      learnt: this.fdb.list(VXLAN0).length,
    };
    for (const port of [tap0, tap1, face]) port.written.length = 0;
    for (const underlay of [underlay0, underlay1]) underlay.sent.length = 0;
    return state;
  }
}

function randomActions(random: Random): readonly Action[] {
  const away = [unset(), redirect(TAP0)];
  return pick<readonly Action[]>(random, [
    away,
    away,
    away,
    [redirect(TAP1)],
    [set(0), redirect(VXLAN1)],
    [redirect(VXLAN1)],
    [redirectIn(TAP1)],
    [mirror(TAP1), ...away],
    [gact(Verdict.SHOT)],
    [gact(Verdict.OK)],
    [gact(Verdict.CONTINUE)],
    [gact(Verdict.TRAP)],
    [gact(Verdict.GOTO, 1)],
    [gact(Verdict.JUMP, 2), gact(Verdict.SHOT), ...away],
    [policeMtu(600), ...away],
    [vlanPush(7), ...away],
    [pedit(PeditHeader.NETWORK, 16, 0, 0x0a000009), csum(0x7f), ...away],
    [pedit(PeditHeader.NETWORK, 4, 0xffff, 0x11110000), ...away],
  ]);
}

/** Rules on what trains have in common, and on what may change within one. */
const FIELDS: readonly (readonly [word: number, values: readonly number[]])[] = [
  [KeyWord.ENC_KEY_ID, [4, 5]],
  [KeyWord.ENC_TTL, [60, 61]],
  [KeyWord.IP_PROTO, [6, 17]],
  [KeyWord.IP_TTL, [64, 63]],
  [KeyWord.IP_TOS, [0, 2]],
  [KeyWord.TCP_FLAGS, [0x10, 0x18]],
  [KeyWord.SRC_PORT, [1, 2]],
];

function randomRules(random: Random): HookRule[] {
  return Array.from({ length: RULES }, (_, n) => {
    const [word, values] = pick(random, FIELDS);
    const match = random(4) === 0 ? {} : { [word]: pick(random, values) };
    const [device, hook] = pick(random, [[VXLAN0, 0] as const, [VXLAN0, 0] as const, [TAP0, 1] as const]);
    return { device, hook, chain: random(5) === 0 ? 1 : 0, pref: n + 1, match, actions: randomActions(random) };
  });
}

/** What may be another in the middle of a train. */
function disturb(random: Random, spec: Partial<FrameSpec>): Partial<FrameSpec> {
  return pick<Partial<FrameSpec>>(random, [
    { flags: 0x18 },
    { flags: 0x11 },
    { ack: 78 },
    { window: 7 },
    { urgent: 3 },
    { tos: 2 },
    { ttl: 63 },
    { id: 9 },
    { fragment: 0 },
    { fragment: 0x2000 },
    { sequence: 5 },
    { sourcePort: 9 },
    { destinationPort: 9 },
    { source: 7 },
    { destination: 7 },
    { ethernet: '02540000000b52540000000a' },
    { options: '0101080a0000000100000003' },
    { options: '010101010101010101010101' },
    { badChecksum: true },
    { badIpChecksum: true },
    { unfinished: true },
    { noChecksum: true },
    { padding: 4, payload: (spec.payload ?? noise(8, 1)).slice(4) },
    { vlans: [3] },
    { version: 6 },
    { protocol: 'udp' },
    { payload: noise(20, 5) },
    {},
  ]);
}

/** Datagrams of one flow, or nearly. */
function train(random: Random): NetworkDatagram[] {
  const count = 1 + random(12);
  const size = pick(random, [0, 1, 64, 500, 1398]);
  const base: Partial<FrameSpec> = {
    version: pick(random, [4, 4, 6] as const),
    protocol: pick(random, ['tcp', 'tcp', 'udp'] as const),
    vlans: pick(random, [[], [], [5], [5, 6], [5, 6, 7]]),
    sourcePort: 1 + random(2),
    fragment: pick(random, [0x4000, 0]),
    flags: pick(random, [0x10, 0x10, 0x18, 0x02]),
    options: pick(random, ['', '0101080a0000000100000002']),
    noChecksum: random(10) === 0,
    unfinished: random(10) === 0,
    ipOptions: random(12) === 0 ? '01010101' : '',
    padding: random(6) === 0 ? 5 : 0,
  };
  const step = size + (random(6) === 0 ? 5 : 0);
  const noisy = random(3);
  const list = Array.from({ length: count }, (_, n) => {
    const spec = { ...base, id: 100 + n, sequence: 0xffffff00 + n * step, payload: noise(size, n) };
    const odd = noisy > 0 && random(6) === 0;
    const frame = buildFrame(odd ? { ...spec, ...disturb(random, spec) } : spec);
    if (base.padding === 5) frame.fill(0, frame.length - 5);
    const [vni, flags, reserved] = random(40) === 0 ? [5, 0x08, 0] : random(60) === 0 ? [4, 0x08, 1] : [4, 0x08, 0];
    return vxlan(vni ?? 4, frame, flags, reserved);
  });
  const tunnel = {
    SRC_IP: 0xc0a8010e | 0,
    SRC_PORT: 50000 + random(2),
    TTL: 60 + random(2),
    TOS: random(8) === 0 ? 1 + random(3) : 0,
  };
  const outer = () => (random(12) === 0 ? { ...tunnel, TTL: 60 + random(2), TOS: random(4) } : tunnel);
  return random(2) === 0 ? bundles(list, tunnel) : list.map((bytes) => ({ bytes, tunnel: outer() }));
}

/** Neighbours of one length as the kernel hands them over; a shorter one may end a bundle. */
function bundles(list: readonly Uint8Array[], tunnel: NonNullable<NetworkDatagram['tunnel']>): NetworkDatagram[] {
  const all: { parts: Uint8Array[]; done: boolean }[] = [];
  for (const bytes of list) {
    const last = all.at(-1);
    const each = last?.parts[0]?.length ?? 0;
    if (last === undefined || last.done || bytes.length > each) all.push({ parts: [bytes], done: false });
    else {
      last.parts.push(bytes);
      last.done = bytes.length < each;
    }
  }
  return all.map(({ parts }) => ({
    bytes: Uint8Array.from(Buffer.concat(parts)),
    tunnel,
    ...(parts.length > 1 ? { segmentSize: parts[0]?.length ?? 0 } : {}),
  }));
}

function run(t: ExecutionContext, seed: number, offloads: number): number {
  const random = randomFrom(seed);
  const [short, long] = [new World(true, offloads), new World(false, offloads)] as const;
  for (let round = 0; round < 100; round++) {
    if (round === 80) for (const world of [short, long]) world.makeClassic();
    const rules = round % 10 === 9 ? [] : randomRules(random);
    const datagrams = Array.from({ length: 4 + random(6) }, () => train(random)).flat();
    for (const { harness } of [short, long]) {
      harness.use(rules);
      harness.receive(...datagrams);
    }
    t.deepEqual(short.look(), long.look(), `seed ${seed}, round ${round}`);
  }
  const lookups = ({ harness }: World) => harness.counters.workValue(WorkCounter.LOOKUPS);
  return lookups(short) / lookups(long);
}

for (const seed of [20261122, 3, 77777]) {
  test(`frames end alike and everything counts alike, whatever breaks a train: seed ${seed}`, (t) => {
    for (const offloads of [ALL, 0]) {
      const share = run(t, seed, offloads);
      t.true(share < 0.9, `${share} of the look-ups`);
    }
  });
}

const segments = (count: number, spec: Partial<FrameSpec> = {}): Uint8Array[] =>
  Array.from({ length: count }, (_, n) =>
    vxlan(4, buildFrame({ sequence: n * 1000, id: n, payload: noise(1000, n), ...spec })),
  );

function rig(actions: readonly Action[] = [unset(), redirect(TAP0)]): Harness {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions }]);
  return harness;
}

test('of a train only the first datagram is looked up, in messages of their own as in a bundle', (t) => {
  const alone = rig();
  alone.receive(...segments(30));
  t.is(alone.counters.workValue(WorkCounter.LOOKUPS), 1);
  const bundled = rig();
  const [first] = segments(1);
  bundled.receive({ bytes: Uint8Array.from(Buffer.concat(segments(30))), segmentSize: first?.length ?? 0 });
  t.is(bundled.counters.workValue(WorkCounter.LOOKUPS), 1);
  for (const harness of [alone, bundled]) {
    t.deepEqual(
      harness.tap0.written.map((frame) => frame.segments),
      [30],
    );
    t.deepEqual(harness.action(0, 1).slice(0, 2), [30, 30 * (54 + 12 + 1000 - 14)]);
  }
});

test('a damaged segment within a train is passed as it is, and merged with nothing', (t) => {
  const harness = rig();
  const list = segments(10);
  const damaged = list[4] as Uint8Array;
  damaged[200] = (damaged[200] ?? 0) ^ 1;
  harness.receive(...list);
  t.is(harness.counters.workValue(WorkCounter.LOOKUPS), 1);
  t.deepEqual(
    harness.tap0.written.map((frame) => frame.segments),
    [4, 1, 5],
  );
  t.deepEqual(harness.tap0.written[1]?.bytes, damaged.slice(8));
});

test('small segments that a driver padded with zeros are not merged, over a gap as long as the padding least of all', (t) => {
  for (const step of [1, 6]) {
    const harness = rig();
    const padded = Array.from({ length: 4 }, (_, n) =>
      buildFrame({ sequence: n * step, payload: noise(1, n), padding: 5 }).fill(0, 54 + 12 + 1),
    );
    harness.receive(...padded.map((frame) => vxlan(4, frame)));
    t.deepEqual(
      harness.tap0.written.map((frame) => frame.segments),
      [1, 1, 1, 1],
    );
  }
});

test('a flipped bit anywhere in a segment of a bundle is delivered as it came, and merged with nothing', (t) => {
  const list = Array.from({ length: 6 }, (_, n) =>
    vxlan(4, buildFrame({ sequence: n * 40, id: n, payload: noise(40, n) })),
  );
  const each = list[0]?.length ?? 0;
  for (let at = 0; at < each - 8; at++) {
    const harness = rig();
    const bundle = Uint8Array.from(Buffer.concat(list));
    const byte = 3 * each + 8 + at;
    bundle[byte] = (bundle[byte] ?? 0) ^ (1 << (at % 8));
    harness.receive({ bytes: bundle, segmentSize: each });
    const damaged = bundle.subarray(3 * each + 8, 4 * each);
    const alone = harness.tap0.written.filter(({ bytes }) => Buffer.from(bytes).equals(damaged));
    t.is(alone.length, 1, `byte ${at}`);
    t.is(
      harness.tap0.written.reduce((sum, { segments: count }) => sum + count, 0),
      6,
    );
  }
});

test('trains that a rule drops are dropped and counted to the last', (t) => {
  const harness = rig([gact(Verdict.SHOT)]);
  harness.receive(...segments(32));
  t.is(harness.counters.workValue(WorkCounter.LOOKUPS), 1);
  t.is(harness.reason(VXLAN0, 'action-drop'), 32);
  t.deepEqual(harness.action(0, 0).slice(0, 3), [32, 32 * (54 + 12 + 1000 - 14), 32]);
});

test('an action that depends on more than the flow meets every packet', (t) => {
  for (const actions of [
    [{ ...gact(Verdict.PIPE), a: RANDOM_DETERM, b: Verdict.SHOT, d: 3 }, unset(), redirect(TAP0)],
    [mirror(TAP1), unset(), redirect(TAP0)],
    [policeMtu(70_000), unset(), redirect(TAP0)],
    [pedit(PeditHeader.NETWORK, 4, 0xffff, 0x11110000), unset(), redirect(TAP0)],
  ]) {
    const harness = rig(actions);
    harness.receive(...segments(12));
    t.is(harness.counters.workValue(WorkCounter.LOOKUPS), 12);
  }
});

test('a train goes on in a message with the same outer header, and in no other', (t) => {
  for (const [tunnel, lookups] of [
    [{}, 1],
    [{ TTL: 9 }, 2],
    [{ TOS: 4 }, 2],
    [{ SRC_PORT: 9 }, 2],
    [{ SRC_IP: 9 }, 2],
    [{ DST_IP: 9 }, 2],
  ] as const) {
    const harness = rig();
    harness.receive(...segments(2).map((bytes, n) => ({ bytes, tunnel: n === 0 ? {} : tunnel })));
    t.is(harness.counters.workValue(WorkCounter.LOOKUPS), lookups, JSON.stringify(tunnel));
  }
});
