/** Two fakes joined by a wire that exists in memory only. */
import type { Arena } from '../../memory/arena.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { FakeUnderlay, segmentsOf } from '../fake/fake-underlay.js';
import { addressWords } from '../testing/loopback.js';

/** Source ports of the wire's ends. */
export const FAKE_SOURCE_PORTS = [32768, 60999] as const;

export class LinkedFake extends FakeUnderlay {
  other: LinkedFake | undefined;
  private readonly address: Uint8Array;
  private readonly port: number;

  constructor(arena: Arena, address: Uint8Array, port: number) {
    super(arena);
    this.address = address;
    this.port = port;
  }

  sourcePort(_family: number, hash: number): number {
    const [low, high] = FAKE_SOURCE_PORTS;
    return low + (((hash >>> 16) * (high - low)) >>> 16);
  }

  override send(vector: DatagramVector, tunnels: Int32Array): number {
    const calls = super.send(vector, tunnels);
    for (let m = 0; m < vector.count; m++) vector.sentBefore[m] = 0;
    for (const each of this.sent.splice(0)) {
      const words = new Int32Array(TUNNEL_WORDS);
      words.set(each.tunnel.subarray(TunnelWord.DST_IP, TunnelWord.DST_IP + 4), TunnelWord.DST_IP);
      words.set(addressWords(this.address), TunnelWord.SRC_IP);
      words[TunnelWord.FAMILY] = each.tunnel[TunnelWord.FAMILY];
      words[TunnelWord.TOS] = each.tunnel[TunnelWord.TOS];
      words[TunnelWord.TTL] = each.tunnel[TunnelWord.TTL] || 64;
      words[TunnelWord.DST_PORT] = each.tunnel[TunnelWord.DST_PORT] || this.port;
      words[TunnelWord.SRC_PORT] = this.sourcePort(4, each.hash);
      if (this.other?.port !== words[TunnelWord.DST_PORT]) continue;
      for (const bytes of segmentsOf(each)) this.other.incoming[0]?.push({ bytes, words });
    }
    return calls;
  }
}
