import test from 'ava';
import { TUNNEL_CSUM, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { outerPacket } from './outer-packet.js';

for (const family of [4, 6] as const)
  test(`over IPv${family} a packet is the same whatever was put together before it, and its maker keeps none of it`, (t) => {
    const tunnel = new Int32Array(TUNNEL_WORDS);
    tunnel[TunnelWord.FAMILY] = family;
    tunnel[TunnelWord.SRC_IP] = 0x0a000001;
    tunnel[TunnelWord.DST_IP] = 0x0a000002;
    tunnel[TunnelWord.FLAGS] = TUNNEL_CSUM;
    const others = new Int32Array(TUNNEL_WORDS).fill(-1);
    others[TunnelWord.FAMILY] = family;
    const payload = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => n * 7 + 1);
    for (const length of [8, 9, 10, 11, 1400, 3001]) {
      const make = (): Uint8Array => outerPacket({ tunnel, hash: 0x12345678 }, payload(length), { dstport: 4789 });
      const first = make();
      const before = first.slice();
      outerPacket({ tunnel: others, hash: -1 }, new Uint8Array(60_000).fill(0xff), { dstport: 1 });
      t.deepEqual(make(), before, `${length} bytes`);
      t.deepEqual(first, before);
      t.is(before.length, (family === 4 ? 28 : 48) + length);
    }
  });
