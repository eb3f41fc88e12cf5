import test from 'ava';
import { Arena } from './arena.js';
import { DROP_FRAMES, DropRing, FrameKind } from './drop-ring.js';
import { NONE, type PacketIndex, Packets } from './packets.js';
import { REASON } from './reasons.js';
import { ReceivedDatagrams } from './received.js';
import { Witness } from './witness.js';

const REASONS_SEEN = [REASON['unknown-vni'], REASON['reserved-bits']];

function bench() {
  const arena = new Arena(1024 * 1024);
  const packets = new Packets(arena, 16);
  const ring = new DropRing();
  return { witness: new Witness(arena.u8, packets, new ReceivedDatagrams(arena, 2, 4), ring), packets, ring };
}

test('of each reason the first frames of a window are kept, as many as there is room for, and a capture sees all', (t) => {
  const { witness, ring } = bench();
  const device = (reason: number) => ring.read(reason).map((frame) => frame.device);
  let seen = 0;
  for (const window of [0, 1, 7]) {
    witness.tick(window);
    for (let n = 0; n < 20; n++) for (const reason of REASONS_SEEN) witness.counted(100 * window + n, reason, NONE);
    const first = Array.from({ length: DROP_FRAMES }, (_, n) => 100 * window + DROP_FRAMES - 1 - n);
    for (const reason of REASONS_SEEN) t.deepEqual(device(reason), first, `window ${window}`);
    witness.tap = { counted: () => seen++ };
  }
  t.is(seen, 2 * 20 * REASONS_SEEN.length);
  witness.tick(8);
  witness.counted(9, REASON['unknown-vni'], NONE);
  t.deepEqual(device(REASON['unknown-vni']).slice(0, 2), [9, 707], 'a new window adds to what is there');
});

test('what is kept is the packet, or where there is none the bytes at hand, until there are none', (t) => {
  const { witness, packets, ring } = bench();
  const reason = REASON['unknown-vni'];
  const packet: PacketIndex = packets.take(4096, 60);
  witness.counted(1, reason, packet);
  witness.datagram(512, 30, 1);
  witness.counted(1, reason, NONE);
  witness.nothing();
  witness.counted(1, reason, NONE);
  t.deepEqual(
    ring.read(reason).map(({ kind, length }) => [kind, length]),
    [
      [FrameKind.NONE, 0],
      [FrameKind.DATAGRAM, 30],
      [FrameKind.FRAME, 60],
    ],
  );
});
