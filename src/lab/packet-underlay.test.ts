import test from 'ava';
import { Arena } from '../memory/arena.js';
import { REASON } from '../memory/reasons.js';
import { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_CSUM, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { outerPacket } from './outer-packet.js';
import { PacketUnderlay, type PacketUnderlayOptions } from './packet-underlay.js';

const LOCAL = Uint8Array.of(10, 0, 0, 2);

/** A VXLAN packet from 10.0.0.1 to 10.0.0.2, or of IPv6 from ::1 to ::2. */
function packet(payload: number, { family = 4, port = 4789 } = {}): Uint8Array {
  const tunnel = new Int32Array(TUNNEL_WORDS);
  tunnel[TunnelWord.FAMILY] = family;
  tunnel[TunnelWord.FLAGS] = TUNNEL_CSUM;
  tunnel[TunnelWord.DST_PORT] = port;
  const last = family === 4 ? 0 : 3;
  tunnel[TunnelWord.SRC_IP + last] = family === 4 ? 0x0a000001 : 1;
  tunnel[TunnelWord.DST_IP + last] = family === 4 ? 0x0a000002 : 2;
  return outerPacket({ tunnel, hash: 1 }, new Uint8Array(payload).fill(7));
}

function begin(options: Partial<PacketUnderlayOptions> = {}): { underlay: PacketUnderlay; take: () => Taken } {
  const arena = new Arena(1024 * 1024);
  const underlay = new PacketUnderlay(arena, { port: 4789, families: [4, 6], zeroChecksum6: false, ...options });
  const batch = new ReceivedDatagrams(arena, 8, 0);
  const take = (): Taken => {
    const count = underlay.receive(0, batch);
    return {
      count,
      overflow: batch.overflow,
      lengths: [...batch.length.slice(0, count)],
      refused: [...batch.refused.slice(0, count)],
    };
  };
  return { underlay, take };
}

interface Taken {
  readonly count: number;
  readonly overflow: number;
  readonly lengths: readonly number[];
  readonly refused: readonly number[];
}

test('packets that a socket of its address, port and families would not be given are not taken', (t) => {
  const { underlay, take } = begin({ local: LOCAL });
  t.true(underlay.give(packet(50)));
  t.false(underlay.give(packet(50, { port: 4790 })));
  t.false(begin({ local: Uint8Array.of(10, 0, 0, 3) }).underlay.give(packet(50)));
  t.false(begin({ families: [6] }).underlay.give(packet(50)));
  t.true(begin({ families: [6] }).underlay.give(packet(50, { family: 6 })));
  t.false(underlay.give(new Uint8Array(0)));
  t.false(underlay.give(Uint8Array.of(0x45, 0, 0)));
  t.deepEqual(take(), { count: 1, overflow: 0, lengths: [50], refused: [0] });
});

test('a packet whose checksum is wrong is refused under its reason, and keeps no bytes', (t) => {
  const { underlay, take } = begin();
  const bytes = packet(50);
  bytes[bytes.length - 1] = 8;
  t.true(underlay.give(bytes));
  t.deepEqual(take(), { count: 1, overflow: 0, lengths: [0], refused: [REASON['outer-checksum']] });
});

test('its queue has a bound, told as overflow, and has all of its room again when it was emptied', (t) => {
  const { underlay, take } = begin({ queueBytes: 1000 });
  const fill = (): number => {
    let taken = 0;
    for (let n = 0; n < 50; n++) if (underlay.give(packet(100))) taken++;
    return taken;
  };
  const first = fill();
  t.is(first, 4);
  t.deepEqual(take(), { count: 4, overflow: 46, lengths: [100, 100, 100, 100], refused: [0, 0, 0, 0] });
  t.is(fill(), first);
  t.is(take().overflow, 46);
  t.is(take().overflow, 0);
});
