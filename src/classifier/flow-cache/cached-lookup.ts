/** A look-up behind the flow cache (flow-cache.ts has the idea). Allocation-free but for the first frame of a chain. */
import type { Consulted, Lookup, Position } from '../classifier.js';
import { protocolClass } from '../consulted.js';
import { KEY_WORDS } from '../flow-key.js';
import { Entry, type FlowCache, INSERT_ODDS, KEY_STEP, MOST_WORTH, RECENT, WAYS } from './flow-cache.js';

/** With no more tables than this a look-up costs what the cache would: then only trains are remembered. */
const FEW_TABLES = 1;
const NONE = -1;

/** What frames of one class of protocols are told apart by in a chain. */
interface Plan {
  /** Index and bits of every word consulted; word 0 and no bits for those up to a multiple of KEY_STEP. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly isTabled: boolean;
}

/** Where look-ups begin: a chain, a protocol, a position. As many are kept as there are entries beside the table. */
class Place {
  chain = 0;
  protocol = NONE;
  position: Position = 0;
  /** As in an entry. */
  chainWord = 0;
  from = 0;
  /** What the two sums of the hash begin with. */
  seedA = 0;
  seedB = 0;
  plan = new Int32Array(0);
  isTabled = false;
  /** The entry that is its own, and the one used last. */
  readonly beside: number;
  last: number;

  constructor(beside: number) {
    this.beside = beside;
    this.last = beside;
  }
}

export class CachedLookup implements Lookup {
  readonly empty: boolean;
  nextPosition: Position = 0;
  probes = 0;
  private readonly cache: FlowCache;
  private readonly inner: Lookup;
  private readonly hook: number;
  private readonly generation: number;
  private readonly words: Int32Array;
  private readonly tags: Int32Array;
  private readonly setMask: number;
  private readonly plans = new Map<number, (Plan | undefined)[]>();
  private readonly places: readonly Place[];
  /** The consulted bits of the frame, as an entry holds them. */
  private readonly gathered = new Int32Array(KEY_WORDS);
  /** Xorshift (Marsaglia 2003): which misses are lucky need not be hard to guess. */
  private random: number;

  constructor(cache: FlowCache, inner: Lookup, hook: number, generation: number) {
    this.cache = cache;
    this.hook = hook;
    this.inner = inner;
    this.generation = generation;
    this.empty = inner.empty;
    this.words = cache.words;
    this.tags = cache.tags;
    this.setMask = cache.sets - 1;
    this.random = (generation << 1) | 1;
    this.places = Array.from({ length: RECENT }, (_, i) => new Place(cache.recentAt + i * Entry.WORDS));
  }

  consulted(chain: number, protocol: number): Consulted {
    return this.inner.consulted(chain, protocol);
  }

  find(key: Int32Array, at: number, chain: number, protocol: number, position: Position): number {
    // IPv4, IPv6 and ARP have places of their own.
    const place = this.places[(chain + position + (protocol ^ (protocol >>> 9))) & (RECENT - 1)];
    if (place.chain !== chain || place.protocol !== protocol || place.position !== position)
      this.enter(place, chain, protocol, position);

    const last = place.last;
    if (this.isLast(place, last, key, at)) return this.found(last);
    const plan = place.plan;
    const gathered = this.gathered;
    // Two sums of every other word, so that neither waits for the other; not keyed, as entries are compared in full.
    let a = place.seedA;
    let b = place.seedB;
    const width = plan.length >> 1;
    for (let i = 0; i < width; i += KEY_STEP) {
      const pair = i * 2;
      const w0 = key[at + plan[pair]] & plan[pair + 1];
      const w1 = key[at + plan[pair + 2]] & plan[pair + 3];
      const w2 = key[at + plan[pair + 4]] & plan[pair + 5];
      const w3 = key[at + plan[pair + 6]] & plan[pair + 7];
      gathered[i] = w0;
      gathered[i + 1] = w1;
      gathered[i + 2] = w2;
      gathered[i + 3] = w3;
      a = Math.imul(((a << 5) | (a >>> 27)) ^ w0, 0x9e3779b1);
      b = Math.imul(((b << 5) | (b >>> 27)) ^ w1, 0x85ebca6b);
      a = Math.imul(((a << 5) | (a >>> 27)) ^ w2, 0x9e3779b1);
      b = Math.imul(((b << 5) | (b >>> 27)) ^ w3, 0x85ebca6b);
    }
    if (!place.isTabled) return this.learn(key, at, place, width, 0);

    const sum = Math.imul(a ^ (a >>> 15) ^ ((b << 13) | (b >>> 19)), 0xc2b2ae35);
    const hash = sum ^ (sum >>> 16);
    const { tags, words } = this;
    const first = (hash & this.setMask) * WAYS;
    for (let way = first; way < first + WAYS; way++) {
      if (tags[way] !== hash) continue;
      const entry = way * Entry.WORDS;
      if (!this.isAt(entry, place, width)) continue;
      if (words[entry + Entry.WORTH] < MOST_WORTH) words[entry + Entry.WORTH]++;
      place.last = entry;
      return this.found(entry);
    }
    return this.learn(key, at, place, width, hash);
  }

  private found(entry: number): number {
    this.cache.hit();
    this.probes = 0;
    this.nextPosition = this.words[entry + Entry.NEXT];
    return this.words[entry + Entry.RULE];
  }

  /** Whether the entry used last is that of a frame. */
  private isLast(place: Place, entry: number, key: Int32Array, at: number): boolean {
    const words = this.words;
    const plan = place.plan;
    let differs =
      (words[entry + Entry.GENERATION] ^ this.generation) |
      (words[entry + Entry.CHAIN] ^ place.chainWord) |
      (words[entry + Entry.FROM] ^ place.from) |
      (words[entry + Entry.POSITION] ^ place.position);
    let stored = entry + Entry.KEY;
    // Frames of other flows mostly differ within the first words: a branch for each step, not for each word.
    for (let pair = 0; differs === 0 && pair < plan.length; pair += KEY_STEP * 2) {
      differs =
        (words[stored] ^ (key[at + plan[pair]] & plan[pair + 1])) |
        (words[stored + 1] ^ (key[at + plan[pair + 2]] & plan[pair + 3])) |
        (words[stored + 2] ^ (key[at + plan[pair + 4]] & plan[pair + 5])) |
        (words[stored + 3] ^ (key[at + plan[pair + 6]] & plan[pair + 7]));
      stored += KEY_STEP;
    }
    return differs === 0;
  }

  /** Whether an entry is that of the frame whose words were gathered, seen from a place. */
  private isAt(entry: number, place: Place, width: number): boolean {
    const { words, gathered } = this;
    let differs =
      (words[entry + Entry.GENERATION] ^ this.generation) |
      (words[entry + Entry.CHAIN] ^ place.chainWord) |
      (words[entry + Entry.FROM] ^ place.from) |
      (words[entry + Entry.POSITION] ^ place.position);
    const stored = entry + Entry.KEY;
    for (let i = 0; i < width; i += KEY_STEP)
      differs |=
        (words[stored + i] ^ gathered[i]) |
        (words[stored + i + 1] ^ gathered[i + 1]) |
        (words[stored + i + 2] ^ gathered[i + 2]) |
        (words[stored + i + 3] ^ gathered[i + 3]);
    return differs === 0;
  }

  /** Asks the classifier, and remembers the answer: beside the table for a train, and in it if luck and room will. */
  private learn(key: Int32Array, at: number, place: Place, width: number, hash: number): number {
    const rule = this.inner.find(key, at, place.chain, place.protocol, place.position);
    this.cache.miss();
    this.probes = this.inner.probes;
    this.nextPosition = this.inner.nextPosition;
    const { words, gathered } = this;
    let entry = place.beside;
    const way = place.isTabled ? this.victim(hash) : NONE;
    if (way >= 0) {
      this.tags[way] = hash;
      entry = way * Entry.WORDS;
    }
    words[entry + Entry.GENERATION] = this.generation;
    words[entry + Entry.CHAIN] = place.chainWord;
    words[entry + Entry.FROM] = place.from;
    words[entry + Entry.POSITION] = place.position;
    words[entry + Entry.RULE] = rule;
    words[entry + Entry.NEXT] = this.nextPosition;
    words[entry + Entry.WORTH] = 0;
    const stored = entry + Entry.KEY;
    for (let i = 0; i < width; i++) words[stored + i] = gathered[i];
    place.last = entry;
    return rule;
  }

  /** The number of the entry of a set that a new flow may take, or -1. */
  private victim(hash: number): number {
    const words = this.words;
    const set = (hash & this.setMask) * WAYS;
    for (let way = set; way < set + WAYS; way++) if (this.cache.isVoid(way * Entry.WORDS)) return way;
    this.random ^= this.random << 13;
    this.random ^= this.random >>> 17;
    this.random ^= this.random << 5;
    const luck = this.random >>> 0;
    if ((luck & (INSERT_ODDS - 1)) !== 0) return NONE;
    // From a way of no choice on, the first that nobody asked for again; each asked for is worth one attempt less then.
    const first = (luck >>> 8) & (WAYS - 1);
    for (let i = 0; i < WAYS; i++) {
      const way = set + ((first + i) & (WAYS - 1));
      if (words[way * Entry.WORDS + Entry.WORTH] === 0) return way;
    }
    words[(set + first) * Entry.WORDS + Entry.WORTH]--;
    return NONE;
  }

  /** Gives a place to another chain, protocol or position than it had. */
  private enter(place: Place, chain: number, protocol: number, position: Position): void {
    const { words, isTabled } = this.plan(chain, protocol);
    place.chain = chain;
    place.protocol = protocol;
    place.position = position;
    place.chainWord = chain | 0;
    place.from = (this.hook << 16) | protocol;
    place.seedA = this.generation ^ position;
    place.seedB = place.chainWord ^ place.from;
    place.plan = words;
    place.isTabled = isTabled;
  }

  private plan(chain: number, protocol: number): Plan {
    let plans = this.plans.get(chain);
    if (plans === undefined) {
      plans = [];
      this.plans.set(chain, plans);
    }
    const which = protocolClass(protocol);
    let plan = plans[which];
    if (plan === undefined) {
      const { indices, bits, tables } = this.inner.consulted(chain, protocol);
      const words = new Int32Array(Math.ceil(indices.length / KEY_STEP) * KEY_STEP * 2);
      for (const [i, index] of indices.entries()) words.set([index, bits[i]], i * 2);
      plan = { words, isTabled: tables > FEW_TABLES };
      plans[which] = plan;
    }
    return plan;
  }
}
