/**
 * Tuple-space search: the rules of a chain are sorted into tuples by their mask, and within a tuple one probe of a
 * hash table answers for all of its rules. A look-up costs one probe a mask, be there ten rules or a million
 * (V. Srinivasan, S. Suri, G. Varghese: Packet Classification using Tuple Space Search, SIGCOMM 1999).
 *
 * **Order.** flower's order is by pref, then by the age of the mask within the pref. Doing it to the letter would mean
 * one set of tables a pref, and tc gives every filter a pref of its own unless told otherwise. So a tuple spans the
 * prefs of its chain: a key leads to the list of its rules by pref, and every rule carries its place (pref, number of
 * the mask's creation). The tuples of a chain are sorted by the place of their first rule; a look-up keeps the best
 * hit and stops at the first tuple whose rules all stand behind it. No tuple is probed that the walk by prefs would
 * not have probed, and none twice. Protocol is part of what makes a tuple, so a frame passes over foreign ones with
 * one comparison. A position is a pref: behind a hit in pref 7 comes position 8, whatever the snapshot.
 *
 * **Ranges** of ports are no masks. Rules that have the same ranges under the same mask make a tuple of their own, which
 * is probed where the frame's ports are within, after two comparisons. So a frame passes over the ranges that it is not
 * in at the cost of a mask of another protocol, whatever their number of rules; and they are tried as the kernel does,
 * who looks through the rules of a mask with ranges one by one.
 *
 * **Filters.** Most probes of a look-up find nothing. Behind the slots of each tuple stands a filter of four bits a slot,
 * small enough for caches where the slots are not: with hundreds of masks it halves a look-up, and more with many rules.
 *
 * **Presence.** With more than a few tuples a look-up that the first of them did not answer asks which values of the
 * frame any rule of the chain asks for, once for every word and mask in use, and passes over the tuples that look at
 * another (presence.ts). Of the 311 tuples of an access list of 10,000 rules that leaves a dozen or so to be probed.
 *
 * **Snapshots.** Everything a worker reads stands in one shared array of words, and nothing there is ever changed but
 * for the heads of slots and the bits of filters, which are only set. A key's rules, and a chain's list of tuples, are versions: an edit appends a new one that
 * says in which generation it was born and which version it supersedes, and swings the head of the slot to it.
 * A snapshot is the array, the place of the chain table, and a generation; a reader steps back over versions younger
 * than its own. So an edit costs a few dozen words, and publishing nothing at all for a rule of a known mask and pref.
 * The tuples of a chain stand in runs of up to 32; where the first rule of a tuple is another, the runs that it leaves
 * and enters are written anew, and the list of runs (tuple-runs.ts). Posting costs one SharedArrayBuffer, and opening
 * one view. An older snapshot stays true for as long as anybody holds it, and writers never wait for readers.
 * The reader of the newest snapshot finds its version at the head.
 *
 *     snapshot ── chain table ── list of runs ── tuples ── slots ── version of a key ── rules by pref
 *                 (by number)    (version)       (a run)   (by hash)  │
 *                                                                     └─ older version, and so on
 *
 * That this is sound between threads: a version is complete before the atomic store that shows it, readers reach it
 * through the very word that was stored, and a reader of an older generation that comes upon it passes on to the
 * version before. A slot that was free for a generation leads to nothing that the generation can see.
 *
 * **Room.** Superseded versions stay where they are. When the words run out (they are three times what lived when
 * they were made), or most of what was used is dead, the newest state is copied into fresh words and the rest is left
 * to the garbage collector, which frees it when the last snapshot goes. That, and the doubling of a tuple's slots, are
 * the only steps that take time in proportion to the rules; both happen on the control thread, and rarely enough
 * that an edit costs a constant on average.
 *
 * **Cost.** A rule with eight words of key takes 15 words, 2 to 4 slots of 2 words, and 2 words of index: 84 to 100
 * bytes; a million of them in ten masks loaded in 1.5 s into a process of 256 MiB. A probe of six words took about
 * 45 ns with its look-up around it, and 20 to 35 ns for each further tuple. A key that n prefs share is rewritten by
 * each edit of it, so loading n such rules takes n² steps (5,000: 0.5 s); n is bounded by the 65,535 prefs of a chain.
 */
import { checkRule, idTaken, idUnknown, placeMismatch, protocolMismatch } from '../check-rule.js';
import { type ClassifierTable, DuplicateRule, type Rule } from '../classifier.js';
import { KEY_WORDS } from '../flow-key.js';
import { Chain } from './chain.js';
import { ChainSlots } from './chain-slots.js';
import { keyVersionWords, RuleItem, Slot, TUPLE_SPACE, type TupleSpaceSnapshot, Version } from './layout.js';
import { FEW_TUPLES, Presence } from './presence.js';
import { RuleIndex } from './rule-index.js';
import { SharedWords } from './shared-words.js';
import { Tuple } from './tuple.js';

const FIRST_WORDS = 4096;
const LAST_NUMBER = 0x7fffffff;
const NO_RULE = -1;

/** Below this many used words nothing is compacted for being dead. */
const COMPACT_FROM = 65536;

interface Options {
  /** Where generations and creations of masks stop counting and begin anew; smaller in tests. */
  readonly lastNumber: number;
}

export class TupleSpaceTable implements ClassifierTable {
  private shared = new SharedWords(FIRST_WORDS);
  private readonly chains = new Map<number, Chain>();
  private readonly chainSlots = new ChainSlots();
  private readonly index = new RuleIndex();
  private readonly presence = new Presence();
  /** By number. */
  private readonly tuples = new Map<number, Tuple>();
  private readonly freeNumbers: number[] = [];
  /** Chains whose list of tuples is not as published. */
  private readonly moved = new Set<Chain>();
  /** What is being edited becomes this generation. */
  private generation = 1;
  private sequence = 0;
  private published: TupleSpaceSnapshot | undefined;
  private readonly lastNumber: number;
  private readonly packed = new Int32Array(KEY_WORDS);
  private readonly packedOld = new Int32Array(KEY_WORDS);

  constructor(options: Options = { lastNumber: LAST_NUMBER }) {
    this.lastNumber = options.lastNumber;
  }

  get size(): number {
    return this.index.size;
  }

  insert(rule: Rule): void {
    checkRule(rule);
    if (this.index.version(rule.id) !== 0) throw idTaken(rule.id);
    this.add(rule, 0);
  }

  remove(id: number): boolean {
    const at = this.index.version(id);
    if (at === 0) return false;
    const tuple = this.tupleOf(id);
    const pref = this.prefOf(tuple, at, id);
    const hash = tuple.unpack(this.shared.words, at, this.packedOld);
    this.reserve(keyVersionWords(tuple.width, this.shared.words[at + Version.COUNT]));
    this.drop(tuple, hash, pref);
    this.index.delete(id);
    return true;
  }

  replace(id: number, rule: Rule): void {
    checkRule(rule);
    const at = this.index.version(id);
    if (at === 0) throw idUnknown(id);
    if (rule.id !== id && this.index.version(rule.id) !== 0) throw idTaken(rule.id);
    const { words } = this.shared;
    const tuple = this.tupleOf(id);
    const pref = this.prefOf(tuple, at, id);
    if (pref !== rule.pref || tuple.chain.number !== rule.chain) throw placeMismatch(id);
    const hash = tuple.unpack(words, at, this.packedOld);
    const count = words[at + Version.COUNT];
    const isSameTuple = tuple.group.has(rule.protocol, rule.mask) && tuple.group.tuple(rule.key) === tuple;
    if (isSameTuple && this.isOldKey(tuple, rule.key)) {
      if (rule.id === id) return;
      this.reserve(tuple.wordsFor(count));
      this.published = undefined;
      tuple.write(this.shared, this.index, this.presence, this.packedOld, hash, this.generation, pref, rule.id);
    } else {
      // Room for both steps at once: moving the words between them would find the rule in two places.
      this.add(rule, keyVersionWords(tuple.width, count));
      this.drop(tuple, hash, pref);
    }
    if (rule.id !== id) this.index.delete(id);
  }

  publish(): TupleSpaceSnapshot {
    if (this.published !== undefined) return this.published;
    const { used, live } = this.shared;
    if (this.generation > this.lastNumber || (used > COMPACT_FROM && used > live * 8)) this.compact(0);
    if (this.presence.isEmpty ? this.tuples.size > FEW_TUPLES : this.presence.isCrowded)
      this.presence.rebuild(this.shared.words, this.tuples.values());
    if (this.moved.size > 0) {
      for (const chain of this.moved) chain.settle();
      this.reserve(this.chainSlots.wordsFor(this.moved));
      this.chainSlots.write(this.shared, this.moved, this.generation);
      this.moved.clear();
    }
    this.published = {
      kind: TUPLE_SPACE,
      words: this.shared.buffer,
      chains: this.chainSlots.at,
      chainSlots: this.chainSlots.slotCount,
      generation: this.generation,
      rules: this.size,
      presence: this.presence.buffer,
    };
    this.generation++;
    return this.published;
  }

  /** Inserts a rule, whatever there is under its id, and leaves `spare` words of room. */
  private add(rule: Rule, spare: number): void {
    const chain = this.chains.get(rule.chain) ?? new Chain(rule.chain);
    const pref = chain.prefs.get(rule.pref) ?? { protocol: rule.protocol, rules: 0 };
    if (pref.protocol !== rule.protocol) throw protocolMismatch(rule, pref.protocol);
    const group = chain.group(rule.protocol, rule.mask);
    const known = group.tuple(rule.key);
    const tuple = known ?? new Tuple(this.nextTuple, chain, group, rule.key);
    const hash = tuple.pack(rule.key, this.packed);
    const { words } = this.shared;
    const version = known === undefined ? 0 : words[tuple.slotOf(words, this.packed, hash) + Slot.HEAD];
    const existing = tuple.ruleOf(words, version, rule.pref);
    if (existing !== 0) throw new DuplicateRule(words[existing + RuleItem.ID]);
    if (this.sequence >= this.lastNumber) this.renumber();
    const newWords = known === undefined ? tuple.newWords : 0;
    this.reserve(spare + tuple.wordsFor(words[version + Version.COUNT] + 1) + newWords);

    // Nothing fails from here on.
    this.published = undefined;
    this.chains.set(rule.chain, chain);
    chain.prefs.set(rule.pref, pref);
    pref.rules++;
    if (known === undefined) {
      this.freeNumbers.pop();
      this.tuples.set(tuple.number, tuple);
      chain.add(tuple);
      tuple.place(this.shared);
    }
    const before = tuple.minPref;
    if (tuple.use(rule.pref, this.sequence)) this.sequence++;
    const hasMoved = tuple.write(
      this.shared,
      this.index,
      this.presence,
      this.packed,
      hash,
      this.generation,
      rule.pref,
      rule.id,
    );
    if (tuple.minPref !== before) this.displace(tuple);
    else if (hasMoved) this.touch(tuple);
  }

  /** Takes the rule of `pref` from the key in `packedOld`; there must be room for a version of that. */
  private drop(tuple: Tuple, hash: number, prefNumber: number): void {
    const { chain } = tuple;
    this.published = undefined;
    const pref = chain.prefs.get(prefNumber);
    if (pref !== undefined && --pref.rules === 0) chain.prefs.delete(prefNumber);
    const isDisplaced = tuple.unuse(prefNumber);
    if (tuple.uses.size > 0) {
      tuple.write(this.shared, this.index, this.presence, this.packedOld, hash, this.generation, prefNumber, NO_RULE);
      if (isDisplaced) this.displace(tuple);
      if (tuple.shrink(this.shared)) this.touch(tuple);
      return;
    }
    // Older snapshots find it by their own list of tuples.
    tuple.releaseFrom(this.shared);
    chain.delete(tuple);
    this.moved.add(chain);
    this.tuples.delete(tuple.number);
    this.freeNumbers.push(tuple.number);
    if (chain.tupleCount === 0) this.chains.delete(chain.number);
  }

  private displace(tuple: Tuple): void {
    tuple.chain.displace(tuple);
    this.moved.add(tuple.chain);
  }

  private touch(tuple: Tuple): void {
    tuple.chain.touch(tuple);
    this.moved.add(tuple.chain);
  }

  private get nextTuple(): number {
    return this.freeNumbers.at(-1) ?? this.tuples.size;
  }

  private tupleOf(id: number): Tuple {
    const tuple = this.tuples.get(this.index.tuple(id));
    if (tuple === undefined) throw new RangeError(`rule ${id} is in no tuple`);
    return tuple;
  }

  /** Whether `key` is, under the mask, the one in `packedOld`. */
  private isOldKey(tuple: Tuple, key: Int32Array): boolean {
    tuple.pack(key, this.packed);
    return this.packed.every((word, i) => i >= tuple.width || word === this.packedOld[i]);
  }

  /** The pref of a rule that the version at `version` holds. */
  private prefOf(tuple: Tuple, version: number, id: number): number {
    const { words } = this.shared;
    let item = version + Version.WORDS + tuple.width;
    while (words[item + RuleItem.ID] !== id) item += RuleItem.WORDS;
    return words[item + RuleItem.PREF];
  }

  /** Makes room for `count` words; offsets taken before are void. */
  private reserve(count: number): void {
    if (this.shared.room < count) this.compact(count);
  }

  /** Moves the newest state into fresh words with room for `count` more and its like. */
  private compact(count: number): void {
    this.published = undefined;
    this.moved.clear();
    for (const chain of this.chains.values()) {
      chain.reset();
      this.moved.add(chain);
    }
    this.chainSlots.reset();
    const least = this.shared.live + this.chainSlots.wordsFor(this.moved) + count;
    const fresh = new SharedWords(Math.max(FIRST_WORDS, least * 3));
    for (const tuple of this.tuples.values()) tuple.moveTo(this.shared, fresh, this.index);
    this.shared = fresh;
    this.generation = 1;
    if (this.presence.isTooLarge(this.tuples.values())) this.presence.rebuild(fresh.words, this.tuples.values());
  }

  /** Counts the creations of masks and ranges anew, in the same order. */
  private renumber(): void {
    const tuples = [...this.tuples.values()];
    const places = new Set(tuples.flatMap(({ group }) => [...group.places.values()]));
    const uses = tuples.flatMap((tuple) => [...tuple.uses.values()]);
    const old = new Set([...[...places].map(({ sequence }) => sequence), ...uses.map(({ range }) => range)]);
    const renewed = new Map([...old].sort((a, b) => a - b).map((number, i) => [number, i]));
    for (const place of places) place.sequence = renewed.get(place.sequence) ?? 0;
    for (const use of uses) use.range = renewed.get(use.range) ?? 0;
    this.sequence = renewed.size;
    this.compact(0);
  }
}
