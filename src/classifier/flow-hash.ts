import { KeyWord } from './flow-key.js';

/**
 * Hash of the flow from its words of the key: addresses, protocol and ports of IP, else MACs and EtherType. Fragments
 * have no ports, so that all of one packet agree. Every word goes through an invertible step (xor, odd multiplier,
 * shift), the sum through murmur3's finalizer, which makes upper and lower bits equally good.
 * Not keyed: who chooses the flows can choose the hashes, and gains no more than an uneven spread.
 */
export function flowHash(key: Int32Array, at: number): number {
  let h = Math.imul(key[at + KeyWord.IP_PROTO] + 1, 0xcc9e2d51);
  const version = key[at + KeyWord.IP_VERSION];
  if (version === 4) {
    h = mix(mix(h, key[at + KeyWord.SRC_IP]), key[at + KeyWord.DST_IP]);
  } else if (version === 6) {
    for (let word = 0; word < 4; word++) {
      h = mix(mix(h, key[at + KeyWord.SRC_IP + word]), key[at + KeyWord.DST_IP + word]);
    }
  } else {
    h = Math.imul(key[at + KeyWord.ETH_TYPE], 0xcc9e2d51);
    h = mix(mix(mix(h, key[at + KeyWord.ETH_DST]), key[at + KeyWord.ETH_DST + 1]), key[at + KeyWord.ETH_DST + 2]);
  }
  h = mix(h, (key[at + KeyWord.SRC_PORT] << 16) | key[at + KeyWord.DST_PORT]);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function mix(h: number, word: number): number {
  const product = Math.imul(h ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}
