import test from 'ava';
import fc from 'fast-check';
import { DuplicateRule, type Rule } from '../../classifier/classifier.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../../classifier/flow-key.js';
import { LinearTable } from '../../classifier/linear/linear-table.js';
import { createLookup } from '../../classifier/open-lookup.js';
import { Coverage, type CoverRule } from './covered.js';

interface TestRule extends Rule, CoverRule {}

interface Words {
  readonly pref: number;
  readonly protocol?: number;
  readonly mayContinue?: boolean;
  /** Value and mask by word. */
  readonly match: Readonly<Record<number, readonly [number, number]>>;
}

const ADDRESS = KeyWord.DST_IP;
const PORT = KeyWord.DST_PORT;
const RANGE = KeyWord.DST_PORT_RANGE;
const SOURCE = KeyWord.SRC_PORT;
const SOURCE_RANGE = KeyWord.SRC_PORT_RANGE;

function ruleOf({ pref, protocol = PROTOCOL_ALL, mayContinue = false, match }: Words, id: number): TestRule {
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  for (const [word, [value, bits]] of Object.entries(match)) {
    key[Number(word)] = value & bits;
    mask[Number(word)] = bits;
  }
  return { id, chain: 0, pref, protocol, key, mask, mayContinue };
}

/** Rules as a table takes them: by pref, in it by mask in order of creation; those that it refuses are left out. */
function tabled(words: readonly Words[]): { readonly table: LinearTable; readonly inOrder: TestRule[] } {
  const table = new LinearTable();
  const protocols = new Map<number, number>();
  const rules: TestRule[] = [];
  words.forEach((each, id) => {
    const rule = ruleOf({ ...each, protocol: protocols.get(each.pref) ?? each.protocol ?? PROTOCOL_ALL }, id);
    try {
      table.insert(rule);
    } catch (error) {
      if (error instanceof DuplicateRule) return;
      throw error;
    }
    protocols.set(rule.pref, rule.protocol);
    rules.push(rule);
  });
  const masks = new Map<string, number>();
  for (const { pref, mask } of rules) {
    const name = `${pref} ${mask}`;
    masks.set(name, masks.get(name) ?? masks.size);
  }
  const rank = ({ pref, mask }: TestRule): number => masks.get(`${pref} ${mask}`) ?? 0;
  return { table, inOrder: [...rules].sort((a, b) => a.pref - b.pref || rank(a) - rank(b) || a.id - b.id) };
}

function coveredOf(inOrder: readonly TestRule[]): Map<number, TestRule> {
  const coverage = new Coverage();
  const covered = new Map<number, TestRule>();
  for (const rule of inOrder) {
    const by = coverage.next(rule);
    if (by) covered.set(rule.id, by as TestRule);
  }
  return covered;
}

const anyMask = fc.constantFrom(0, 0, 1, 2, 3);
const anyPortMask = fc.constantFrom(0, 0, 0, 0xffff, 0xfffc, 0xfff8, 0xfffe, 0xfff5);
/** A port under a mask, a range of ports, or nothing. */
const anyPort = (port: number, range: number): fc.Arbitrary<Words['match']> =>
  fc.oneof(
    fc
      .tuple(fc.nat(15), anyPortMask)
      .map(([value, bits]): Words['match'] => (bits === 0 ? {} : { [port]: [value, bits] })),
    fc
      .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 7 }))
      .map(([first, more]): Words['match'] => ({ [range]: [(first << 16) | Math.min(15, first + more), -1] })),
  );
const anyRule: fc.Arbitrary<Words> = fc
  .tuple(
    fc.tuple(fc.nat(3), anyMask).map(([value, bits]) => (bits === 0 ? {} : { [ADDRESS]: [value, bits] })),
    anyPort(PORT, RANGE),
    fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: anyPort(SOURCE, SOURCE_RANGE) }),
    fc.integer({ min: 1, max: 4 }),
    fc.nat(4),
    fc.nat(3),
  )
  .map(([address, port, source, pref, odds, protocols]) => ({
    pref,
    protocol: protocols === 0 ? 0x0800 : PROTOCOL_ALL,
    mayContinue: odds === 0,
    match: { ...address, ...port, ...source } as Words['match'],
  }));

test('what is said to be covered never matches, whatever comes: tried against the linear classifier', (t) => {
  let told = 0;
  let packets = 0;
  fc.assert(
    fc.property(fc.array(anyRule, { minLength: 2, maxLength: 14 }), (words) => {
      const { table, inOrder } = tabled(words);
      const covered = coveredOf(inOrder);
      told += covered.size;
      const lookup = createLookup(table.publish());
      const rules = new Map(inOrder.map((rule) => [rule.id, rule]));
      const key = new Int32Array(KEY_WORDS);
      for (let n = 0; n < PACKETS; n++) {
        const protocol = packet(n, key);
        packets++;
        let position = 0;
        for (;;) {
          const rule = lookup.find(key, 0, 0, protocol, position);
          if (rule < 0) break;
          if (covered.has(rule)) t.fail(`rule ${rule} matched, and was said to be covered`);
          if (!rules.get(rule)?.mayContinue) break;
          position = lookup.nextPosition;
        }
      }
    }),
    { numRuns: 400, seed: 8 },
  );
  t.true(packets > 500_000);
  t.true(told > 200);
});

/** The packets of a small world: 4 addresses, 16 ports each way, 2 protocols. Its masks and ranges end within it. */
const PACKETS = 4 * 16 * 16 * 2;

/** Writes the key of packet `n`; its protocol. */
function packet(n: number, key: Int32Array): number {
  key[ADDRESS] = n & 3;
  key[PORT] = (n >> 2) & 15;
  key[SOURCE] = (n >> 6) & 15;
  return n >> 10 === 0 ? 0x0800 : 0x86dd;
}

/** Which of all packets a rule takes. */
function taken({ key, mask, protocol }: TestRule): Uint8Array {
  const takes = new Uint8Array(PACKETS);
  const frame = new Int32Array(KEY_WORDS);
  const isIn = (range: number, word: number): boolean => {
    if (mask[range] === 0) return true;
    const [first, last] = [(key[range] ?? 0) >>> 16, (key[range] ?? 0) & 0xffff];
    return (frame[word] ?? 0) >= first && (frame[word] ?? 0) <= last;
  };
  for (let n = 0; n < PACKETS; n++) {
    const its = packet(n, frame);
    const isWanted = [ADDRESS, PORT, SOURCE].every(
      (word) => (((frame[word] ?? 0) ^ (key[word] ?? 0)) & (mask[word] ?? 0)) === 0,
    );
    const isProtocol = protocol === PROTOCOL_ALL || protocol === its;
    takes[n] = Number(isProtocol && isWanted && isIn(RANGE, PORT) && isIn(SOURCE_RANGE, SOURCE));
  }
  return takes;
}

test('exactly those are told that one rule before covers: every packet of a small world is tried', (t) => {
  let told = 0;
  let around = 0;
  fc.assert(
    fc.property(fc.array(anyRule, { minLength: 2, maxLength: 12 }), (words) => {
      const { inOrder } = tabled(words);
      const takes = inOrder.map(taken);
      const covered = coveredOf(inOrder);
      const meet = (a: number, b: number): boolean =>
        takes[a]?.some((one, n) => one === 1 && takes[b]?.[n] === 1) === true;
      const holds = (a: number, b: number): boolean =>
        takes[b]?.every((one, n) => one === 0 || takes[a]?.[n] === 1) === true;
      inOrder.forEach((rule, n) => {
        const isCovered = inOrder.slice(0, n).some((earlier, e) => {
          if (earlier.mayContinue || !holds(e, n)) return false;
          const hasRange = earlier.mask[RANGE] !== 0 || earlier.mask[SOURCE_RANGE] !== 0;
          if (earlier.pref === rule.pref) return !hasRange || `${earlier.mask}` !== `${rule.mask}`;
          // What leads behind its pref leads around it.
          const isPassed = inOrder
            .slice(0, e)
            .some((one, c) => one.pref === earlier.pref && one.mayContinue && !covered.has(one.id) && meet(c, n));
          if (isPassed) around++;
          return !isPassed;
        });
        if (isCovered) told++;
        if (covered.has(rule.id) !== isCovered)
          t.is(covered.has(rule.id), isCovered, `rule ${rule.id} of ${JSON.stringify(words)}`);
      });
    }),
    { numRuns: 1500, seed: 8 },
  );
  t.true(told > 1000 && around > 50, `${told} told, ${around} led around`);
});

const port = (value: number, bits = 0xffff): Words['match'] => ({ [PORT]: [value, bits] });
const range = (first: number, last: number): Words['match'] => ({ [RANGE]: [(first << 16) | last, -1] });

for (const [title, rules, isCovered] of [
  [
    'a port within a range',
    [
      { pref: 1, match: range(10, 20) },
      { pref: 2, match: port(20) },
    ],
    true,
  ],
  [
    'a port behind it',
    [
      { pref: 1, match: range(10, 20) },
      { pref: 2, match: port(21) },
    ],
    false,
  ],
  [
    'a range within a range',
    [
      { pref: 1, match: range(10, 20) },
      { pref: 2, match: range(11, 20) },
    ],
    true,
  ],
  [
    'a range that is longer',
    [
      { pref: 1, match: range(10, 20) },
      { pref: 2, match: range(10, 21) },
    ],
    false,
  ],
  [
    'ports under a mask within a range',
    [
      { pref: 1, match: range(8, 15) },
      { pref: 2, match: port(8, 0xfff8) },
    ],
    true,
  ],
  [
    'a range within ports under a mask',
    [
      { pref: 1, match: port(64, 0xffc0) },
      { pref: 2, match: range(70, 127) },
    ],
    true,
  ],
  [
    'a range that begins before them',
    [
      { pref: 1, match: port(64, 0xffc0) },
      { pref: 2, match: range(63, 127) },
    ],
    false,
  ],
  [
    'one port of them without',
    [
      { pref: 1, match: range(9, 15) },
      { pref: 2, match: port(8, 0xfff8) },
    ],
    false,
  ],
  [
    'the second of two ranges',
    [
      { pref: 1, match: range(1, 2) },
      { pref: 1, match: range(10, 20) },
      { pref: 2, match: range(12, 13) },
    ],
    true,
  ],
] as const) {
  test(`ranges of ports: ${title}`, (t) => {
    const { inOrder } = tabled(rules);
    t.is(coveredOf(inOrder).has(rules.length - 1), isCovered);
  });
}
