import test from 'ava';
import { flowHash } from './flow-hash.js';
import { KEY_WORDS, KeyWord } from './flow-key.js';

function flow(words: Partial<Record<keyof typeof KeyWord, number>>): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const [name, value] of Object.entries(words)) key[KeyWord[name as keyof typeof KeyWord]] = value;
  return key;
}

const tcp = { IP_VERSION: 4, IP_PROTO: 6, SRC_IP: 0x0a000001, DST_IP: 0x0a000002, SRC_PORT: 40000, DST_PORT: 5201 };

test('fields that no flow is told by do not change the hash', (t) => {
  const hash = flowHash(flow(tcp), 0);
  t.is(flowHash(flow({ ...tcp, IP_TOS: 3, IP_TTL: 9, TCP_FLAGS: 0x18, INDEV: 4, ENC_KEY_ID: 7, ETH_DST: 1 }), 0), hash);
});

test('each bit of the five-tuple turns about half of the bits of the hash', (t) => {
  const sets: readonly (readonly [keyof typeof KeyWord, number])[] = [
    ['IP_PROTO', 8],
    ['SRC_IP', 32],
    ['DST_IP', 32],
    ['SRC_PORT', 16],
    ['DST_PORT', 16],
  ];
  for (const [name, bits] of sets) {
    for (let bit = 0; bit < bits; bit++) {
      let turned = 0;
      for (let n = 0; n < 256; n++) {
        const key = flow({ ...tcp, SRC_IP: 0x0a000001 + n, SRC_PORT: 32768 + 7 * n });
        const before = flowHash(key, 0);
        key[KeyWord[name]] ^= 1 << bit;
        let difference = before ^ flowHash(key, 0);
        for (; difference !== 0; difference &= difference - 1) turned++;
      }
      const mean = turned / 256;
      t.true(mean > 13 && mean < 19, `${name} bit ${bit} turns ${mean} bits`);
    }
  }
});

test('flows that differ in one field spread evenly over 64 source ports and lanes, from the top and the bottom', (t) => {
  const fields = ['SRC_PORT', 'DST_PORT', 'SRC_IP', 'DST_IP'] as const;
  for (const version of [4, 6]) {
    for (const name of fields) {
      const top = new Int32Array(64);
      const bottom = new Int32Array(64);
      for (let n = 0; n < 64 * 64; n++) {
        const hash = flowHash(flow({ ...tcp, IP_VERSION: version, [name]: n }), 0);
        top[hash >>> 26]++;
        bottom[hash & 63]++;
      }
      // 64 expected in each; the deviation of a random spread is 8
      t.true(Math.max(...top, ...bottom) < 64 + 45, `${name} of IPv${version}: ${Math.max(...top, ...bottom)}`);
      t.true(Math.min(...top, ...bottom) > 64 - 40, `${name} of IPv${version}: ${Math.min(...top, ...bottom)}`);
    }
  }
});

test('frames without IP are told apart by their MACs and EtherType', (t) => {
  const hashes = new Set<number>();
  for (const word of [KeyWord.ETH_DST, KeyWord.ETH_DST + 1, KeyWord.ETH_DST + 2, KeyWord.ETH_TYPE]) {
    for (let bit = 0; bit < (word === KeyWord.ETH_TYPE ? 16 : 32); bit++) {
      const key = flow({ ETH_TYPE: 0x88cc });
      key[word] ^= 1 << bit;
      hashes.add(flowHash(key, 0));
    }
  }
  t.is(hashes.size, 112);
});
