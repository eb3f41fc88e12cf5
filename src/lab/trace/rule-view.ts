/**
 * The rules of a hook in the order in which they are tried, beside the table that the datapath runs: slow and obvious,
 * to explain by, and to check the answers of the other by. As the linear classifier, but quick to edit: a file may
 * have a million rules.
 */
import { inRange } from '../../classifier/check-rule.js';
import type { ClassifierSnapshot, ClassifierTable, Rule } from '../../classifier/classifier.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../../classifier/flow-key.js';

/** Rules of one mask: by their ranges of ports, in the order in which each was first used. */
type MaskRules = Map<string, Map<number, Rule>>;

interface Pref {
  readonly protocol: number;
  /** By mask, in order of creation. */
  readonly masks: Map<string, MaskRules>;
}

/** Snapshots, and the views of the tables that they were taken of. */
const views = new WeakMap<ClassifierSnapshot, RuleView>();

/** The view of the rules that a snapshot was taken of, which has to be the last one. */
export function viewOf(snapshot: ClassifierSnapshot | undefined): RuleView | undefined {
  return snapshot && views.get(snapshot);
}

export class RuleView implements ClassifierTable {
  private readonly inner: ClassifierTable;
  /** By chain, then by pref. */
  private readonly chains = new Map<number, Map<number, Pref>>();
  private readonly byId = new Map<number, Rule>();
  /** Masks by name: there are few, which many rules share. */
  private readonly masks = new Map<string, Int32Array>();

  /** `inner`: the table that the datapath runs. */
  constructor(inner: ClassifierTable) {
    this.inner = inner;
  }

  get size(): number {
    return this.inner.size;
  }

  insert(rule: Rule): void {
    this.inner.insert(rule);
    this.add(rule);
  }

  remove(id: number): boolean {
    const rule = this.byId.get(id);
    if (!this.inner.remove(id) || !rule) return false;
    this.drop(rule);
    return true;
  }

  replace(id: number, rule: Rule): void {
    const old = this.byId.get(id);
    this.inner.replace(id, rule);
    // First in, then out: a mask that both have keeps its place.
    this.add(rule, old);
    if (old) this.drop(old, rule);
  }

  publish(): ClassifierSnapshot {
    const snapshot = this.inner.publish();
    views.set(snapshot, this);
    return snapshot;
  }

  /** The prefs of a chain from `position` on, ascending, with the rules of each as they are tried. */
  *prefs(chain: number, position: number): Generator<{ pref: number; protocol: number; masks: Rule[][] }> {
    const prefs = this.chains.get(chain);
    const numbers = [...(prefs?.keys() ?? [])].filter((pref) => pref >= position).sort((a, b) => a - b);
    for (const pref of numbers) {
      const { protocol, masks } = prefs?.get(pref) ?? { protocol: 0, masks: new Map<string, MaskRules>() };
      yield {
        pref,
        protocol,
        masks: [...masks.values()].map((ranges) => [...ranges.values()].flatMap((rules) => [...rules.values()])),
      };
    }
  }

  private add(given: Rule, before?: Rule): void {
    const mask = getOrMake(this.masks, given.mask.join(), () => given.mask.slice());
    const rule: Rule = { ...given, key: given.key.map((word, n) => word & (mask[n] ?? 0)), mask };
    const prefs = getOrMake(this.chains, rule.chain, () => new Map<number, Pref>());
    const pref = getOrMake(prefs, rule.pref, () => ({ protocol: rule.protocol, masks: new Map<string, MaskRules>() }));
    const ranges = getOrMake(pref.masks, maskName(rule), () => new Map<string, Map<number, Rule>>());
    const rules = getOrMake(ranges, rangeName(rule), () => new Map<number, Rule>());
    // A rule that takes the place of one of its own number stands behind all others of its range.
    if (before?.id === rule.id && rules.get(rule.id) === before) rules.delete(rule.id);
    rules.set(rule.id, rule);
    this.byId.set(rule.id, rule);
  }

  /** `by`: what has taken its place, which stays. */
  private drop(rule: Rule, by?: Rule): void {
    const prefs = this.chains.get(rule.chain);
    const pref = prefs?.get(rule.pref);
    const ranges = pref?.masks.get(maskName(rule));
    const rules = ranges?.get(rangeName(rule));
    if (!prefs || !pref || !ranges || !rules) return;
    if (rules.get(rule.id) === rule) rules.delete(rule.id);
    if (by?.id !== rule.id) this.byId.delete(rule.id);
    if (rules.size === 0) ranges.delete(rangeName(rule));
    if (ranges.size === 0) pref.masks.delete(maskName(rule));
    if (pref.masks.size === 0) prefs.delete(rule.pref);
    if (prefs.size === 0) this.chains.delete(rule.chain);
  }
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function maskName({ mask }: Rule): string {
  return mask.join();
}

function rangeName({ key }: Rule): string {
  return `${key[KeyWord.DST_PORT_RANGE]} ${key[KeyWord.SRC_PORT_RANGE]}`;
}

/** Whether a frame of this EtherType is looked at by filters of `protocol` at all. */
export function takesProtocol(protocol: number, frame: number): boolean {
  return protocol === frame || protocol === PROTOCOL_ALL;
}

/** The words of a flow key in which it is not what a rule wants. */
export function differingWords({ key: wanted, mask }: Rule, key: Int32Array): number[] {
  const words: number[] = [];
  for (let word = 0; word < KEY_WORDS; word++) {
    const bits = mask[word] ?? 0;
    if (bits === 0) continue;
    const want = wanted[word] ?? 0;
    if (word === KeyWord.DST_PORT_RANGE || word === KeyWord.SRC_PORT_RANGE) {
      const port = key[word === KeyWord.DST_PORT_RANGE ? KeyWord.DST_PORT : KeyWord.SRC_PORT] ?? 0;
      if (!inRange(want, port)) words.push(word);
    } else if (((key[word] ?? 0) & bits) !== want) words.push(word);
  }
  return words;
}
