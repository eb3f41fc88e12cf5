/**
 * The linear classifier: every rule, in order of evaluation, looked at one after the other. Slow and obvious on
 * purpose: it is the oracle of the fast ones.
 */
import { checkRule, idTaken, idUnknown, placeMismatch, protocolMismatch } from '../check-rule.js';
import { type ClassifierSnapshot, type ClassifierTable, DuplicateRule, type Rule } from '../classifier.js';
import { KeyWord } from '../flow-key.js';

export const LINEAR = 'linear';

/** Every rule (keys masked) in order of evaluation: by chain, pref, creation of the mask, of the range. */
export interface LinearSnapshot extends ClassifierSnapshot {
  readonly kind: typeof LINEAR;
  readonly rules: readonly Rule[];
}

/** The rules of one mask that have the same ranges of ports, or none. */
interface RangeGroup {
  readonly dst: number;
  readonly src: number;
  rules: Rule[];
}

/** The rules of one pref that share a mask. */
interface MaskGroup {
  readonly mask: Int32Array;
  /** In order of creation. */
  ranges: RangeGroup[];
}

/** One pref of one chain. */
interface PrefGroup {
  readonly chain: number;
  readonly pref: number;
  readonly protocol: number;
  /** In order of creation. */
  masks: MaskGroup[];
}

export class LinearTable implements ClassifierTable {
  private prefs: PrefGroup[] = [];

  get size(): number {
    return this.rules().length;
  }

  insert(rule: Rule): void {
    checkRule(rule);
    if (this.rules().some((other) => other.id === rule.id)) throw idTaken(rule.id);
    this.add(rule);
  }

  remove(id: number): boolean {
    const rule = this.rules().find((other) => other.id === id);
    if (rule === undefined) return false;
    this.drop(rule);
    return true;
  }

  replace(id: number, rule: Rule): void {
    checkRule(rule);
    const old = this.rules().find((other) => other.id === id);
    if (old === undefined) throw idUnknown(id);
    if (this.rules().some((other) => other.id === rule.id && other !== old)) throw idTaken(rule.id);
    if (old.chain !== rule.chain || old.pref !== rule.pref) throw placeMismatch(id);
    this.add(rule, old);
    this.drop(old);
  }

  publish(): LinearSnapshot {
    return { kind: LINEAR, rules: this.rules() };
  }

  private rules(): Rule[] {
    return this.prefs.flatMap((group) => group.masks.flatMap(rulesOf));
  }

  /** `old`: the rule that it takes the place of, and whose key it may have. */
  private add(rule: Rule, old?: Rule): void {
    const copy: Rule = { ...rule, key: rule.key.map((word, i) => word & rule.mask[i]), mask: rule.mask.slice() };
    let group = this.prefs.find((other) => other.chain === rule.chain && other.pref === rule.pref);
    if (group !== undefined && group.protocol !== rule.protocol) throw protocolMismatch(rule, group.protocol);
    let mask = group?.masks.find((other) => same(other.mask, rule.mask));
    const duplicate = mask && rulesOf(mask).find((other) => same(other.key, copy.key) && other !== old);
    if (duplicate !== undefined) throw new DuplicateRule(duplicate.id);

    if (group === undefined) {
      group = { chain: rule.chain, pref: rule.pref, protocol: rule.protocol, masks: [] };
      this.prefs.push(group);
      this.prefs.sort((a, b) => a.chain - b.chain || a.pref - b.pref);
    }
    if (mask === undefined) {
      mask = { mask: copy.mask, ranges: [] };
      group.masks.push(mask);
    }
    const dst = copy.key[KeyWord.DST_PORT_RANGE];
    const src = copy.key[KeyWord.SRC_PORT_RANGE];
    let range = mask.ranges.find((other) => other.dst === dst && other.src === src);
    if (range === undefined) {
      range = { dst, src, rules: [] };
      mask.ranges.push(range);
    }
    range.rules.push(copy);
  }

  /** Removes this very rule object, then what it leaves empty. */
  private drop(rule: Rule): void {
    for (const group of this.prefs) {
      for (const mask of group.masks) {
        for (const range of mask.ranges) range.rules = range.rules.filter((other) => other !== rule);
        mask.ranges = mask.ranges.filter((range) => range.rules.length > 0);
      }
      group.masks = group.masks.filter((mask) => mask.ranges.length > 0);
    }
    this.prefs = this.prefs.filter((group) => group.masks.length > 0);
  }
}

function rulesOf(mask: MaskGroup): Rule[] {
  return mask.ranges.flatMap((range) => range.rules);
}

function same(a: Int32Array, b: Int32Array): boolean {
  return a.every((word, i) => word === b[i]);
}
