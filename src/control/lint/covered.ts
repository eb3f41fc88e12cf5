/**
 * Rules that can never match, because whatever they would take one earlier rule takes.
 *
 * An earlier rule of the same chain covers a later one where every frame that the later one wants it wants too, and it
 * never answers `continue`. Then no frame gets behind it that the later one wants, whatever else its actions do: where
 * they change the frame and send it through the chain again, it meets the earlier one first again. There is one way
 * around it: a rule before it in its own pref that answers `continue` leads behind that pref. So it covers rules of
 * later prefs only where no such rule takes any frame that they want.
 *
 * What a rule wants is bits under a mask, and ports in ranges. So the one wants all that the other wants where it looks
 * at no bit that the other does not look at, wants the same of those, and its ranges hold the other's ports. (A range
 * says something of bits too: those above the highest in which its ends differ.) Rules are grouped by mask, as the
 * classifier's tables are: for each rule and each mask that is part of its own it is a look-up of its own key under that
 * mask. With few masks that is linear in the rules.
 *
 * Two rules of one mask and pref whose ranges differ are not compared: which of them is tried first is not known here.
 */
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../../classifier/flow-key.js';
import {
  commonBits,
  firstOf,
  lastOf,
  type PortWish,
  portsMeet,
  RANGE_WORDS,
  Ranges,
  rangeHolds,
} from './port-ranges.js';

/** A rule as far as it matters here. */
export interface CoverRule {
  readonly pref: number;
  readonly protocol: number;
  /** KEY_WORDS words each; the bits of the key are within those of the mask. */
  readonly key: Int32Array;
  readonly mask: Int32Array;
  /** Whether its actions may answer `continue`. */
  readonly mayContinue: boolean;
}

/** A rule that covers others, and the rules of its pref that lead around it: the first `count` of `passers`. */
interface Entry {
  readonly rule: CoverRule;
  readonly passers: readonly CoverRule[];
  readonly count: number;
}

/** The rules of a group that say the same of everything but ranges. */
interface Alike {
  /** With one range or none, which nothing leads around: of earlier prefs, and of the present one. */
  readonly before: Ranges<Entry>;
  readonly now: Ranges<Entry>;
  /** Whether a rule without ranges is here, which nothing leads around: it takes all. */
  whole: Entry | undefined;
  /** The others, one by one. */
  readonly others: Entry[];
}

interface Group {
  readonly text: string;
  readonly mask: Int32Array;
  /** Words that the mask looks at, but for the ranges of ports. */
  readonly words: readonly number[];
  /** Index into RANGE_WORDS of the ranges that it has. */
  readonly ranges: readonly number[];
  /** By protocol and masked key. */
  readonly alike: Map<string, Alike>;
  /** Those of the present pref that have ranges in `now`. */
  readonly fresh: Set<Alike>;
}

/** What is known of a mask as that of a later rule: the groups whose masks are part of it. */
interface Parts {
  readonly groups: Group[];
  /** How many of all groups have been looked at. */
  seen: number;
}

/** Rules that are compared one by one: the first so many of each key, and so many that lead around. */
const OTHERS = 256;
const PASSERS = 256;

/** Of the rules of a chain, in the order in which they are tried: those that never match, and what covers each. */
export class Coverage {
  private readonly groups: Group[] = [];
  private readonly byText = new Map<string, Group>();
  private readonly parts = new Map<string, Parts>();
  /** Groups with ranges of the present pref. */
  private readonly fresh = new Set<Group>();
  private pref = -1;
  /** Rules of the present pref that may lead behind it. */
  private passers: CoverRule[] = [];
  /** The key and mask of the rule that is looked for, with the bits that its ranges say. */
  private readonly key = new Int32Array(KEY_WORDS);
  private readonly mask = new Int32Array(KEY_WORDS);

  /** The next rule; what covers it, or undefined. */
  next(rule: CoverRule): CoverRule | undefined {
    if (rule.pref !== this.pref) this.begin(rule.pref);
    const text = rule.mask.join();
    const found = this.find(rule, text);
    // What never matches leads nobody anywhere, and covers nothing that is not covered.
    if (found) return found;
    if (rule.mayContinue) this.passers.push(rule);
    else this.add(rule, text);
    return undefined;
  }

  private begin(pref: number): void {
    this.pref = pref;
    this.passers = [];
    for (const { fresh } of this.fresh) {
      for (const { before, now } of fresh) before.take(now);
      fresh.clear();
    }
    this.fresh.clear();
  }

  private find(rule: CoverRule, text: string): CoverRule | undefined {
    const { key, mask } = this;
    key.set(rule.key);
    mask.set(rule.mask);
    for (const [range, port] of RANGE_WORDS) {
      if (rule.mask[range] === 0) continue;
      const bits = commonBits(rule.key[range] ?? 0);
      mask[port] = (mask[port] ?? 0) | bits;
      key[port] = (key[port] ?? 0) | (firstOf(rule.key[range] ?? 0) & bits);
    }
    for (const group of this.partsOf(mask)) {
      const masked = keyOf(group, key);
      for (const protocol of rule.protocol === PROTOCOL_ALL ? [PROTOCOL_ALL] : [PROTOCOL_ALL, rule.protocol]) {
        const alike = group.alike.get(`${protocol} ${masked}`);
        const found = alike && this.among(alike, group, rule, text);
        if (found) return found.rule;
      }
    }
    return undefined;
  }

  private among(alike: Alike, group: Group, rule: CoverRule, text: string): Entry | undefined {
    if (alike.whole) return alike.whole;
    const isOwn = group.text === text;
    const [range] = group.ranges;
    if (group.ranges.length === 1 && range !== undefined) {
      const { range: own, port, mask } = wishOf(rule, range);
      const first = own !== 0 ? firstOf(own) : port & mask;
      const last = own !== 0 ? lastOf(own) : (port & mask) | (0xffff & ~mask);
      const found = alike.before.holding(first, last) ?? (isOwn ? undefined : alike.now.holding(first, last));
      if (found) return found;
    }
    return alike.others.find((entry) => {
      const isPref = entry.rule.pref === rule.pref;
      if (isPref && isOwn && group.ranges.length > 0) return false;
      if (!group.ranges.every((each) => rangeHolds(wishOf(entry.rule, each), wishOf(rule, each)))) return false;
      return isPref || !leadsAround(entry, rule);
    });
  }

  private add(rule: CoverRule, text: string): void {
    const group = this.groupOf(rule, text);
    const name = `${rule.protocol} ${keyOf(group, rule.key)}`;
    const alike = group.alike.get(name) ?? { before: new Ranges(), now: new Ranges(), whole: undefined, others: [] };
    group.alike.set(name, alike);
    const entry = { rule, passers: this.passers, count: this.passers.length };
    const [range] = group.ranges;
    if (entry.count > 0 || group.ranges.length > 1) {
      if (alike.others.length < OTHERS) alike.others.push(entry);
    } else if (range === undefined) {
      alike.whole = entry;
    } else {
      const { range: own } = wishOf(rule, range);
      alike.now.add(firstOf(own), lastOf(own), entry);
      group.fresh.add(alike);
      this.fresh.add(group);
    }
  }

  private groupOf({ mask }: CoverRule, text: string): Group {
    const known = this.byText.get(text);
    if (known) return known;
    const words: number[] = [];
    for (let word = 0; word < KEY_WORDS; word++) if (mask[word] !== 0 && !isRange(word)) words.push(word);
    const ranges = [...RANGE_WORDS.keys()].filter((n) => mask[RANGE_WORDS[n]?.[0] ?? 0] !== 0);
    const group = { text, mask, words, ranges, alike: new Map(), fresh: new Set<Alike>() };
    this.byText.set(text, group);
    this.groups.push(group);
    return group;
  }

  private partsOf(mask: Int32Array): readonly Group[] {
    const text = mask.join();
    const known = this.parts.get(text) ?? { groups: [], seen: 0 };
    this.parts.set(text, known);
    for (; known.seen < this.groups.length; known.seen++) {
      const group = this.groups[known.seen];
      if (group?.words.every((word) => ((group.mask[word] ?? 0) & ~(mask[word] ?? 0)) === 0)) known.groups.push(group);
    }
    return known.groups;
  }
}

function isRange(word: number): boolean {
  return word === KeyWord.DST_PORT_RANGE || word === KeyWord.SRC_PORT_RANGE;
}

function keyOf({ words, mask }: Group, key: Int32Array): string {
  let text = '';
  for (const word of words) text += `${(key[word] ?? 0) & (mask[word] ?? 0)} `;
  return text;
}

/** What a rule asks of one of the two ports. */
function wishOf({ key, mask }: CoverRule, which: number): PortWish {
  const [range = 0, port = 0] = RANGE_WORDS[which] ?? [];
  return { range: mask[range] === 0 ? 0 : (key[range] ?? 0), port: key[port] ?? 0, mask: mask[port] ?? 0 };
}

/** Whether a rule before the one of `entry` leads a frame behind its pref that `later` wants. */
function leadsAround({ passers, count }: Entry, later: CoverRule): boolean {
  if (count > PASSERS) return true;
  for (let n = 0; n < count; n++) {
    const passer = passers[n];
    if (passer && doMeet(passer, later)) return true;
  }
  return false;
}

/** Whether there is a frame that both want. */
function doMeet(a: CoverRule, b: CoverRule): boolean {
  if (a.protocol !== PROTOCOL_ALL && b.protocol !== PROTOCOL_ALL && a.protocol !== b.protocol) return false;
  for (let word = 0; word < KEY_WORDS; word++) {
    if (isRange(word)) continue;
    if ((((a.key[word] ?? 0) ^ (b.key[word] ?? 0)) & (a.mask[word] ?? 0) & (b.mask[word] ?? 0)) !== 0) return false;
  }
  return RANGE_WORDS.every((_, which) => portsMeet(wishOf(a, which), wishOf(b, which)));
}
