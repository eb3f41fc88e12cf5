/*
 * The whole of classification against the oracle: two engines with the same rules get the same frames and edits. One
 * has the tuple-space classifier behind the flow cache; the other the linear one, behind a cache that compares every
 * word of the flow key. What comes out of every device, every action's statistics and every counted reason must agree.
 */
import test, { type ExecutionContext } from 'ava';
import { AT_INGRESS } from '../actions/outlet.js';
import { Verdict } from '../actions/program.js';
import type { ClassifierTable, Consulted, Lookup } from '../classifier/classifier.js';
import { randomFrom } from '../classifier/conformance/random-edits.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../classifier/flow-key.js';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { createLookup } from '../classifier/open-lookup.js';
import { TupleSpaceTable } from '../classifier/tuple-space/tuple-space-table.js';
import { WorkCounter } from '../memory/counters.js';
import { buildFrame } from '../offload/test-frames.js';
import {
  type Action,
  DEVICES,
  gact,
  Harness,
  type HookRule,
  mirror,
  programsOf,
  redirect,
  ruleOf,
  set,
  TAP0,
  TAP1,
  TO_PEER,
  unset,
  VXLAN0,
  vxlan,
} from './harness.test.helper.js';

const SLOTS = 48;
const ROUNDS = 120;
const FRAMES = 40;

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

class World {
  readonly harness = new Harness();
  private readonly tables: ReadonlyMap<number, ClassifierTable>;
  private readonly open: (table: ClassifierTable) => Lookup;

  constructor(create: () => ClassifierTable, open: (table: ClassifierTable) => Lookup) {
    this.tables = new Map([VXLAN0, TAP0].map((device) => [device, create()]));
    this.open = open;
  }

  table(device: number): ClassifierTable | undefined {
    return this.tables.get(device);
  }

  publish(rules: readonly (HookRule | undefined)[]): void {
    const { engine } = this.harness;
    engine.usePrograms(
      programsOf(
        rules.map((rule) => rule ?? { device: VXLAN0, actions: [] }),
        [TO_PEER],
      ),
    );
    for (const [device, table] of this.tables) engine.useRules(device, AT_INGRESS, this.open(table));
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
      actions: Array.from({ length: SLOTS }, (_, r) => [0, 1, 2].map((n) => harness.action(r, n))),
    };
  }

  forget(): void {
    const { tap0, tap1, face, underlay0 } = this.harness;
    for (const port of [tap0, tap1, face]) port.written.length = 0;
    underlay0.sent.length = 0;
  }
}

function randomAction(random: Random, device: number): readonly Action[] {
  const away = device === VXLAN0 ? [unset(), redirect(TAP0)] : [set(0), redirect(VXLAN0)];
  return pick<readonly Action[]>(random, [
    away,
    away,
    [mirror(TAP1), ...away],
    [gact(Verdict.SHOT)],
    [gact(Verdict.OK)],
    [gact(Verdict.CONTINUE)],
    [gact(Verdict.PIPE)],
    [mirror(TAP1, Verdict.CONTINUE)],
    [gact(Verdict.GOTO, 1 + random(3))],
    [gact(Verdict.JUMP, 2), gact(Verdict.SHOT), ...away],
    [gact(Verdict.RECLASSIFY)],
  ]);
}

const FIELDS: readonly (readonly [word: number, values: readonly number[]])[] = [
  [KeyWord.ENC_KEY_ID, [4, 5]],
  [KeyWord.IP_PROTO, [6, 17]],
  [KeyWord.DST_PORT, [80, 443]],
  [KeyWord.SRC_PORT, [1, 2]],
  [KeyWord.IP_VERSION, [4, 6]],
  [KeyWord.DST_PORT_RANGE, [(1 << 16) | 100, (80 << 16) | 500]],
  [KeyWord.ETH_DST, [0x02000000 | 0, 0x06000000]],
];

function randomRule(random: Random, protocols: Map<string, number>): HookRule {
  const device = pick(random, [VXLAN0, VXLAN0, TAP0]);
  const chain = pick(random, [0, 0, 0, 1, 2]);
  const pref = 1 + random(6);
  const place = `${device} ${chain} ${pref}`;
  const protocol = protocols.get(place) ?? pick(random, [PROTOCOL_ALL, 0x0800, 0x86dd]);
  protocols.set(place, protocol);
  const match: Record<number, number> = {};
  for (let n = random(3); n > 0; n--) {
    const [word, values] = pick(random, FIELDS);
    match[word] = pick(random, values);
  }
  return { device, chain, pref, protocol, match, actions: randomAction(random, device) };
}

/** One edit on both worlds; where one refuses the other does. Gives back whether it was made. */
function edit(worlds: readonly World[], device: number, apply: (table: ClassifierTable) => void): boolean {
  const outcomes = worlds.map((world) => {
    const table = world.table(device);
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
): void {
  for (let n = random(8); n > 0; n--) {
    const id = random(SLOTS);
    const old = rules[id];
    if (old !== undefined && random(3) === 0) {
      edit(worlds, old.device, (table) => table.remove(id));
      rules[id] = undefined;
    } else if (old !== undefined) {
      const { device, chain = 0, pref = 1, protocol = PROTOCOL_ALL } = old;
      const renewed = { ...randomRule(random, protocols), device, chain, pref, protocol };
      if (edit(worlds, device, (table) => table.replace(id, ruleOf(renewed, id)))) rules[id] = renewed;
    } else {
      const rule = randomRule(random, protocols);
      if (edit(worlds, rule.device, (table) => table.insert(ruleOf(rule, id)))) rules[id] = rule;
    }
  }
}

function randomFrame(random: Random): Uint8Array {
  const protocol = pick(random, ['tcp', 'udp'] as const);
  return buildFrame({
    protocol,
    version: pick(random, [4, 6] as const),
    sourcePort: 1 + random(3),
    destinationPort: pick(random, [80, 90, 443, 999]),
  });
}

function run(t: ExecutionContext, seed: number): { hits: number; lookups: number } {
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
  for (let round = 0; round < ROUNDS; round++) {
    editSome(random, worlds, rules, protocols);
    for (const world of worlds) world.publish(rules);
    const frames = Array.from({ length: FRAMES }, () => [3 + random(4), randomFrame(random)] as const);
    for (const { harness } of worlds) {
      harness.receive(...frames.map(([vni, frame]) => vxlan(vni, frame)));
      harness.send(TAP0, ...frames.map(([, frame]) => frame));
    }
    t.deepEqual(tested.state, oracle.state, `seed ${seed}, round ${round}`);
    for (const world of worlds) world.forget();
  }
  const { counters } = tested.harness;
  return { hits: counters.workValue(WorkCounter.CACHE_HITS), lookups: counters.workValue(WorkCounter.LOOKUPS) };
}

for (const seed of [20261122, 7, 99991]) {
  test(`frames end alike and actions count alike, whatever the rules and their edits: seed ${seed}`, (t) => {
    const { hits, lookups } = run(t, seed);
    t.true(lookups > 8_000, `${lookups} look-ups`);
    t.true(hits > lookups / 4 && hits < lookups, `${hits} hits of ${lookups}`);
  });
}
