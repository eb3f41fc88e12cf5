/** A look-up behind the flow cache (flow-cache.ts has the idea). Allocation-free but for the first frame of a chain. */
import type { Consulted, Lookup, Position } from '../classifier.js';
import { protocolClass } from '../consulted.js';
import { Entry, type FlowCache, INSERT_ODDS, MOST_WORTH, RECENT, WAYS } from './flow-cache.js';

/** With no more tables than this a look-up costs what the cache would: then only trains are remembered. */
const FEW_TABLES = 1;
const NONE = -1;

export class CachedLookup implements Lookup {
  readonly empty: boolean;
  nextPosition: Position = 0;
  probes = 0;
  private readonly cache: FlowCache;
  private readonly inner: Lookup;
  private readonly hook: number;
  private readonly generation: number;
  private readonly words: Int32Array;
  private readonly setMask: number;
  /** What is consulted, for the chain and protocol in use. */
  private indices = new Int32Array(0);
  private bits = new Int32Array(0);
  private isTabled = false;
  private chain = 0;
  /** As an int32. */
  private chainWord = 0;
  private protocol = -1;
  /** As in Entry.FROM. */
  private from = 0;
  private readonly plans = new Map<number, (Consulted | undefined)[]>();
  /** The entry used last from each place. */
  private readonly recent = new Int32Array(RECENT);
  /** Xorshift (Marsaglia 2003): which misses are lucky need not be hard to guess. */
  private random: number;

  constructor(cache: FlowCache, inner: Lookup, hook: number, generation: number) {
    this.cache = cache;
    this.hook = hook;
    this.inner = inner;
    this.generation = generation;
    this.empty = inner.empty;
    this.words = cache.words;
    this.setMask = cache.sets - 1;
    this.random = (generation << 1) | 1;
    for (let i = 0; i < RECENT; i++) this.recent[i] = cache.recentAt + i * Entry.WORDS;
  }

  consulted(chain: number, protocol: number): Consulted {
    return this.inner.consulted(chain, protocol);
  }

  find(key: Int32Array, at: number, chain: number, protocol: number, position: Position): number {
    if (chain !== this.chain || protocol !== this.protocol) this.enter(chain, protocol);
    const place = (chain + position) & (RECENT - 1);
    const last = this.recent[place];
    if (this.isAt(last, key, at, position)) return this.found(last);

    if (!this.isTabled) return this.learn(key, at, position, place, 0);
    const hash = this.hash(key, at, position);
    const words = this.words;
    const set = (hash & this.setMask) * WAYS * Entry.WORDS;
    const end = set + WAYS * Entry.WORDS;
    for (let entry = set; entry < end; entry += Entry.WORDS) {
      if (words[entry + Entry.HASH] !== hash || !this.isAt(entry, key, at, position)) continue;
      if (words[entry + Entry.WORTH] < MOST_WORTH) words[entry + Entry.WORTH]++;
      this.recent[place] = entry;
      return this.found(entry);
    }
    return this.learn(key, at, position, place, hash);
  }

  private found(entry: number): number {
    this.cache.hit();
    this.probes = 0;
    this.nextPosition = this.words[entry + Entry.NEXT];
    return this.words[entry + Entry.RULE];
  }

  /** Whether an entry is that of a frame. */
  private isAt(entry: number, key: Int32Array, at: number, position: Position): boolean {
    const words = this.words;
    if (
      words[entry + Entry.GENERATION] !== this.generation ||
      words[entry + Entry.CHAIN] !== this.chainWord ||
      words[entry + Entry.FROM] !== this.from ||
      words[entry + Entry.POSITION] !== position
    )
      return false;
    const indices = this.indices;
    const bits = this.bits;
    const stored = entry + Entry.KEY;
    for (let i = 0; i < indices.length; i++) if (words[stored + i] !== (key[at + indices[i]] & bits[i])) return false;
    return true;
  }

  /** Two sums of every other word, so that neither waits for the other; not keyed, as entries are compared in full. */
  private hash(key: Int32Array, at: number, position: Position): number {
    const indices = this.indices;
    const bits = this.bits;
    let a = this.generation ^ position;
    let b = this.chainWord ^ this.from;
    const even = indices.length & ~1;
    for (let i = 0; i < even; i += 2) {
      a = Math.imul(((a << 5) | (a >>> 27)) ^ (key[at + indices[i]] & bits[i]), 0x9e3779b1);
      b = Math.imul(((b << 5) | (b >>> 27)) ^ (key[at + indices[i + 1]] & bits[i + 1]), 0x85ebca6b);
    }
    if (even < indices.length) a = Math.imul(a ^ (key[at + indices[even]] & bits[even]), 0x9e3779b1);
    const sum = Math.imul(a ^ (a >>> 15) ^ ((b << 13) | (b >>> 19)), 0xc2b2ae35);
    return sum ^ (sum >>> 16);
  }

  /** Asks the classifier, and remembers the answer: beside the table for a train, and in it if luck and room will. */
  private learn(key: Int32Array, at: number, position: Position, place: number, hash: number): number {
    const rule = this.inner.find(key, at, this.chain, this.protocol, position);
    this.cache.miss();
    this.probes = this.inner.probes;
    this.nextPosition = this.inner.nextPosition;
    let entry = this.isTabled ? this.victim(hash) : NONE;
    if (entry < 0) entry = this.cache.recentAt + place * Entry.WORDS;
    const words = this.words;
    words[entry + Entry.GENERATION] = this.generation;
    words[entry + Entry.HASH] = hash;
    words[entry + Entry.CHAIN] = this.chainWord;
    words[entry + Entry.FROM] = this.from;
    words[entry + Entry.POSITION] = position;
    words[entry + Entry.RULE] = rule;
    words[entry + Entry.NEXT] = this.nextPosition;
    words[entry + Entry.WORTH] = 0;
    const indices = this.indices;
    const bits = this.bits;
    const stored = entry + Entry.KEY;
    for (let i = 0; i < indices.length; i++) words[stored + i] = key[at + indices[i]] & bits[i];
    this.recent[place] = entry;
    return rule;
  }

  /** The entry of a set that a new flow may take, or -1. */
  private victim(hash: number): number {
    const words = this.words;
    const set = (hash & this.setMask) * WAYS * Entry.WORDS;
    const end = set + WAYS * Entry.WORDS;
    for (let entry = set; entry < end; entry += Entry.WORDS) if (this.cache.isVoid(entry)) return entry;
    this.random ^= this.random << 13;
    this.random ^= this.random >>> 17;
    this.random ^= this.random << 5;
    const luck = this.random >>> 0;
    if ((luck & (INSERT_ODDS - 1)) !== 0) return NONE;
    // From a way of no choice on, the first that nobody asked for again; each asked for is worth one attempt less then.
    const first = (luck >>> 8) & (WAYS - 1);
    for (let i = 0; i < WAYS; i++) {
      const entry = set + ((first + i) & (WAYS - 1)) * Entry.WORDS;
      if (words[entry + Entry.WORTH] === 0) return entry;
    }
    words[set + first * Entry.WORDS + Entry.WORTH]--;
    return NONE;
  }

  /** From another chain or protocol than the last frame. */
  private enter(chain: number, protocol: number): void {
    this.chain = chain;
    this.chainWord = chain | 0;
    this.protocol = protocol;
    this.from = (this.hook << 16) | protocol;
    const plan = this.plan(chain, protocol);
    this.indices = plan.indices;
    this.bits = plan.bits;
    this.isTabled = plan.tables > FEW_TABLES;
  }

  private plan(chain: number, protocol: number): Consulted {
    let plans = this.plans.get(chain);
    if (plans === undefined) {
      plans = [];
      this.plans.set(chain, plans);
    }
    const which = protocolClass(protocol);
    let plan = plans[which];
    if (plan === undefined) {
      plan = this.inner.consulted(chain, protocol);
      plans[which] = plan;
    }
    return plan;
  }
}
