/**
 * The oracle run: one stream of random edits goes to two tables, both publish now and then, and random frames must
 * find the same in both. Seeded, so that a failure comes again.
 */
import assert from 'node:assert/strict';
import { type ClassifierSnapshot, type ClassifierTable, DuplicateRule, type Lookup, type Rule } from '../classifier.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../flow-key.js';
import { open } from './support.js';

/** Numbers below `n`, always the same for a seed (xorshift, Marsaglia 2003). */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * n);
  };
}

type Random = (n: number) => number;

const WORDS = [
  KeyWord.INDEV,
  KeyWord.ETH_DST,
  KeyWord.ETH_DST + 1,
  KeyWord.DST_IP,
  KeyWord.DST_IP + 3,
  KeyWord.DST_PORT,
  KeyWord.ENC_KEY_ID,
  KeyWord.ENC_FAMILY,
];
const PROTOCOLS = [PROTOCOL_ALL, 0x0800, 0x86dd];
const FRAME_PROTOCOLS = [0x0800, 0x86dd, 0x0806];
const CHAINS = [0, 0, 0, 1, 0xfffffffe];

/** How varied the rules are: few masks and values make for many hits, duplicates and shared keys. */
export interface Shape {
  readonly rules: number;
  readonly masks: number;
  readonly values: number;
  readonly prefs: number;
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)];
}

function randomMask(random: Random): Int32Array {
  const mask = new Int32Array(KEY_WORDS);
  if (random(4) === 0) mask[KeyWord.DST_PORT_RANGE] = -1;
  if (random(6) === 0) mask[KeyWord.SRC_PORT_RANGE] = -1;
  for (let i = random(4); i > 0; i--) mask[pick(random, WORDS)] = pick(random, [-1, -1, -256, 0xffff, 1, -0x80000000]);
  return mask;
}

function randomKey(random: Random, values: number): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const word of WORDS) key[word] = random(values) * 0x01010101;
  key[KeyWord.DST_PORT_RANGE] = randomRange(random);
  key[KeyWord.SRC_PORT_RANGE] = randomRange(random);
  return key;
}

/** Few ranges of few ports, which overlap. */
function randomRange(random: Random): number {
  const first = 1 + random(4) * 2;
  return (first << 16) | (first + 1 + random(2) * 3);
}

/** Frames: a rule's key with some of the words that it leaves open filled in, often with a bit flipped. */
function randomFrame(random: Random, rules: readonly Rule[], values: number, frame: Int32Array): void {
  frame.set(randomKey(random, values));
  const rule = rules.length > 0 ? pick(random, rules) : undefined;
  if (rule !== undefined)
    for (let i = 0; i < KEY_WORDS; i++) frame[i] = (frame[i] & ~rule.mask[i]) | (rule.key[i] & rule.mask[i]);
  if (rule === undefined || rule.mask[KeyWord.DST_PORT] === 0) frame[KeyWord.DST_PORT] = random(12);
  frame[KeyWord.SRC_PORT] = random(12);
  frame[KeyWord.DST_PORT_RANGE] = 0;
  frame[KeyWord.SRC_PORT_RANGE] = 0;
  if (random(3) === 0) frame[pick(random, WORDS)] ^= 1 << random(32);
  // A port has 16 bits, and look-ups may count on it.
  frame[KeyWord.DST_PORT] &= 0xffff;
}

/** One edit on both tables: both do the same, or refuse the same. */
function edit(tables: readonly ClassifierTable[], apply: (table: ClassifierTable) => unknown): boolean {
  const [a, b] = tables.map((table) => {
    try {
      return { result: apply(table) };
    } catch (error) {
      if (error instanceof DuplicateRule) return { refused: error.existing };
      if (error instanceof RangeError && error.message.endsWith('is there already')) return { refused: error.message };
      throw error;
    }
  });
  assert.deepEqual(a, b);
  return a.refused === undefined;
}

/** A whole walk through a chain in both, by `continue`. Returns how many rules it met. */
function compare(found: Lookup, wanted: Lookup, frame: Int32Array, chain: number, protocol: number): number {
  let met = 0;
  let position = 0;
  for (;;) {
    const id = wanted.find(frame, 0, chain, protocol, position);
    assert.equal(found.find(frame, 0, chain, protocol, position), id);
    if (id < 0) return met;
    assert.equal(found.nextPosition, wanted.nextPosition);
    position = wanted.nextPosition;
    met++;
  }
}

function compareMany(
  random: Random,
  shape: Shape,
  rules: readonly Rule[],
  [found, wanted]: readonly ClassifierSnapshot[],
  frames: number,
): number {
  const a = open(found);
  const b = open(wanted);
  assert.equal(a.empty, b.empty);
  let hits = 0;
  const met: (readonly [frame: Int32Array, chain: number, protocol: number])[] = [];
  for (let i = 0; i < frames; i++) {
    // Flows come again, one way or another.
    const again = met.length > 0 && random(2) === 0;
    const frame = new Int32Array(KEY_WORDS);
    if (!again) randomFrame(random, rules, shape.values, frame);
    const flow = again ? pick(random, met) : ([frame, pick(random, CHAINS), pick(random, FRAME_PROTOCOLS)] as const);
    met.push(flow);
    if (compare(a, b, ...flow) > 0) hits++;
  }
  return hits;
}

/**
 * Runs `rounds` times some edits, a publication and `frames` look-ups of each of the last few snapshots, the oldest
 * of which has seen many edits pass. Throws an AssertionError at the first difference; returns look-ups and hits.
 */
export function runRandomEdits(
  table: ClassifierTable,
  oracle: ClassifierTable,
  seed: number,
  shape: Shape,
  rounds: number,
  frames: number,
): { readonly lookups: number; readonly hits: number } {
  const random = randomFrom(seed);
  const masks = Array.from({ length: shape.masks }, () => randomMask(random));
  const protocols = new Map<string, number>();
  const rules: Rule[] = [];
  const freeIds: number[] = [];
  const tables = [table, oracle];
  const snapshots: (readonly ClassifierSnapshot[])[] = [];
  let nextId = 0;
  let lookups = 0;
  let hits = 0;

  const randomRule = (id: number, old?: Rule): Rule => {
    const chain = old?.chain ?? pick(random, CHAINS);
    const pref = old?.pref ?? 1 + random(shape.prefs) * 7;
    const place = `${chain} ${pref}`;
    const protocol = protocols.get(place) ?? pick(random, PROTOCOLS);
    protocols.set(place, protocol);
    const mask = old !== undefined && random(2) === 0 ? old.mask : pick(random, masks);
    return { id, chain, pref, protocol, key: randomKey(random, shape.values), mask };
  };

  for (let round = 0; round < rounds; round++) {
    for (let edits = random(20); edits > 0; edits--) {
      // Now and then everything goes, so that masks, prefs and chains end and begin again.
      const choice = rules.length === 0 ? 0 : random(rules.length > shape.rules ? 7 : 5);
      if (choice < 2) {
        const rule = randomRule(freeIds.pop() ?? nextId++);
        if (edit(tables, (each) => each.insert(rule))) rules.push(rule);
        else freeIds.push(rule.id);
      } else if (choice === 2) {
        const i = random(rules.length);
        const { id } = rules[i];
        // Its own id, a free one, or (refused, mostly) another rule's; the key now and then stays.
        const successor = pick(random, [id, freeIds.at(-1) ?? nextId, pick(random, rules).id]);
        const renewed = randomRule(successor, rules[i]);
        const rule = random(4) === 0 ? { ...rules[i], id: successor } : renewed;
        if (edit(tables, (each) => each.replace(id, rule))) {
          rules[i] = rule;
          if (successor === nextId) nextId++;
          else if (successor === freeIds.at(-1)) freeIds.pop();
          if (successor !== id) freeIds.push(id);
        }
      } else {
        const removed = random(200) === 0 ? rules.splice(0) : rules.splice(random(rules.length), 1);
        for (const { id } of removed) edit(tables, (each) => each.remove(id));
        freeIds.push(...removed.map(({ id }) => id));
      }
    }
    assert.equal(table.size, oracle.size);
    assert.equal(table.size, rules.length);
    snapshots.push(tables.map((each) => each.publish()));
    if (snapshots.length > 4) snapshots.splice(random(4), 1);
    for (const pair of snapshots) {
      hits += compareMany(random, shape, rules, pair, frames);
      lookups += frames;
    }
  }
  return { lookups, hits };
}
