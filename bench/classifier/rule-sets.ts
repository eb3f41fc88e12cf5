/**
 * Generated rule sets in the manner of ClassBench (D. Taylor, J. Turner: ClassBench: A Packet Classification Benchmark,
 * INFOCOM 2005): access lists, firewalls and IP chains differ in how long their prefixes are, whose ports they ask for
 * and how, and so in how many masks they have. The shares are ours, after the figures of that paper. A fourth kind has
 * ten masks, whatever its size: the shape that tunnels and their policies have.
 *
 * Rules are in order: each has a pref of its own as long as there are prefs enough, and none repeats another's key.
 */
import type { Rule } from '../../src/classifier/classifier.js';
import { KEY_WORDS, KeyWord } from '../../src/classifier/flow-key.js';
import { type Random, randomFrom, weighted } from './random.js';

export type RuleSetKind = 'acl' | 'fw' | 'ipc' | 'ten';

export const KINDS: readonly RuleSetKind[] = ['acl', 'fw', 'ipc', 'ten'];

const IPV4 = 0x0800;
const PREFS = 60_000;
const TCP = 6;
const UDP = 17;

/** Bits of prefix. */
type Lengths = readonly (readonly [weight: number, bits: number])[];
type PortKind = 'any' | 'exact' | 'high' | 'low' | 'range';
type Ports = readonly (readonly [weight: number, kind: PortKind])[];

interface Profile {
  readonly source: Lengths;
  readonly destination: Lengths;
  readonly sourcePort: Ports;
  readonly destinationPort: Ports;
  readonly protocol: readonly (readonly [weight: number, protocol: number | undefined])[];
}

const profiles: Readonly<Record<Exclude<RuleSetKind, 'ten'>, Profile>> = {
  acl: {
    source: [
      [30, 0],
      [8, 8],
      [12, 16],
      [10, 20],
      [25, 24],
      [15, 32],
    ],
    destination: [
      [2, 16],
      [6, 20],
      [22, 24],
      [10, 28],
      [60, 32],
    ],
    sourcePort: [
      [98, 'any'],
      [2, 'high'],
    ],
    destinationPort: [
      [30, 'any'],
      [55, 'exact'],
      [8, 'high'],
      [7, 'range'],
    ],
    protocol: [
      [70, TCP],
      [20, UDP],
      [10, undefined],
    ],
  },
  fw: {
    source: [
      [55, 0],
      [10, 8],
      [10, 16],
      [15, 24],
      [10, 32],
    ],
    destination: [
      [25, 0],
      [5, 16],
      [25, 24],
      [45, 32],
    ],
    sourcePort: [
      [60, 'any'],
      [15, 'exact'],
      [20, 'high'],
      [5, 'low'],
    ],
    destinationPort: [
      [25, 'any'],
      [45, 'exact'],
      [15, 'high'],
      [5, 'low'],
      [10, 'range'],
    ],
    protocol: [
      [65, TCP],
      [25, UDP],
      [10, undefined],
    ],
  },
  ipc: {
    source: [
      [8, 0],
      [5, 8],
      [12, 16],
      [10, 22],
      [25, 24],
      [10, 28],
      [30, 32],
    ],
    destination: [
      [8, 0],
      [5, 8],
      [12, 16],
      [10, 22],
      [25, 24],
      [10, 28],
      [30, 32],
    ],
    sourcePort: [
      [70, 'any'],
      [15, 'exact'],
      [10, 'high'],
      [5, 'low'],
    ],
    destinationPort: [
      [45, 'any'],
      [40, 'exact'],
      [10, 'high'],
      [5, 'low'],
    ],
    protocol: [
      [50, TCP],
      [30, UDP],
      [20, undefined],
    ],
  },
};

/** Ranges that real sets have, beside those above and below 1024. */
const RANGES: readonly (readonly [number, number])[] = [
  [6000, 6063],
  [2300, 2400],
  [5060, 5061],
  [33434, 33523],
  [135, 139],
  [49152, 65535],
];
const WELL_KNOWN = [80, 443, 22, 53, 25, 110, 143, 161, 389, 445, 993, 1433, 3306, 3389, 5432, 8080];

export function prefixMask(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

function setPort(
  random: Random,
  kind: PortKind,
  word: number,
  rangeWord: number,
  key: Int32Array,
  mask: Int32Array,
): void {
  if (kind === 'any') return;
  if (kind === 'exact') {
    key[word] = random(2) === 0 ? (WELL_KNOWN[random(WELL_KNOWN.length)] ?? 80) : 1 + random(65535);
    mask[word] = 0xffff;
    return;
  }
  const [first, last] =
    kind === 'high' ? [1024, 65535] : kind === 'low' ? [1, 1023] : (RANGES[random(RANGES.length)] ?? [1, 2]);
  key[rangeWord] = (first << 16) | last;
  mask[rangeWord] = -1;
}

/** Fills in one rule of a profile; `key` and `mask` are zeroed before. */
function fillClassBench(profile: Profile, random: Random, key: Int32Array, mask: Int32Array): void {
  key[KeyWord.ETH_TYPE] = IPV4;
  mask[KeyWord.ETH_TYPE] = 0xffff;
  for (const [word, lengths] of [
    [KeyWord.SRC_IP, profile.source],
    [KeyWord.DST_IP, profile.destination],
  ] as const) {
    const bits = prefixMask(weighted(random, lengths));
    if (bits === 0) continue;
    mask[word] = bits;
    key[word] = random(2 ** 32) & bits;
    key[KeyWord.IP_VERSION] = 4;
    mask[KeyWord.IP_VERSION] = -1;
  }
  const protocol = weighted(random, profile.protocol);
  if (protocol === undefined) return;
  key[KeyWord.IP_PROTO] = protocol;
  mask[KeyWord.IP_PROTO] = 0xff;
  const [sourcePort, destinationPort] = [profile.sourcePort, profile.destinationPort].map((ports) =>
    weighted(random, ports),
  ) as [PortKind, PortKind];
  setPort(random, sourcePort, KeyWord.SRC_PORT, KeyWord.SRC_PORT_RANGE, key, mask);
  setPort(random, destinationPort, KeyWord.DST_PORT, KeyWord.DST_PORT_RANGE, key, mask);
}

/** Which fields the ten masks have beside the tunnel: none, or a MAC, or prefixes, or ports. */
function fillTen(random: Random, key: Int32Array, mask: Int32Array): void {
  const which = random(10);
  const put = (word: number, bits: number): void => {
    mask[word] = bits;
    key[word] = random(2 ** 32) & bits;
  };
  key[KeyWord.ETH_TYPE] = IPV4;
  mask[KeyWord.ETH_TYPE] = 0xffff;
  put(KeyWord.ENC_KEY_ID, 0xffffff);
  if (which & 1) {
    put(KeyWord.ETH_DST, -1);
    put(KeyWord.ETH_DST + 1, 0xffff << 16);
  }
  if (which & 2) put(KeyWord.ENC_SRC_IP, -1);
  if (which & 4) put(KeyWord.DST_IP, prefixMask(24));
  if (which & 8) put(KeyWord.DST_PORT, 0xffff);
}

/** Hashes of keys that there are, at most `capacity`. */
class Seen {
  private readonly hashes: Int32Array;
  private readonly last: number;

  constructor(capacity: number) {
    let size = 1024;
    while (size < capacity * 2) size *= 2;
    this.hashes = new Int32Array(size * 2);
    this.last = size - 1;
  }

  /** Whether it is new; two keys in 2^62 are taken for one. */
  add(key: Int32Array, mask: Int32Array): boolean {
    let a = 1;
    let b = 2;
    for (let i = 0; i < KEY_WORDS; i++) {
      a = Math.imul(a ^ (key[i] ?? 0), 0x9e3779b1) + (mask[i] ?? 0);
      b = Math.imul(b ^ (mask[i] ?? 0), 0x85ebca6b) + (key[i] ?? 0);
      a ^= a >>> 15;
      b ^= b >>> 13;
    }
    a |= 1;
    for (let i = b & this.last; ; i = (i + 1) & this.last) {
      const at = i * 2;
      if (this.hashes[at] === 0) {
        this.hashes[at] = a;
        this.hashes[at + 1] = b;
        return true;
      }
      if (this.hashes[at] === a && this.hashes[at + 1] === b) return false;
    }
  }
}

/** A rule whose arrays are filled anew with every rule. */
export type Slate = { -readonly [Name in keyof Rule]: Rule[Name] };

export function slate(): Slate {
  return {
    id: 0,
    chain: 0,
    pref: 1,
    protocol: IPV4,
    key: new Int32Array(KEY_WORDS),
    mask: new Int32Array(KEY_WORDS),
  };
}

/** Writes rule after rule of a set of `count` onto slates: the same for a seed. */
export class RuleSet {
  readonly count: number;
  private readonly kind: RuleSetKind;
  private readonly random: Random;
  private readonly seen: Seen;
  private next = 0;

  constructor(kind: RuleSetKind, count: number, seed: number) {
    this.kind = kind;
    this.count = count;
    this.random = randomFrom(seed);
    this.seen = new Seen(count);
  }

  /** The next rule. Its id is its number from 0 on. */
  write(rule: Slate): void {
    do {
      rule.key.fill(0);
      rule.mask.fill(0);
      if (this.kind === 'ten') fillTen(this.random, rule.key, rule.mask);
      else fillClassBench(profiles[this.kind], this.random, rule.key, rule.mask);
    } while (!this.seen.add(rule.key, rule.mask));
    rule.id = this.next;
    rule.pref = 1 + Math.floor(this.next * Math.min(1, PREFS / this.count));
    this.next++;
  }
}

/** Makes a frame that a rule takes: its key, with what the rule leaves open filled in. */
export function writeFrame(rule: Rule, random: Random, frames: Int32Array, at: number): void {
  const { key, mask } = rule;
  const open = (word: number, value: number): void => {
    const bits = mask[word] ?? 0;
    frames[at + word] = (value & ~bits) | ((key[word] ?? 0) & bits);
  };
  frames.fill(0, at, at + KEY_WORDS);
  for (const word of [KeyWord.SRC_IP, KeyWord.DST_IP, KeyWord.ETH_DST, KeyWord.ENC_SRC_IP]) open(word, random(2 ** 32));
  open(KeyWord.ETH_DST + 1, random(2 ** 32));
  open(KeyWord.ETH_TYPE, IPV4);
  open(KeyWord.IP_VERSION, 4);
  open(KeyWord.IP_PROTO, random(2) === 0 ? TCP : UDP);
  open(KeyWord.ENC_KEY_ID, random(2 ** 24));
  for (const [word, rangeWord] of [
    [KeyWord.SRC_PORT, KeyWord.SRC_PORT_RANGE],
    [KeyWord.DST_PORT, KeyWord.DST_PORT_RANGE],
  ] as const) {
    const range = mask[rangeWord] === 0 ? 0 : (key[rangeWord] ?? 0);
    const [first, last] = range === 0 ? [1, 65535] : [range >>> 16, range & 0xffff];
    open(word, first + random(last - first + 1));
  }
}
