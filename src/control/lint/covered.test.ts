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

const shape = fc.constantFrom<readonly [number, number][]>(
  [],
  [[ADDRESS, 0xc]],
  [[ADDRESS, 0xf]],
  [[ADDRESS, 0xe]],
  [[PORT, 0xffff]],
  [[PORT, 0xfffc]],
  [
    [ADDRESS, 0xc],
    [PORT, 0xffff],
  ],
  [
    [ADDRESS, 0xf],
    [PORT, 0xffff],
  ],
);
const exact: fc.Arbitrary<Words> = fc
  .tuple(shape, fc.nat(15), fc.nat(7), fc.integer({ min: 1, max: 4 }), fc.nat(4), fc.nat(3))
  .map(([masks, address, port, pref, odds, protocols]) => ({
    pref,
    protocol: protocols === 0 ? 0x0800 : PROTOCOL_ALL,
    mayContinue: odds === 0,
    match: Object.fromEntries(masks.map(([word, bits]) => [word, [word === PORT ? port : address, bits]])),
  }));
const ranged: fc.Arbitrary<Words> = fc
  .tuple(exact, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }))
  .map(([rule, first, more]) => {
    const { [PORT]: _, ...match } = rule.match;
    return { ...rule, match: { ...match, [RANGE]: [(first << 16) | (first + more), -1] } };
  });

test('what is said to be covered never matches, whatever comes: tried against the linear classifier', (t) => {
  let told = 0;
  let packets = 0;
  fc.assert(
    fc.property(fc.array(fc.oneof(exact, exact, ranged), { minLength: 2, maxLength: 14 }), (words) => {
      const { table, inOrder } = tabled(words);
      const covered = coveredOf(inOrder);
      told += covered.size;
      const lookup = createLookup(table.publish());
      const rules = new Map(inOrder.map((rule) => [rule.id, rule]));
      for (let address = 0; address < 16; address++) {
        for (let port = 0; port < 12; port++) {
          const key = new Int32Array(KEY_WORDS);
          key[ADDRESS] = address;
          key[PORT] = port;
          packets++;
          for (const protocol of [0x0800, 0x86dd]) {
            let position = 0;
            for (;;) {
              const rule = lookup.find(key, 0, 0, protocol, position);
              if (rule < 0) break;
              t.false(covered.has(rule), `rule ${rule} matched, and was said to be covered`);
              if (!rules.get(rule)?.mayContinue) break;
              position = lookup.nextPosition;
            }
          }
        }
      }
    }),
    { numRuns: 400, seed: 8 },
  );
  t.true(packets > 50_000);
  t.true(told > 200);
});

/** All the packets of the small domain that a rule takes. */
function taken({ key, mask, protocol }: TestRule): Set<number> {
  const packets = new Set<number>();
  for (let address = 0; address < 16; address++) {
    for (let port = 0; port < 16; port++) {
      for (const [n, frame] of [0x0800, 0x86dd].entries()) {
        if (protocol !== PROTOCOL_ALL && protocol !== frame) continue;
        if (((address ^ (key[ADDRESS] ?? 0)) & (mask[ADDRESS] ?? 0)) !== 0) continue;
        if (((port ^ (key[PORT] ?? 0)) & (mask[PORT] ?? 0)) !== 0) continue;
        packets.add((address << 8) | (port << 1) | n);
      }
    }
  }
  return packets;
}

test('no rule of exact values and prefixes that one before it covers goes untold: an oracle by brute force', (t) => {
  let told = 0;
  fc.assert(
    fc.property(fc.array(exact, { minLength: 2, maxLength: 12 }), (words) => {
      const { inOrder } = tabled(words);
      const covered = coveredOf(inOrder);
      inOrder.forEach((rule, n) => {
        const wanted = taken(rule);
        const isCovered = inOrder.slice(0, n).some((earlier, e) => {
          if (earlier.mayContinue) return false;
          // What leads behind its pref leads around it.
          const isPassed = inOrder.slice(0, e).some(({ pref, mayContinue }) => pref === earlier.pref && mayContinue);
          if (isPassed && rule.pref !== earlier.pref) return false;
          const takes = taken(earlier);
          return [...wanted].every((packet) => takes.has(packet));
        });
        if (isCovered) told++;
        t.is(covered.has(rule.id), isCovered, `rule ${rule.id} of ${JSON.stringify(words)}`);
      });
    }),
    { numRuns: 1500, seed: 8 },
  );
  t.true(told > 1000);
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
