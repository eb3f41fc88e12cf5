import test from 'ava';
import { DROP_FRAMES, DropRing, DropWord } from './drop-ring.js';

const REASON = 3;

function write(ring: DropRing, n: number): void {
  const slot = ring.begin(REASON, n);
  ring.words[slot + DropWord.DEVICE] = n;
  ring.keep(slot, Uint8Array.of(n, n), 0, 2, 2);
  ring.end(REASON, slot);
}

const devices = (ring: DropRing): number[] => ring.read(REASON).map(({ device }) => device);

test('the last frames of a reason are read, the newest first', (t) => {
  const ring = new DropRing();
  for (let n = 1; n <= DROP_FRAMES + 3; n++) write(ring, n);
  t.deepEqual(
    devices(ring),
    Array.from({ length: DROP_FRAMES }, (_, n) => DROP_FRAMES + 3 - n),
  );
});

test('a thread that dies over a slot, at whatever instruction, costs that frame and no later one', (t) => {
  const deaths: readonly ((ring: DropRing) => void)[] = [
    (ring) => {
      ring.begin(REASON, 99);
    },
    (ring) => {
      ring.keep(ring.begin(REASON, 99), Uint8Array.of(9), 0, 1, 1);
    },
    // Twice, over the same slot.
    (ring) => {
      ring.begin(REASON, 99);
      new DropRing(ring.buffer).begin(REASON, 99);
    },
    // The slot is whole, and not counted.
    (ring) => {
      Atomics.add(ring.words, ring.begin(REASON, 99) + DropWord.SEQUENCE, 1);
    },
  ];
  for (const die of deaths) {
    const reader = new DropRing();
    for (let n = 1; n <= DROP_FRAMES; n++) write(new DropRing(reader.buffer), n);
    die(new DropRing(reader.buffer));
    t.true(devices(reader).length >= DROP_FRAMES - 1);
    const next = new DropRing(reader.buffer);
    for (let n = 11; n <= 10 + DROP_FRAMES; n++) {
      write(next, n);
      t.is(devices(reader)[0], n);
    }
    t.is(devices(reader).length, DROP_FRAMES);
  }
});
