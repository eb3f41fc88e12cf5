/**
 * The linear classifier: every rule, in order of evaluation, looked at one after the other. Slow and obvious on
 * purpose: it is the oracle of the fast ones.
 */
import { checkRule, idTaken, idUnknown, placeMismatch, protocolMismatch } from '../check-rule.js';
import { type ClassifierSnapshot, type ClassifierTable, DuplicateRule, type Rule } from '../classifier.js';

export const LINEAR = 'linear';

/** Every rule (keys masked) in order of evaluation: by chain, pref, creation of the mask. */
export interface LinearSnapshot extends ClassifierSnapshot {
  readonly kind: typeof LINEAR;
  readonly rules: readonly Rule[];
}

/** The rules of one pref that share a mask. */
interface MaskGroup {
  readonly mask: Int32Array;
  rules: Rule[];
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
    return this.prefs.flatMap((group) => group.masks.flatMap((mask) => mask.rules));
  }

  /** `old`: the rule that it takes the place of, and whose key it may have. */
  private add(rule: Rule, old?: Rule): void {
    const copy: Rule = { ...rule, key: rule.key.map((word, i) => word & rule.mask[i]), mask: rule.mask.slice() };
    let group = this.prefs.find((other) => other.chain === rule.chain && other.pref === rule.pref);
    if (group !== undefined && group.protocol !== rule.protocol) throw protocolMismatch(rule, group.protocol);
    let mask = group?.masks.find((other) => same(other.mask, rule.mask));
    const duplicate = mask?.rules.find((other) => same(other.key, copy.key) && other !== old);
    if (duplicate !== undefined) throw new DuplicateRule(duplicate.id);

    if (group === undefined) {
      group = { chain: rule.chain, pref: rule.pref, protocol: rule.protocol, masks: [] };
      this.prefs.push(group);
      this.prefs.sort((a, b) => a.chain - b.chain || a.pref - b.pref);
    }
    if (mask === undefined) {
      mask = { mask: copy.mask, rules: [] };
      group.masks.push(mask);
    }
    mask.rules.push(copy);
  }

  /** Removes this very rule object, then what it leaves empty. */
  private drop(rule: Rule): void {
    for (const group of this.prefs) {
      for (const mask of group.masks) mask.rules = mask.rules.filter((other) => other !== rule);
      group.masks = group.masks.filter((mask) => mask.rules.length > 0);
    }
    this.prefs = this.prefs.filter((group) => group.masks.length > 0);
  }
}

function same(a: Int32Array, b: Int32Array): boolean {
  return a.every((word, i) => word === b[i]);
}
