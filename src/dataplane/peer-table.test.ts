// --strict-peers, from the words of a table to what an engine does with them.
import test from 'ava';
import * as fc from 'fast-check';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import { Harness, VXLAN0, vxlan } from './harness.test.helper.js';
import { PEER_ELSEWHERE, PEER_KNOWN, PEER_UNKNOWN, type Peer, peerVerdict, peerWords } from './peer-table.js';

const EXACT4 = Int32Array.of(-1, 0, 0, 0);
const one = (address: number): Peer => ({ family: 4, address: Int32Array.of(address, 0, 0, 0), mask: EXACT4 });

/** A received record from and to these addresses. */
function record(family: 4 | 6, src: readonly number[], dst: readonly number[] = []): Int32Array {
  const words = new Int32Array(TUNNEL_WORDS);
  words[TunnelWord.FAMILY] = family;
  words.set(src, TunnelWord.SRC_IP);
  words.set(dst, TunnelWord.DST_IP);
  return words;
}

// Few values, so that addresses meet masks.
const word = fc.constantFrom(0, 1, 2, 0x0a000001, 0x0a000101, 0x7f000001, 0xffffffff, 0x80000000).map((n) => n | 0);
const maskWord = fc.constantFrom(0, -1, -1, 0xff000000, 0xffffff00, 1, 0x0f0f0f0f).map((n) => n | 0);
const peer: fc.Arbitrary<Peer> = fc
  .tuple(
    fc.constantFrom(4 as const, 6 as const),
    fc.tuple(word, word, word, word),
    fc.tuple(maskWord, maskWord, maskWord, maskWord),
  )
  .map(([family, address, mask]) => {
    const bits = family === 4 ? [mask[0], 0, 0, 0] : mask;
    return { family, mask: Int32Array.from(bits), address: Int32Array.from(address.map((a, n) => a & (bits[n] ?? 0))) };
  });

test('a table knows whom a look at every peer, one after the other, knows', (t) => {
  let known = 0;
  let unknown = 0;
  fc.assert(
    fc.property(
      fc.array(peer, { maxLength: 40, size: 'max' }),
      fc.array(fc.tuple(fc.constantFrom(4 as const, 6 as const), word, word, word, word), {
        minLength: 1,
        maxLength: 40,
        size: 'max',
      }),
      (peers, senders) => {
        const words = peerWords(peers, undefined);
        for (const [family, ...all] of senders) {
          const src = family === 4 ? [all[0], 0, 0, 0] : all;
          const expected = peers.some(
            (each) => each.family === family && src.every((a, n) => (a & (each.mask[n] ?? 0)) === each.address[n]),
          );
          if (expected) known++;
          else unknown++;
          t.is(peerVerdict(words, record(family, src), 0), expected ? PEER_KNOWN : PEER_UNKNOWN);
        }
      },
    ),
    { seed: 7, numRuns: 500 },
  );
  t.true(known > 500 && unknown > 500, `${known} known, ${unknown} unknown`);
});

test('a thousand peers are found in a few probes, and none beside them', (t) => {
  const words = peerWords(
    Array.from({ length: 1000 }, (_, n) => one(0x0a000000 + n)),
    undefined,
  );
  for (let n = 0; n < 1000; n++) t.is(peerVerdict(words, record(4, [0x0a000000 + n]), 0), PEER_KNOWN);
  for (let n = 0; n < 1000; n++) t.is(peerVerdict(words, record(4, [0x0a010000 + n]), 0), PEER_UNKNOWN);
  // One mask, half of the slots free.
  t.true(words.length <= 6 + 7 + 2048 * 5, `${words.length} words`);
});

test('a table without peers knows nobody, whatever the record', (t) => {
  const words = peerWords([], undefined);
  t.is(peerVerdict(words, record(4, [0]), 0), PEER_UNKNOWN);
  t.is(peerVerdict(words, record(6, [0, 0, 0, 0]), 0), PEER_UNKNOWN);
  t.is(peerVerdict(words, new Int32Array(TUNNEL_WORDS), 0), PEER_UNKNOWN);
});

test('a device with an address of its own takes what was sent there, or to a group, from those it knows', (t) => {
  const words = peerWords([one(1)], { family: 4, address: Int32Array.of(0x0a000001, 0, 0, 0) });
  t.is(peerVerdict(words, record(4, [1], [0x0a000001]), 0), PEER_KNOWN);
  t.is(peerVerdict(words, record(4, [1], [0x0a000002]), 0), PEER_ELSEWHERE);
  t.is(peerVerdict(words, record(4, [1], [0xef010101]), 0), PEER_KNOWN);
  t.is(peerVerdict(words, record(4, [2], [0x0a000001]), 0), PEER_UNKNOWN);
  const six = peerWords([{ family: 6, address: Int32Array.of(1, 0, 0, 1), mask: new Int32Array(4).fill(-1) }], {
    family: 6,
    address: Int32Array.of(1, 0, 0, 2),
  });
  t.is(peerVerdict(six, record(6, [1, 0, 0, 1], [1, 0, 0, 2]), 0), PEER_KNOWN);
  t.is(peerVerdict(six, record(6, [1, 0, 0, 1], [1, 0, 0, 3]), 0), PEER_ELSEWHERE);
  t.is(peerVerdict(six, record(6, [1, 0, 0, 1], [0xff020000, 0, 0, 1]), 0), PEER_KNOWN);
});

const FRAME = buildFrame({ payload: noise(40, 1) });
const from = (address: number, bytes: Uint8Array) => ({ bytes, tunnel: { SRC_IP: address } });

test('an engine that is strict drops what strangers send, and nothing of theirs is looked into', (t) => {
  const harness = new Harness();
  harness.engine.peers.isOn = true;
  harness.receive(from(1, vxlan(4, FRAME)));
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 1 }, 'nobody was named yet');
  harness.engine.peers.use(VXLAN0, peerWords([one(1)], undefined));
  harness.receive(
    from(1, vxlan(4, FRAME)),
    from(2, vxlan(4, FRAME)),
    from(2, vxlan(4, FRAME, 0x09)), // reserved bits: of a peer they would be an error
    from(2, vxlan(4, new Uint8Array(0))),
    from(1, vxlan(4, FRAME)),
  );
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 4, unmatched: 2 });
  t.is(harness.face.written.length > 0, true);
  t.is(harness.device(VXLAN0, 'RX_PACKETS'), 2);
  t.is(harness.device(VXLAN0, 'RX_DROPPED'), 4);
  t.is(harness.device(VXLAN0, 'RX_ERRORS'), 0);
  harness.engine.peers.use(VXLAN0, undefined);
  harness.receive(from(1, vxlan(4, FRAME)));
  t.is(harness.reason(VXLAN0, 'unknown-peer'), 5, 'whoever is no peer any more is a stranger');
});

test('of equal datagrams in a row each is judged by its own sender', (t) => {
  const harness = new Harness();
  harness.engine.peers.isOn = true;
  harness.engine.peers.use(VXLAN0, peerWords([one(1)], undefined));
  const datagram = vxlan(4, FRAME);
  const bundle = concat(datagram, datagram, datagram);
  harness.receive(
    { ...from(1, bundle), segmentSize: datagram.length },
    { ...from(2, bundle), segmentSize: datagram.length },
    from(1, datagram),
    from(2, datagram),
    from(1, datagram),
    from(1, datagram),
  );
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 4, unmatched: 6 });
});

test('an engine that is not strict asks nobody who he is', (t) => {
  const harness = new Harness();
  harness.receive(from(2, vxlan(4, FRAME)));
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 1 });
});

test('a table is memory that garbage collectors count: workers get a new one with every edit', (t) => {
  t.true(peerWords([one(1)], undefined).buffer instanceof ArrayBuffer);
});
