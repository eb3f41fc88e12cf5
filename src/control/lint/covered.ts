/**
 * Rules that can never match, because whatever they would take an earlier one takes.
 *
 * An earlier rule of the same chain covers a later one where it looks at no bit that the later does not look at, wants
 * the same of those that it looks at, and never answers `continue`. Then no frame gets behind it that the later one
 * wants, whatever else its actions do: where they change the frame and send it through the chain again, it meets the
 * earlier one first again. There is one way around it: a rule before it in its own pref that answers `continue` leads
 * behind that pref. So rules behind such a one cover only others of their pref.
 *
 * Rules are grouped by mask, as the classifier's tables are: for each rule and each mask that is part of its own it is a
 * look-up of its own key under that mask. With few masks that is linear in the rules.
 */
import { inRange } from '../../classifier/check-rule.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../../classifier/flow-key.js';

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

interface Group {
  readonly text: string;
  readonly mask: Int32Array;
  /** Words that the mask looks at, but for the ranges of ports. */
  readonly words: readonly number[];
  readonly hasRange: boolean;
  /** By protocol and masked key: rules that cover later ones wherever these stand, and those that do so in their pref. */
  readonly across: Map<string, CoverRule[]>;
  readonly within: Map<string, CoverRule[]>;
}

/** What is known of a mask as that of a later rule: the groups whose masks are part of it. */
interface Parts {
  readonly groups: Group[];
  /** How many of all groups have been looked at. */
  seen: number;
}

/** Rules with ranges of ports over one key that are compared with each other: the first so many. */
const RANGES = 256;

/** Of the rules of a chain, in the order in which they are tried: those that never match, and what covers each. */
export class Coverage {
  private readonly groups: Group[] = [];
  private readonly byText = new Map<string, Group>();
  private readonly parts = new Map<string, Parts>();
  private pref = -1;
  private hasContinued = false;

  /** The next rule; what covers it, or undefined. */
  next(rule: CoverRule): CoverRule | undefined {
    if (rule.pref !== this.pref) {
      this.pref = rule.pref;
      this.hasContinued = false;
      for (const group of this.groups) group.within.clear();
    }
    const text = rule.mask.join();
    const found = this.find(rule, text);
    if (rule.mayContinue) this.hasContinued = true;
    else if (!found) this.add(rule, text);
    return found;
  }

  private find(rule: CoverRule, text: string): CoverRule | undefined {
    for (const group of this.partsOf(rule, text)) {
      const key = keyOf(group, rule);
      for (const protocol of rule.protocol === PROTOCOL_ALL ? [PROTOCOL_ALL] : [PROTOCOL_ALL, rule.protocol]) {
        for (const rules of [group.across, group.within]) {
          const found = rules.get(`${protocol} ${key}`)?.find((one) => isCovered(one, rule, group, text));
          if (found) return found;
        }
      }
    }
    return undefined;
  }

  private add(rule: CoverRule, text: string): void {
    const group = this.groupOf(rule, text);
    const rules = this.hasContinued ? group.within : group.across;
    const key = `${rule.protocol} ${keyOf(group, rule)}`;
    const known = rules.get(key);
    if (!known) rules.set(key, [rule]);
    else if (group.hasRange && known.length < RANGES) known.push(rule);
  }

  private groupOf({ mask }: CoverRule, text: string): Group {
    const known = this.byText.get(text);
    if (known) return known;
    const words: number[] = [];
    for (let word = 0; word < KEY_WORDS; word++) if (mask[word] !== 0 && !isRange(word)) words.push(word);
    const hasRange = mask[KeyWord.DST_PORT_RANGE] !== 0 || mask[KeyWord.SRC_PORT_RANGE] !== 0;
    const group = { text, mask, words, hasRange, across: new Map(), within: new Map() };
    this.byText.set(text, group);
    this.groups.push(group);
    return group;
  }

  private partsOf({ mask }: CoverRule, text: string): readonly Group[] {
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

function keyOf({ words, mask }: Group, { key }: CoverRule): string {
  let text = '';
  for (const word of words) text += `${(key[word] ?? 0) & (mask[word] ?? 0)} `;
  return text;
}

/** Of rules whose masked keys are the same: whether the ranges of ports of the earlier one hold those of the later. */
function isCovered(earlier: CoverRule, later: CoverRule, group: Group, text: string): boolean {
  if (!group.hasRange) return true;
  // Ranges of one mask and pref are tried in the order of their first use, which is not known here.
  if (earlier.pref === later.pref && group.text === text) return false;
  return (
    holds(earlier, later, KeyWord.DST_PORT_RANGE, KeyWord.DST_PORT) &&
    holds(earlier, later, KeyWord.SRC_PORT_RANGE, KeyWord.SRC_PORT)
  );
}

function holds(earlier: CoverRule, later: CoverRule, rangeWord: number, portWord: number): boolean {
  if (earlier.mask[rangeWord] === 0) return true;
  const range = earlier.key[rangeWord] ?? 0;
  const inner = later.key[rangeWord] ?? 0;
  if (later.mask[rangeWord] !== 0) return inRange(range, inner >>> 16) && inRange(range, inner & 0xffff);
  const port = later.key[portWord] ?? 0;
  // All ports that a mask lets through are between these.
  return inRange(range, port) && inRange(range, port | (~(later.mask[portWord] ?? 0) & 0xffff));
}
