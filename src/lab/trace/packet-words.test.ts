// The words that a trace has for packets, against the grammar and the classifier's encoding of it.
import test from 'ava';
import fc from 'fast-check';
import { KEY_WORDS, KeyWord } from '../../classifier/flow-key.js';
import { encodeKeys } from '../../control/encode-keys.js';
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP } from '../../iproute/ether-type.js';
import { flowerKeys } from '../../iproute/flower-keys.js';
import { parseFlower } from '../../iproute/parse-flower.js';
import { WordReader } from '../../iproute/word-reader.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { wholeFrame } from '../../wire/frame-generator.js';
import { differences } from './near-misses.js';
import { frameWords, PacketReader, tunnelWords } from './packet-words.js';
import { differingWords } from './rule-view.js';

const KNOWN: readonly number[] = [ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_RARP, ETH_P_8021Q, ETH_P_8021AD];

const u16 = fc.nat({ max: 65535 });
const tunnelRecord = fc
  .record({ vni: fc.nat({ max: 0xffffff }), port: u16, tos: fc.nat({ max: 255 }), ttl: fc.nat({ max: 255 }) })
  .chain((one) =>
    fc.record({
      ...{ one: fc.constant(one), isSix: fc.boolean(), flags: fc.nat({ max: 63 }), gbp: u16 },
      addresses: fc.array(fc.integer(), { minLength: 8, maxLength: 8 }),
    }),
  )
  .map(({ one, isSix, flags, gbp, addresses }) => {
    const record = new Int32Array(TUNNEL_WORDS);
    record.set([flags, one.vni, 4789, one.port, one.tos, one.ttl]);
    record.set(isSix ? addresses : [addresses[0] ?? 0, 0, 0, 0, addresses[4] ?? 0, 0, 0, 0], TunnelWord.DST_IP);
    record[TunnelWord.GBP] = gbp;
    record[TunnelWord.FAMILY] = isSix ? 6 : 4;
    return record;
  });

/** The keys of a filter that says what a packet has, as the words tell it; without those that tc would not take. */
function typed(words: Readonly<Record<string, string>>): string[] {
  return flowerKeys.flatMap(({ name, typed: word, printed, kind }) => {
    const value = words[printed ?? name];
    if (value === undefined || word === '' || kind === 'ether-type') return [];
    return [
      word ?? name,
      kind === 'ip-proto' ? (/^[0-9a-f]+$/.test(value) || value.startsWith('icmp') ? number(value) : value) : value,
    ];
  });
}

/** By number, which tc reads as hexadecimal, where a name is for one family alone. */
function number(value: string): string {
  return { icmp: '1', icmpv6: '3a' }[value] ?? value;
}

test('a filter of the words that a trace has for a packet matches the packet, and differs from no other part of it', (t) => {
  const reader = new PacketReader();
  let taken = 0;
  fc.assert(
    fc.property(wholeFrame, fc.option(tunnelRecord, { nil: undefined }), (bytes, tunnel) => {
      const state = { bytes, tunnel, isReceived: true, mark: 0, priority: 0, isBare: false };
      const protocol = reader.protocol(state);
      const packet = reader.key(state);
      // tc takes keys of what it can name, and of a transport layer those that go with it.
      // Of three tags it can name two, and takes the third for the network's.
      if (!KNOWN.includes(protocol) || (packet[KeyWord.NUM_OF_VLANS] ?? 0) > 2) return;
      const words = [...typed(frameWords(packet)), ...typed(tunnelWords(packet))];
      const { keys } = parseTaken(words, protocol);
      const key = new Int32Array(KEY_WORDS);
      const mask = new Int32Array(KEY_WORDS);
      encodeKeys(keys, 0, key, mask);
      t.deepEqual(differingWords({ id: 0, chain: 0, pref: 1, protocol, key, mask }, packet), [], words.join(' '));
      t.deepEqual(
        differences({ protocol, keys, indev: 0 }, { protocol, key: packet }, () => ''),
        [],
        words.join(' '),
      );
      taken += keys.length;
    }),
    { numRuns: 1500, seed: 20261122 },
  );
  t.true(taken > 10_000, `${taken}`);
});

/** Leaves out, one after the other, the keys that tc refuses beside the others. */
function parseTaken(words: readonly string[], protocol: number): ReturnType<typeof parseFlower> {
  let kept: string[] = [];
  for (let n = 0; n < words.length; n += 2) {
    const more = [...kept, ...words.slice(n, n + 2)];
    try {
      parseFlower(new WordReader(more), protocol);
      kept = more;
    } catch {
      // Not for such a filter.
    }
  }
  return parseFlower(new WordReader(kept), protocol);
}
