import test from 'ava';
import { dissect } from '../classifier/dissect.js';
import { KEY_WORDS } from '../classifier/flow-key.js';
import { Arena } from '../memory/arena.js';
import { Packets } from '../memory/packets.js';
import { PATH_MTU_BYTES, PathMtus } from './path-mtu.js';

const ETHERNET = '0225d0130102 2425d0e10000';
const ROUTER = '0a080001';
const SENDER = '0a040001';
const FAR = '0a080002';
const FAR6 = 'fd080000000000000000000000000002';
const LOCAL6 = 'fd040000000000000000000000000001';

function bytesOf(...hex: string[]): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.join('').replace(/\s/g, ''), 'hex'));
}

/** Ethernet, IPv4 and an ICMP message of this type, code and next-hop MTU about a TCP packet to FAR. */
function needsFragmentation(mtu: number, type = '03', code = '04', about = 28): Uint8Array {
  const original = `45000578 00004000 40060000 ${SENDER} ${FAR} 1451 1451 00000001`
    .replace(/\s/g, '')
    .slice(0, about * 2);
  const length = (28 + original.length / 2).toString(16).padStart(4, '0');
  const icmp = `${type}${code} 0000 0000 ${mtu.toString(16).padStart(4, '0')}`;
  return bytesOf(ETHERNET, '0800', `4500 ${length} 0000 0000 4001 0000 ${ROUTER} ${SENDER}`, icmp, original);
}

function tooBig(mtu: number): Uint8Array {
  const original = `60000000 0514 0640 ${LOCAL6} ${FAR6}`;
  const icmp = `0200 0000 ${mtu.toString(16).padStart(8, '0')}`;
  return bytesOf(ETHERNET, '86dd', `60000000 0030 3a40 ${FAR6} ${LOCAL6}`, icmp, original);
}

/** A TCP packet to FAR, or over IPv6 to FAR6. */
const TO_FAR = bytesOf(ETHERNET, '0800', `4500 0028 0000 4000 4006 0000 ${SENDER} ${FAR}`, '1451'.repeat(10));
const TO_FAR6 = bytesOf(ETHERNET, '86dd', `60000000 0014 0640 ${LOCAL6} ${FAR6}`, '1451'.repeat(10));

class Bench {
  readonly arena = new Arena(65536 * 4);
  readonly packets = new Packets(this.arena, 64);
  readonly paths: PathMtus;
  private readonly key = new Int32Array(KEY_WORDS);
  private readonly slot = this.arena.alloc(2048);

  constructor(shared?: SharedArrayBuffer) {
    this.paths = new PathMtus(this.arena.u8, this.packets, shared);
  }

  hear(frame: Uint8Array): void {
    this.paths.observe(this.dissect(frame), this.key);
  }

  limit(frame: Uint8Array, mtu = 1450): number {
    this.dissect(frame);
    return this.paths.limit(this.key, mtu);
  }

  private dissect(frame: Uint8Array): Parameters<PathMtus['observe']>[0] {
    this.packets.reset();
    this.arena.u8.fill(0xa5, this.slot, this.slot + 2048);
    this.arena.u8.set(frame, this.slot);
    const packet = this.packets.take(this.slot, frame.length);
    dissect(this.arena.u8, this.slot, frame.length, this.packets, packet, this.key, 0);
    return packet;
  }
}

test('nothing said, the MTU is what the device allows', (t) => {
  t.is(new Bench().limit(TO_FAR), 1450);
});

test('fragmentation needed lowers the MTU to that destination and no other', (t) => {
  const bench = new Bench();
  bench.hear(needsFragmentation(1300));
  t.is(bench.limit(TO_FAR), 1300);
  t.is(bench.limit(TO_FAR, 1200), 1200, 'it never raises it');
  t.is(bench.limit(TO_FAR6), 1450);
});

test('packet too big does the same over IPv6', (t) => {
  const bench = new Bench();
  bench.hear(tooBig(1280));
  t.is(bench.limit(TO_FAR6), 1280);
  t.is(bench.limit(TO_FAR), 1450);
});

test('a word is believed for ten minutes, and a later one replaces it', (t) => {
  const bench = new Bench();
  bench.paths.now = 1_000;
  bench.hear(needsFragmentation(1300));
  bench.paths.now = 1_500;
  bench.hear(needsFragmentation(1350));
  bench.paths.now = 2_100;
  t.is(bench.limit(TO_FAR), 1350);
  bench.paths.now = 2_101;
  t.is(bench.limit(TO_FAR), 1450);
});

const unbelievable: readonly [string, Uint8Array][] = [
  ['an MTU below the least that Linux believes', needsFragmentation(551)],
  ['an IPv6 MTU below 1280', tooBig(1279)],
  ['another code of destination unreachable', needsFragmentation(1300, '03', '03')],
  ['another type with code 4', needsFragmentation(1300, '0b', '04')],
  ['a message that is cut within the header it is about', needsFragmentation(1300, '03', '04', 19)],
  ['an ordinary packet', TO_FAR],
];
for (const [what, frame] of unbelievable) {
  test(`${what} says nothing`, (t) => {
    const bench = new Bench();
    bench.hear(frame);
    t.is(bench.limit(TO_FAR), 1450);
    t.is(bench.limit(TO_FAR6), 1450);
  });
}

test('what one worker was told another heeds', (t) => {
  const shared = new SharedArrayBuffer(PATH_MTU_BYTES);
  const [one, other] = [new Bench(shared), new Bench(shared)];
  one.hear(needsFragmentation(1300));
  t.is(other.limit(TO_FAR), 1300);
});
