/**
 * The peers that a vxlan device takes datagrams from (`--strict-peers`), as plain words that the control thread writes
 * once: prefixes, or addresses under any mask, grouped by family and mask, each group an open-addressing table. A look-up
 * is one probe a mask: as a rule there are one or two of them, however many peers there are.
 *
 * Each worker gets a copy, which its garbage collector counts. Shared memory it does not: with 5,000 peers the tables of
 * 1,800 edits were 320 MiB before it ran.
 *
 * Words: the family of the device's own address (0: none) and its four words, the number of groups, and for each group
 * GROUP_WORDS: family, four words of mask, where its slots begin, one less than there are of them (a power of two).
 * A slot is SLOT_WORDS: 1 where it is taken, and four words of address under the mask.
 */
import { TunnelWord } from '../memory/tunnel.js';

/** An address under a mask, as four words each (memory/tunnel.ts); IPv4 has the first alone. */
export interface Peer {
  readonly family: 4 | 6;
  /** Bits outside the mask are 0. */
  readonly address: Int32Array;
  readonly mask: Int32Array;
}

/** The device's own address; what is sent to another is not for it. */
export interface OwnAddress {
  readonly family: 4 | 6;
  readonly address: Int32Array;
}

/** What becomes of a datagram. */
export const PEER_KNOWN = 0;
export const PEER_UNKNOWN = 1;
export const PEER_ELSEWHERE = 2;

const HEAD_WORDS = 6;
const GROUP_WORDS = 7;
const SLOT_WORDS = 5;

/** Writes the words of a table. */
export function peerWords(peers: Iterable<Peer>, own: OwnAddress | undefined): Int32Array {
  const groups = new Map<string, Peer[]>();
  for (const peer of peers) {
    const name = `${peer.family} ${peer.mask.join(' ')}`;
    const group = groups.get(name);
    if (group) group.push(peer);
    else groups.set(name, [peer]);
  }
  const sizes = [...groups.values()].map(({ length }) => slotsFor(length));
  const slots = sizes.reduce((sum, size) => sum + size, 0);
  const from = HEAD_WORDS + groups.size * GROUP_WORDS;
  const words = new Int32Array(from + slots * SLOT_WORDS);
  words[0] = own?.family ?? 0;
  if (own) words.set(own.address, 1);
  words[5] = groups.size;
  let at = from;
  [...groups.values()].forEach((group, n) => {
    const row = HEAD_WORDS + n * GROUP_WORDS;
    const last = (sizes[n] ?? 1) - 1;
    const [{ family, mask } = { family: 4, mask: new Int32Array(4) }] = group;
    words[row] = family;
    words.set(mask, row + 1);
    words[row + 5] = at;
    words[row + 6] = last;
    for (const { address: a } of group) put(words, at, last, a);
    at += (last + 1) * SLOT_WORDS;
  });
  return words;
}

/** Half of the slots stay free, so that a probe for a stranger ends soon. */
function slotsFor(peers: number): number {
  let size = 2;
  while (size < peers * 2) size *= 2;
  return size;
}

function put(words: Int32Array, from: number, last: number, address: Int32Array): void {
  const [a = 0, b = 0, c = 0, d = 0] = address;
  let slot = hash(a, b, c, d) & last;
  for (;;) {
    const at = from + slot * SLOT_WORDS;
    const isFree = words[at] === 0;
    if (isFree || (words[at + 1] === a && words[at + 2] === b && words[at + 3] === c && words[at + 4] === d)) {
      words[at] = 1;
      words.set(address, at + 1);
      return;
    }
    slot = (slot + 1) & last;
  }
}

/** Whoever sends chooses his address: the bits are mixed well, so that no choice makes long probes likely. */
function hash(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f), 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

/** The verdict on the received record at word `at` of `tunnels`: PEER_KNOWN, PEER_UNKNOWN or PEER_ELSEWHERE. */
export function peerVerdict(words: Int32Array, tunnels: Int32Array, at: number): number {
  if (!isKnown(words, tunnels, at)) return PEER_UNKNOWN;
  return isForUs(words, tunnels, at) ? PEER_KNOWN : PEER_ELSEWHERE;
}

function isKnown(words: Int32Array, tunnels: Int32Array, at: number): boolean {
  const family = tunnels[at + TunnelWord.FAMILY];
  const src = at + TunnelWord.SRC_IP;
  const groups = words[5];
  for (let n = 0; n < groups; n++) {
    const row = HEAD_WORDS + n * GROUP_WORDS;
    if (words[row] !== family) continue;
    const a = tunnels[src] & words[row + 1];
    const b = tunnels[src + 1] & words[row + 2];
    const c = tunnels[src + 2] & words[row + 3];
    const d = tunnels[src + 3] & words[row + 4];
    const from = words[row + 5];
    const last = words[row + 6];
    let slot = hash(a, b, c, d) & last;
    for (;;) {
      const s = from + slot * SLOT_WORDS;
      if (words[s] === 0) break;
      if (words[s + 1] === a && words[s + 2] === b && words[s + 3] === c && words[s + 4] === d) return true;
      slot = (slot + 1) & last;
    }
  }
  return false;
}

/** Whether it was sent to the device's own address, where it has one, or to a group that its socket has joined. */
function isForUs(words: Int32Array, tunnels: Int32Array, at: number): boolean {
  const own = words[0];
  if (own === 0) return true;
  const family = tunnels[at + TunnelWord.FAMILY];
  const dst = at + TunnelWord.DST_IP;
  if (family === 4 ? tunnels[dst] >>> 28 === 0xe : tunnels[dst] >>> 24 === 0xff) return true;
  return (
    own === family &&
    tunnels[dst] === words[1] &&
    tunnels[dst + 1] === words[2] &&
    tunnels[dst + 2] === words[3] &&
    tunnels[dst + 3] === words[4]
  );
}
