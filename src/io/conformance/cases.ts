/** What every underlay must do, whatever it is made of. Free of any test framework: what fails throws. */
import assert from 'node:assert/strict';
import { REASON } from '../../memory/reasons.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TunnelWord } from '../../memory/tunnel.js';
import { EAFNOSUPPORT, EINVAL, EMSGSIZE, ENETUNREACH } from '../../native/errno.js';
import { addressWords } from '../testing/loopback.js';
import { type Arrived, BATCH, type Station, VECTOR, type Words } from './station.js';

/** An underlay, and a peer on the other end of a wire (or what stands for them). */
export interface Bench {
  readonly family: 4 | 6;
  readonly underlay: Station;
  /** Its own address and port. */
  readonly address: Uint8Array;
  readonly port: number;
  /** The peer's: it is a UDP socket. */
  readonly peer: Station;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
  /** Source ports, the upper bound exclusive. */
  readonly sourcePorts: readonly [number, number];
  /** Source ports that it has at most. */
  readonly sourcePortCount: number;
  /** An address of the family that no route leads to. */
  readonly unreachable: Uint8Array;
  /** MTU of the wire. */
  readonly mtu: number;
  /** Has the peer's host send a UDP datagram to the underlay, in fragments where it is long; `isDamaged`: with a wrong checksum. */
  sendByHand(payload: Uint8Array, isDamaged: boolean): void;
}

export interface UnderlayCase {
  readonly title: string;
  /** Bytes of the underlay's receive queue, where the case needs few. */
  readonly receiveBuffer?: number;
  /** Whether the peer may send several datagrams as one (UDP_SEGMENT), as vtep's own UDP underlay does. */
  readonly peerBundles?: boolean;
  run(bench: Bench): Promise<void>;
}

/** `count` bytes that tell where they stood. */
export const pattern = (count: number, seed = 0): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8) + seed) & 0xff);

/** One word of a datagram's record. */
function word({ words }: Arrived, name: keyof typeof TunnelWord): number {
  return words[TunnelWord[name]] ?? -1;
}

function address({ words }: Arrived, at: number): number[] {
  return [...words.subarray(at, at + 4)];
}

const payloads = (arrived: readonly Arrived[]): Buffer[] => arrived.map(({ payload }) => payload);

/** The peer sends these payloads to the underlay, by two records in turn: so it strings no two of them together. */
function peerSends(
  { peer, address: to, port }: Bench,
  all: readonly Uint8Array[],
  more: Words = {},
  segment = 0,
): void {
  for (const record of [0, 1]) peer.record(record, to, port, more);
  for (const [n, payload] of all.entries()) peer.add([payload], n & 1, 0, segment);
  assert.deepEqual(
    peer.send().filter((errno) => errno !== 0),
    [],
  );
}

/** Has the underlay's records lead to the peer, each with its own words. */
function toPeer({ underlay, peerAddress, peerPort }: Bench, ...records: Words[]): void {
  for (const [i, more] of records.entries()) underlay.record(i, peerAddress, peerPort, more);
}

async function quiet(station: Station, bench: Bench, last: Uint8Array): Promise<Arrived[]> {
  // What was sent last comes last: then nothing of what went before it can be on its way any more.
  const arrived = await station.arrivals((all) => all.some(({ payload }) => payload.equals(last)));
  assert.ok(arrived.length > 0, `IPv${bench.family}: the last datagram did not come`);
  return arrived.slice(0, -1);
}

export const receiveCases: readonly UnderlayCase[] = [
  {
    title: 'a datagram arrives with its bytes and what its outer header says',
    async run(bench) {
      const { underlay, family } = bench;
      peerSends(bench, [pattern(1001)], { TOS: 0xb9, TTL: 17 });
      const [got] = await underlay.take(1);
      assert.ok(got);
      assert.ok(got.payload.equals(pattern(1001)));
      assert.equal(got.refused, 0);
      assert.equal(word(got, 'FAMILY'), family);
      assert.equal(word(got, 'TOS'), 0xb9);
      assert.equal(word(got, 'TTL'), 17);
      assert.deepEqual(address(got, TunnelWord.SRC_IP), addressWords(bench.peerAddress));
      assert.deepEqual(address(got, TunnelWord.DST_IP), addressWords(bench.address));
      assert.equal(word(got, 'DST_PORT'), bench.port);
      assert.ok(word(got, 'SRC_PORT') > 0);
      assert.equal(word(got, 'VNI'), 0);
      assert.equal(word(got, 'GBP'), 0);
      // Whether there was a checksum only those can tell that see the header.
      assert.equal(word(got, 'FLAGS') & ~(TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT), 0);
    },
  },
  {
    title: 'the shortest and the longest datagram of a wire arrive, and none that is not to the port',
    async run(bench) {
      const { underlay, mtu, family } = bench;
      const longest = mtu - 8 - (family === 4 ? 20 : 40);
      bench.peer.record(1, bench.address, bench.port + 1);
      bench.peer.add([pattern(9)], 1);
      bench.peer.send();
      peerSends(bench, [new Uint8Array(0), pattern(1), pattern(longest)]);
      assert.deepEqual(
        (await underlay.take(3)).map(({ payload }) => payload.length),
        [0, 1, longest],
      );
    },
  },
  {
    title: 'datagrams arrive in the order in which they were sent, many batches of them',
    async run(bench) {
      const all = Array.from({ length: BATCH * 10 }, (_, i) => pattern(20 + (i % 3), i));
      peerSends(bench, all);
      const got = await bench.underlay.take(all.length);
      assert.deepEqual(
        payloads(got),
        all.map((each) => Buffer.from(each)),
      );
    },
  },
  {
    title: 'a call fills no more than the batch holds, and the rest stays for the next one',
    async run(bench) {
      const { underlay } = bench;
      // Of different lengths, so that they come one by one.
      peerSends(
        bench,
        Array.from({ length: BATCH * 2 }, (_, i) => pattern(10 + i)),
      );
      const lengths: number[] = [];
      while (lengths.length < BATCH * 2) {
        const got = await underlay.arrivals((all) => all.length > 0);
        assert.ok(got.length > 0 && got.length <= BATCH, `${got.length} entries`);
        lengths.push(...got.map(({ payload }) => payload.length));
      }
      assert.deepEqual(
        lengths,
        Array.from({ length: BATCH * 2 }, (_, i) => 10 + i),
      );
    },
  },
  {
    title: 'where nothing waits the batch is emptied, and a descriptor that is none is refused',
    async run({ underlay }) {
      underlay.batch.count = 3;
      underlay.batch.overflow = 3;
      assert.equal(underlay.underlay.receive(0, underlay.batch), 0);
      assert.equal(underlay.batch.count, 0);
      assert.equal(underlay.batch.overflow, 0);
      assert.equal(underlay.underlay.receive(underlay.underlay.receiveFds.length, underlay.batch), -EINVAL);
    },
  },
  {
    title: 'a bundle arrives as the datagrams that it was made of',
    peerBundles: true,
    async run(bench) {
      // VXLAN with an inner IPv4 packet each: nothing else tells an underlay without UDP_GRO where one ends.
      const frames = Array.from({ length: 10 }, (_, i) => vxlanFrame(i < 9 ? 500 : 300, i));
      peerSends(bench, [Buffer.concat(frames)], {}, frames[0]?.length);
      const got = await bench.underlay.take(frames.length);
      assert.deepEqual(payloads(got), frames);
      assert.ok(got.every((each) => word(each, 'DST_PORT') === bench.port));
      const requests = Array.from({ length: 5 }, (_, i) => vxlanArp(i));
      peerSends(bench, [Buffer.concat(requests)], {}, requests[0]?.length);
      assert.deepEqual(payloads(await bench.underlay.take(5)), requests);
    },
  },
  {
    title: 'a datagram whose checksum is wrong is refused, or never seen',
    async run(bench) {
      bench.sendByHand(pattern(100), true);
      peerSends(bench, [pattern(5)]);
      const before = await quiet(bench.underlay, bench, pattern(5));
      assert.ok(before.every(({ refused }) => refused === REASON['outer-checksum']));
      assert.ok(before.length <= 1);
    },
  },
  {
    title: 'a datagram that came in fragments arrives whole',
    async run(bench) {
      bench.sendByHand(pattern(4000), false);
      const [got] = await bench.underlay.take(1);
      assert.ok(got?.payload.equals(pattern(4000)));
    },
  },
  {
    title: 'what there was no room for is told once, as a difference',
    receiveBuffer: 16384,
    async run(bench) {
      const { underlay } = bench;
      let sent = 0;
      let received = 0;
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 16; i++) {
          peerSends(
            bench,
            Array.from({ length: VECTOR }, (_, n) => pattern(1000 + (n & 1))),
          );
          sent += VECTOR;
        }
        received += (await underlay.arrivals((all) => all.length > 0 && !underlay.isReadable())).length;
        peerSends(bench, [pattern(3)]);
        sent++;
        received += (await underlay.arrivals((all) => all.some(({ payload }) => payload.length === 3))).length;
      }
      const lost = underlay.overflow + underlay.underlay.takeOverflow();
      assert.ok(lost > 0, 'nothing was lost');
      assert.equal(received + lost, sent);
      assert.equal(underlay.underlay.takeOverflow(), 0, 'it is told once');
    },
  },
];

/** A VXLAN header of VNI 4 and an Ethernet frame with an IPv4 packet of `bytes` bytes in all. */
export function vxlanFrame(bytes: number, seed: number): Buffer {
  const frame = Buffer.from(pattern(8 + 14 + bytes, seed));
  frame.set([8, 0, 0, 0, 0, 0, 4, 0]);
  frame.writeUInt16BE(0x0800, 8 + 12);
  frame.set([0x45, 0], 8 + 14);
  frame.writeUInt16BE(bytes, 8 + 16);
  return frame;
}

/** A VXLAN header of VNI 4 and an ARP packet. */
function vxlanArp(seed: number): Buffer {
  const frame = Buffer.from(pattern(8 + 14 + 28, seed));
  frame.set([8, 0, 0, 0, 0, 0, 4, 0]);
  frame.writeUInt16BE(0x0806, 8 + 12);
  return frame;
}

export const sendCases: readonly UnderlayCase[] = [
  {
    title: 'a datagram leaves with its bytes and the outer header that its record asks for',
    async run(bench) {
      const { underlay, peer } = bench;
      const own = addressWords(bench.address);
      const source = { SRC_IP: own[0] ?? 0 };
      toPeer(bench, { TOS: 0x2d, TTL: 9, ...source });
      underlay.tunnels.set(own, TunnelWord.SRC_IP);
      underlay.add([pattern(3), pattern(0), pattern(14, 1), pattern(333, 2)]);
      assert.deepEqual(underlay.send(), [0]);
      const [got] = await peer.take(1);
      assert.ok(got?.payload.equals(Buffer.concat([pattern(3), pattern(14, 1), pattern(333, 2)])));
      assert.equal(word(got, 'TOS'), 0x2d);
      assert.equal(word(got, 'TTL'), 9);
      assert.deepEqual(address(got, TunnelWord.SRC_IP), own);
      assert.equal(word(got, 'DST_PORT'), bench.peerPort);
    },
  },
  {
    title: 'what a record leaves open is the route’s choice',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, {});
      underlay.add([pattern(30)]);
      assert.deepEqual(underlay.send(), [0]);
      const [got] = await peer.take(1);
      assert.ok(got?.payload.equals(pattern(30)));
      assert.deepEqual(address(got, TunnelWord.SRC_IP), addressWords(bench.address));
      assert.equal(word(got, 'TTL'), 64);
      assert.equal(word(got, 'TOS'), 0);
    },
  },
  {
    title: 'a flow keeps one source port of the range, and flows spread over them',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, {});
      for (let i = 0; i < 128; i++) underlay.add([Uint8Array.of(i & 31, i)], 0, Math.imul(i & 31, 0x9e3779b1));
      assert.ok(underlay.send().every((errno) => errno === 0));
      const ports = new Map<number, Set<number>>();
      for (const got of await peer.take(128)) {
        const flow = got.payload[0] ?? 0;
        ports.set(flow, (ports.get(flow) ?? new Set()).add(word(got, 'SRC_PORT')));
        const told = underlay.underlay.sourcePort?.(bench.family, Math.imul(flow, 0x9e3779b1));
        assert.equal(told, word(got, 'SRC_PORT'), 'what it says that it sends from');
      }
      assert.equal(ports.size, 32);
      assert.ok([...ports.values()].every((set) => set.size === 1));
      const all = new Set([...ports.values()].flatMap((set) => [...set]));
      const [low, high] = bench.sourcePorts;
      assert.ok(
        [...all].every((port) => port >= low && port < high),
        [...all].join(' '),
      );
      assert.ok(all.size >= Math.min(bench.sourcePortCount, 24), `${all.size} ports`);
    },
  },
  {
    title: 'a bundle leaves as its datagrams, in order, and neighbours keep their place',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, {});
      const parts = [pattern(3), pattern(998), pattern(1100, 1), pattern(1, 2), pattern(6901, 3)];
      underlay.add([pattern(4, 9)]);
      underlay.add(parts, 0, 0, 101);
      underlay.add([pattern(4, 8)]);
      assert.deepEqual(underlay.send(), [0, 0, 0]);
      const whole = Buffer.concat(parts);
      const pieces = Math.ceil(whole.length / 101);
      const got = payloads(await peer.take(pieces + 2));
      assert.equal(got.length, pieces + 2);
      assert.ok(got[0]?.equals(pattern(4, 9)));
      assert.ok(got.slice(1, -2).every((each) => each.length === 101));
      assert.ok(Buffer.concat(got.slice(1, -1)).equals(whole));
      assert.ok(got.at(-1)?.equals(pattern(4, 8)));
    },
  },
  {
    title: 'each entry goes to its own destination, more of them than a call takes',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, { TTL: 10 }, { TTL: 20 });
      for (let i = 0; i < 200; i++) underlay.add([Uint8Array.of(i)], i >= 63 && i < 127 ? 1 : 0);
      assert.ok(underlay.send().every((errno) => errno === 0));
      const got = await peer.take(200);
      assert.equal(got.length, 200);
      for (const each of got) {
        const i = each.payload[0] ?? 0;
        assert.equal(word(each, 'TTL'), i >= 63 && i < 127 ? 20 : 10);
      }
    },
  },
  {
    title: 'without checksum a datagram has none',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, { FLAGS: 0 }, {});
      underlay.add([pattern(50, 1)]);
      underlay.add([pattern(51, 2)], 1);
      assert.deepEqual(underlay.send(), [0, 0]);
      // Over IPv6 the peer does not take such datagrams.
      const lengths = (await peer.take(bench.family === 4 ? 2 : 1)).map(({ payload }) => payload.length);
      assert.deepEqual(lengths, bench.family === 4 ? [50, 51] : [51]);
    },
  },
  {
    title: 'an entry that fails gets its errno and stops no other',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, {}, { FAMILY: 0 });
      underlay.record(2, bench.unreachable, bench.peerPort);
      underlay.record(3, bench.peerAddress, bench.peerPort, { FAMILY: bench.family === 4 ? 6 : 4 });
      for (let i = 0; i < 3; i++) {
        underlay.add([pattern(10 + i)]);
        underlay.add([new Uint8Array(65530)]);
        underlay.add([pattern(1)], 1);
        underlay.add([pattern(1)], 2);
        underlay.add([pattern(1)], 3);
      }
      const row = [0, EMSGSIZE, EAFNOSUPPORT, ENETUNREACH, EAFNOSUPPORT];
      assert.deepEqual(underlay.send(), [...row, ...row, ...row]);
      assert.deepEqual(
        (await peer.take(3)).map(({ payload }) => payload.length),
        [10, 11, 12],
      );
    },
  },
  {
    title:
      'what is longer than the path is fragmented, and with DF or over IPv6 refused, of a bundle from the first on',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, {}, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
      underlay.add([pattern(3000)]);
      underlay.add([pattern(3000)], 1);
      underlay.add([pattern(3000), pattern(3000)], 1, 0, 3000);
      underlay.add([pattern(1000)], 1);
      const vector = underlay.vector;
      const four = bench.family === 4;
      assert.deepEqual(underlay.send(), [four ? 0 : EMSGSIZE, EMSGSIZE, EMSGSIZE, 0]);
      assert.deepEqual([vector.sentBefore[1], vector.sentBefore[2]], [0, 0]);
      const got = await peer.take(four ? 2 : 1);
      assert.equal(
        got.some(({ payload }) => payload.equals(pattern(3000))),
        four,
      );
      assert.ok(got.some(({ payload }) => payload.equals(pattern(1000))));
    },
  },
  {
    title: 'what fits goes out behind what is too long for the path, though the two could be strung together',
    async run(bench) {
      const { underlay, peer } = bench;
      toPeer(bench, { FLAGS: TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT });
      for (const length of [3000, 3000, 1000]) underlay.add([pattern(length)]);
      assert.deepEqual(underlay.send(), [EMSGSIZE, EMSGSIZE, 0]);
      assert.deepEqual(payloads(await peer.take(1)), [Buffer.from(pattern(1000))]);
    },
  },
  {
    title: 'a destination port of 0 is the underlay’s own',
    async run(bench) {
      const { underlay, peer } = bench;
      underlay.record(0, bench.peerAddress, 0);
      underlay.add([pattern(7)]);
      assert.deepEqual(underlay.send(), [0]);
      // The peer listens on another port; what comes back is an ICMP error, which must not disturb.
      toPeer(bench, {});
      underlay.add([pattern(8)]);
      underlay.send();
      assert.deepEqual(
        (await peer.take(1)).map(({ payload }) => payload.length),
        [8],
      );
    },
  },
  {
    title: 'an underlay does not receive what it sends itself, and an empty vector takes no call',
    async run(bench) {
      const { underlay } = bench;
      assert.equal(underlay.underlay.send(underlay.vector, underlay.tunnels), 0);
      toPeer(bench, { DST_PORT: bench.port });
      underlay.add([pattern(60)]);
      underlay.send();
      peerSends(bench, [pattern(61)]);
      assert.deepEqual(await quiet(underlay, bench, pattern(61)), []);
    },
  },
];
