/*
 * The whole of classification against the oracle: two engines with the same rules get the same frames and edits. One
 * has the tuple-space classifier behind the flow cache; the other the linear one, behind a cache that compares every
 * word of the flow key. What comes out of every device, every statistic of every action and device, the times of use
 * among them, and every counted reason must agree. Frames are edited on their way, so that filters behind an action see
 * other keys than those before it, and go through the hooks of several devices.
 */
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { AT_EGRESS, AT_INGRESS } from '../actions/outlet.js';
import { ActionKind, PeditHeader, RANDOM_DETERM, Verdict } from '../actions/program.js';
import type { ClassifierTable, Consulted, Lookup } from '../classifier/classifier.js';
import { randomFrom } from '../classifier/conformance/random-edits.js';
import { run as dissected } from '../classifier/dissect-harness.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../classifier/flow-key.js';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { createLookup } from '../classifier/open-lookup.js';
import { TupleSpaceTable } from '../classifier/tuple-space/tuple-space-table.js';
import type { HostFrame } from '../io/fake/fake-port.js';
import { DeviceCounter, WorkCounter } from '../memory/counters.js';
import { buildFrame, type FrameSpec, noise } from '../offload/test-frames.js';
import { anyFrame } from '../wire/frame-generator.js';
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
  programsOf,
  redirect,
  redirectIn,
  ruleOf,
  set,
  TAP0,
  TAP1,
  TO_PEER,
  unset,
  VXLAN0,
  vlanPop,
  vlanPush,
  vxlan,
} from './harness.test.helper.js';

const SLOTS = 64;
const ROUNDS = 120;
const FRAMES = 40;
/** Actions of a rule, at most. */
const ACTIONS = 5;
const ALL_CHECKSUMS = 0x7f;

/** Where rules hang: the first of each pair twice as often. */
const HOOKS: readonly (readonly [device: number, hook: number])[] = [
  [VXLAN0, AT_INGRESS],
  [TAP0, AT_INGRESS],
  [VXLAN0, AT_EGRESS],
  [TAP0, AT_EGRESS],
  [TAP1, AT_INGRESS],
];

type Random = (n: number) => number;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)];
}

const ALL_BITS: Consulted = {
  indices: Int32Array.from({ length: KEY_WORDS }, (_, i) => i),
  bits: new Int32Array(KEY_WORDS).fill(-1),
  tables: 2,
};

/** The oracle's look-up: nothing that a cache leaves out can make a difference. */
function careful(lookup: Lookup): Lookup {
  lookup.consulted = () => ALL_BITS;
  return lookup;
}

const placeOf = (device: number, hook: number): string => `${device} ${hook}`;

class World {
  readonly harness = new Harness();
  private readonly tables: ReadonlyMap<string, ClassifierTable>;
  private readonly open: (table: ClassifierTable) => Lookup;

  constructor(create: () => ClassifierTable, open: (table: ClassifierTable) => Lookup) {
    this.tables = new Map(HOOKS.map(([device, hook]) => [placeOf(device, hook), create()]));
    this.open = open;
  }

  table({ device, hook = AT_INGRESS }: HookRule): ClassifierTable | undefined {
    return this.tables.get(placeOf(device, hook));
  }

  publish(rules: readonly (HookRule | undefined)[]): void {
    const { engine } = this.harness;
    engine.usePrograms(
      programsOf(
        rules.map((rule) => rule ?? { device: VXLAN0, actions: [] }),
        [TO_PEER, { ...TO_PEER, VNI: 5, TTL: 9 }],
      ),
    );
    for (const [device, hook] of HOOKS) {
      const table = this.tables.get(placeOf(device, hook));
      if (table) engine.useRules(device, hook, table.size === 0 ? null : this.open(table));
    }
  }

  /** Everything that can be seen from outside. */
  get state(): object {
    const { harness } = this;
    return {
      written: [harness.tap0, harness.tap1, harness.face].map((port) =>
        port.written.map(({ bytes, segments }) => [Buffer.from(bytes).toString('hex'), segments]),
      ),
      sent: harness.underlay0.sent.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
      reasons: DEVICES.map((device) => harness.reasons(device)),
      devices: DEVICES.map((device) =>
        Object.values(DeviceCounter).map((counter) => harness.counters.deviceValue(device, counter)),
      ),
      actions: Array.from({ length: SLOTS }, (_, r) =>
        Array.from({ length: ACTIONS }, (__, n) => harness.counts(r, n)),
      ),
    };
  }

  forget(): void {
    const { tap0, tap1, face, underlay0 } = this.harness;
    for (const port of [tap0, tap1, face]) port.written.length = 0;
    underlay0.sent.length = 0;
  }
}

/** Every third packet is dropped, the others go on. */
const everyThird: Action = {
  ...{ kind: ActionKind.GACT, control: Verdict.PIPE },
  ...{ a: RANDOM_DETERM, b: Verdict.SHOT, d: 3 },
};

/** What changes the frame, or what is known of it. */
function randomEdit(random: Random): readonly Action[] {
  return pick<readonly Action[]>(random, [
    [vlanPush(9)],
    [vlanPop()],
    [pedit(PeditHeader.IP4, 8, 0x00ffffff, pick(random, [1, 9]) << 24), csum(ALL_CHECKSUMS)],
    [pedit(PeditHeader.IP6, 4, ~0xff, pick(random, [1, 9])), csum(ALL_CHECKSUMS)],
    [pedit(PeditHeader.IP4, 16, 0, 0x0a000000 + random(4)), csum(ALL_CHECKSUMS)],
    [pedit(PeditHeader.UDP, 0, ~0xffff, pick(random, [80, 443])), csum(ALL_CHECKSUMS)],
    [pedit(PeditHeader.TCP, 0, 0xffff, pick(random, [1, 2]) << 16), csum(ALL_CHECKSUMS)],
    [pedit(PeditHeader.ETH, 0, 0, 0x06000000)],
    [set(random(2))],
    [unset()],
    [everyThird],
    [policeMtu(300)],
  ]);
}

function randomAction(random: Random, { device, hook }: Pick<HookRule, 'device' | 'hook'>): readonly Action[] {
  const away = device === VXLAN0 && hook === AT_INGRESS ? [unset(), redirect(TAP0)] : [set(0), redirect(VXLAN0)];
  if (hook === AT_EGRESS) {
    return pick<readonly Action[]>(random, [
      [gact(Verdict.OK)],
      [gact(Verdict.SHOT)],
      [...randomEdit(random), gact(Verdict.CONTINUE)],
      [...randomEdit(random), gact(Verdict.OK)],
      [mirror(TAP1), gact(Verdict.CONTINUE)],
      [redirectIn(TAP1)],
    ]);
  }
  return pick<readonly Action[]>(random, [
    away,
    [...randomEdit(random), ...away],
    [...randomEdit(random), gact(Verdict.CONTINUE)],
    [...randomEdit(random), gact(Verdict.GOTO, 1 + random(3))],
    [...randomEdit(random), gact(Verdict.RECLASSIFY)],
    [mirror(TAP1), ...away],
    [gact(Verdict.SHOT)],
    [gact(Verdict.OK)],
    [gact(Verdict.CONTINUE)],
    [gact(Verdict.PIPE)],
    [mirror(TAP1, Verdict.CONTINUE)],
    [gact(Verdict.GOTO, 1 + random(3))],
    [gact(Verdict.JUMP, 2), gact(Verdict.SHOT), ...away],
    [redirectIn(TAP1)],
  ]);
}

/** Words, values of them that frames have, and masks. */
const FIELDS: readonly (readonly [word: number, values: readonly number[], masks: readonly number[]])[] = [
  [KeyWord.ENC_KEY_ID, [4, 5], [-1, 1, -2]],
  [KeyWord.ENC_TTL, [0, 9], [-1]],
  [KeyWord.INDEV, [100 + VXLAN0, 100 + TAP0], [-1]],
  [KeyWord.IP_PROTO, [6, 17], [-1]],
  [KeyWord.IP_TTL, [1, 9, 64], [-1, 0xfe, 0x40]],
  [KeyWord.IP_TOS, [0, 0x20], [-1, 0xe0]],
  [KeyWord.IP_FLAGS, [0, 1, 3], [-1, 1, 2]],
  [KeyWord.TCP_FLAGS, [0x10, 0x18], [-1, 0x08, 0x10]],
  [KeyWord.DST_IP, [0x0a000000, 0x0a000001, 0x0a000002, 0x20010db8], [-1, -2, -256, 1]],
  [KeyWord.DST_IP + 3, [1, 2], [-1, 3]],
  [KeyWord.DST_PORT, [80, 443], [-1, 0xff00, 1]],
  [KeyWord.SRC_PORT, [1, 2], [-1]],
  [KeyWord.IP_VERSION, [4, 6], [-1]],
  [KeyWord.NUM_OF_VLANS, [0, 1, 2], [-1]],
  [KeyWord.VLAN_ID, [5, 9], [-1, 4]],
  [KeyWord.DST_PORT_RANGE, [(1 << 16) | 100, (80 << 16) | 500], [-1]],
  [KeyWord.ETH_DST, [0x02000000, 0x06000000, 0x52540000], [-1, 0x04000000]],
];

/** Frames of every kind, sound or not, that come again and again, and what the dissector makes of them. */
interface Flow {
  readonly frame: Uint8Array;
  readonly key: Int32Array;
}

function flowsOf(seed: number): Flow[] {
  const frames = fc.sample(anyFrame(), { seed, numRuns: 60 }).filter(({ length }) => length >= 14);
  return frames.map((frame) => ({ frame, key: dissected(frame, 0).key }));
}

/** Any words of the key of a flow, under masks of any bits. */
function matchOf(random: Random, { key }: Flow): Pick<Required<HookRule>, 'match' | 'masks'> {
  const match: Record<number, number> = {};
  const masks: Record<number, number> = {};
  for (let n = 1 + random(3); n > 0; n--) {
    // From the address on: in front of it stands the device, behind it the ranges.
    const word = 1 + random(KeyWord.DST_PORT_RANGE - 1);
    match[word] = key[word];
    masks[word] = pick(random, [-1, -1, 1 << random(32), -1 << random(32), -1 >>> random(32)]) | 0;
  }
  return { match, masks };
}

function randomRule(random: Random, protocols: Map<string, number>, flows: readonly Flow[], old?: HookRule): HookRule {
  const [device, hook] = old ? [old.device, old.hook ?? AT_INGRESS] : pick(random, [...HOOKS, ...HOOKS.slice(0, 2)]);
  const chain = old?.chain ?? pick(random, [0, 0, 0, 1, 2]);
  const pref = old?.pref ?? 1 + random(6);
  const place = `${placeOf(device, hook)} ${chain} ${pref}`;
  const protocol = protocols.get(place) ?? pick(random, [PROTOCOL_ALL, PROTOCOL_ALL, 0x0800, 0x86dd, 0x8100, 0x0806]);
  protocols.set(place, protocol);
  const actions = randomAction(random, { device, hook });
  if (random(3) === 0) return { device, hook, chain, pref, protocol, ...matchOf(random, pick(random, flows)), actions };
  const match: Record<number, number> = {};
  const masks: Record<number, number> = {};
  for (let n = random(4); n > 0; n--) {
    const [word, values, bits] = pick(random, FIELDS);
    match[word] = pick(random, values);
    masks[word] = pick(random, bits);
  }
  return { device, hook, chain, pref, protocol, match, masks, actions };
}

/** One edit on both worlds; where one refuses the other does. Gives back whether it was made. */
function edit(worlds: readonly World[], place: HookRule, apply: (table: ClassifierTable) => void): boolean {
  const outcomes = worlds.map((world) => {
    const table = world.table(place);
    try {
      if (table !== undefined) apply(table);
      return 'done';
    } catch (error) {
      return error instanceof Error ? error.name : 'refused';
    }
  });
  if (outcomes[0] !== outcomes[1]) throw new Error(`one says ${outcomes[0]}, the other ${outcomes[1]}`);
  return outcomes[0] === 'done';
}

function editSome(
  random: Random,
  worlds: readonly World[],
  rules: (HookRule | undefined)[],
  protocols: Map<string, number>,
  flows: readonly Flow[],
): void {
  for (let n = random(8); n > 0; n--) {
    const id = random(SLOTS);
    const old = rules[id];
    if (old !== undefined && random(3) === 0) {
      edit(worlds, old, (table) => table.remove(id));
      rules[id] = undefined;
    } else if (old !== undefined) {
      const renewed = randomRule(random, protocols, flows, old);
      if (edit(worlds, old, (table) => table.replace(id, ruleOf(renewed, id)))) rules[id] = renewed;
    } else {
      const rule = randomRule(random, protocols, flows);
      if (edit(worlds, rule, (table) => table.insert(ruleOf(rule, id)))) rules[id] = rule;
    }
  }
}

function randomSpec(random: Random): Partial<FrameSpec> {
  const version = pick(random, [4, 6] as const);
  return {
    protocol: pick(random, ['tcp', 'udp'] as const),
    version,
    sourcePort: 1 + random(3),
    destinationPort: pick(random, [80, 90, 443, 999]),
    destination: 1 + random(3),
    ttl: pick(random, [1, 9, 64, 64]),
    tos: pick(random, [0, 0, 0x20]),
    flags: pick(random, [0x10, 0x18]),
    fragment: version === 4 ? pick(random, [0x4000, 0x4000, 0x4000, 0x2000, 0x0004]) : 0,
    vlans: pick<readonly number[]>(random, [[], [], [], [0x8100]]),
    payload: noise(pick(random, [1, 40, 500]), random(100)),
  };
}

/** What the host sends: now and then a super-frame. */
function ofHost(random: Random, spec: Partial<FrameSpec>): HostFrame {
  if (random(6) > 0) return { bytes: buildFrame(spec) };
  const { version = 4, protocol = 'tcp' } = spec;
  const bytes = buildFrame({ ...spec, vlans: [], fragment: 0x4000, unfinished: true, payload: noise(4000, 1) });
  const type = protocol === 'udp' ? 5 : version === 4 ? 1 : 4;
  const start = version === 4 ? 34 : 54;
  return { bytes, checksum: { start, offset: protocol === 'tcp' ? 16 : 6 }, gso: { type, size: 1000 } };
}

function run(t: ExecutionContext, seed: number): { used: number; hits: number; lookups: number } {
  const random = randomFrom(seed);
  const tested = new World(
    () => new TupleSpaceTable(),
    (table) => createLookup(table.publish()),
  );
  const oracle = new World(
    () => new LinearTable(),
    (table) => careful(createLookup(table.publish())),
  );
  const worlds = [tested, oracle];
  const rules: (HookRule | undefined)[] = new Array<HookRule | undefined>(SLOTS).fill(undefined);
  const protocols = new Map<string, number>();
  const flows = flowsOf(seed);
  const { now } = performance;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      performance.now = () => 1_000_000_000 + round * 777;
      editSome(random, worlds, rules, protocols, flows);
      for (const world of worlds) world.publish(rules);
      const specs = Array.from({ length: FRAMES }, () => [3 + random(4), randomSpec(random)] as const);
      const sent = specs.map(([, spec]) => ofHost(random, spec));
      const others = Array.from({ length: FRAMES }, () => pick(random, flows).frame);
      for (const { harness } of worlds) {
        harness.receive(...others.map((frame) => vxlan(4, frame)));
        harness.send(TAP0, ...others);
        harness.receive(...specs.map(([vni, spec]) => vxlan(vni, buildFrame(spec))));
        harness.send(TAP0, ...sent);
      }
      const [got, wanted] = [tested.state, oracle.state];
      // Text compares quickly, and tells nothing.
      if (JSON.stringify(got) !== JSON.stringify(wanted)) t.deepEqual(got, wanted, `seed ${seed}, round ${round}`);
      for (const world of worlds) world.forget();
    }
  } finally {
    performance.now = now;
  }
  const { counters } = tested.harness;
  const used = rules.map((_, r) => tested.harness.counts(r, 0)).filter(([packets]) => packets !== 0).length;
  return { used, hits: counters.workValue(WorkCounter.CACHE_HITS), lookups: counters.workValue(WorkCounter.LOOKUPS) };
}

for (const seed of [20261122, 7, 99991]) {
  test(`frames end alike and actions count alike, whatever the rules and their edits: seed ${seed}`, (t) => {
    const { used, hits, lookups } = run(t, seed);
    t.true(used > SLOTS / 3, `${used} rules met`);
    t.true(lookups > 20_000, `${lookups} look-ups`);
    t.true(hits > lookups / 4 && hits < lookups, `${hits} hits of ${lookups}`);
  });
}
