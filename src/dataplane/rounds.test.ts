import test from 'ava';
import { EAGAIN, EBADF, EBADFD } from '../native/errno.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import { MESSAGES } from './engine.js';
import { Harness, redirect, set, TAP0, unset, VXLAN0, vxlan } from './harness.test.helper.js';
import { POLL_DEVICE } from './poll-set.js';
import { BATCHES, type RoundEngine, Rounds } from './rounds.js';
import { WrittenPorts } from './written-ports.js';

/** Entries of a poll set that are all ready, as kind, device and which. */
function entries(...rows: readonly (readonly [kind: number, device: number, which: number])[]) {
  return {
    ready: (n: number) => n,
    kind: (entry: number) => rows[entry]?.[0] ?? POLL_DEVICE.NONE,
    device: (entry: number) => rows[entry]?.[1] ?? -1,
    which: (entry: number) => rows[entry]?.[2] ?? -1,
    tried: () => {},
  };
}

const BOTH = entries([POLL_DEVICE.CONTROL, 0, 0], [POLL_DEVICE.UNDERLAY, VXLAN0, 0], [POLL_DEVICE.PORT, TAP0, 0]);
const noFailures = {
  underlay: () => {
    throw new Error('an underlay failed');
  },
  port: () => {
    throw new Error('a port failed');
  },
};

/** A TAP and a tunnel: what comes in on one goes out on the other. */
function endpoint(): { harness: Harness; rounds: Rounds } {
  const harness = new Harness();
  harness.use([
    { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
    { device: VXLAN0, actions: [unset(), redirect(TAP0)] },
  ]);
  return { harness, rounds: new Rounds(BOTH, harness.engine, harness.engine.written, noFailures) };
}

const frame = (n: number): Uint8Array => buildFrame({ protocol: 'udp', payload: noise(100, n), sourcePort: 2000 + n });
const FLOOD = 5000;

test('while the tunnel is flooded, what the host sends goes with the next round', (t) => {
  const { harness, rounds } = endpoint();
  for (let n = 0; n < FLOOD; n++) harness.underlay0.incoming[0]?.push({ bytes: vxlan(4, frame(n % 7)) });
  for (let round = 1; round <= 5; round++) {
    harness.tap0.incoming.push({ bytes: frame(round) });
    rounds.serve(3);
    t.is(harness.underlay0.sent.length, round);
    t.is(harness.underlay0.incoming[0]?.length, FLOOD - round * BATCHES * MESSAGES, 'and a few batches came in');
  }
});

test('while the host floods its TAP, what the tunnel brings is delivered with the next round', (t) => {
  const { harness, rounds } = endpoint();
  for (let n = 0; n < FLOOD; n++) harness.tap0.incoming.push({ bytes: frame(n % 7) });
  for (let round = 1; round <= 5; round++) {
    harness.underlay0.incoming[0]?.push({ bytes: vxlan(4, frame(round)) });
    const before = harness.tap0.incoming.length;
    rounds.serve(3);
    t.is(harness.tap0.written.length, round);
    // Once for itself, and once because something was written to it.
    t.is(before - harness.tap0.incoming.length, 2 * 64);
  }
});

test('the answer to what was written to a port is fetched in the same round', (t) => {
  const { harness } = endpoint();
  const rounds = new Rounds(
    entries([POLL_DEVICE.UNDERLAY, VXLAN0, 0]),
    harness.engine,
    harness.engine.written,
    noFailures,
  );
  harness.underlay0.incoming[0]?.push({ bytes: vxlan(4, frame(1)) });
  harness.tap0.incoming.push({ bytes: frame(2) });
  t.is(rounds.serve(1), 2);
  t.is(harness.tap0.written.length, 1);
  t.is(harness.underlay0.sent.length, 1);
  harness.tap0.incoming.push({ bytes: frame(3) });
  t.is(rounds.serve(1), 0, 'nothing was written: it is not looked at');
});

test('a receive queue is looked at again where it had several messages, and not for ever', (t) => {
  const took = (...batches: number[]): [work: number, calls: number] => {
    let calls = 0;
    const engine: RoundEngine = { serviceUnderlay: () => batches[calls++] ?? 0, servicePort: () => 0 };
    const rounds = new Rounds(entries([POLL_DEVICE.UNDERLAY, 0, 0]), engine, new WrittenPorts(), noFailures);
    return [rounds.serve(1), calls];
  };
  t.deepEqual(took(1, 9), [1, 1], 'a request, and its answer waits for nothing');
  t.deepEqual(took(9, 5, 2, 9), [16, 3]);
  t.deepEqual(took(9, 0, 9), [9, 2]);
  t.deepEqual(took(9, -EAGAIN, 9), [9, 2]);
  t.deepEqual(took(...new Array<number>(9).fill(MESSAGES)), [BATCHES * MESSAGES, BATCHES]);
});

test('a round with ports that write to each other ends', (t) => {
  const written = new WrittenPorts();
  let served = 0;
  const engine: RoundEngine = {
    serviceUnderlay: () => {
      written.mark(1);
      return 1;
    },
    servicePort: (device) => {
      served++;
      written.mark(3 - device);
      return 1;
    },
  };
  const rounds = new Rounds(entries([POLL_DEVICE.UNDERLAY, 0, 0]), engine, written, noFailures);
  t.is(rounds.serve(1), 3);
  t.is(served, 2);
  t.is(written.count, 0);
});

test('what is broken is told, what merely has nothing is not, and nothing of it is work', (t) => {
  const told: unknown[] = [];
  const results = [-EAGAIN, -EBADFD, 0];
  const engine = {
    serviceUnderlay: (number: number) => (number === 5 ? -EBADF : -EAGAIN),
    servicePort: () => results.shift() ?? 0,
  };
  const failures = {
    underlay: (number: number) => void told.push(number),
    port: (device: number, error: number) => void told.push([device, error]),
  };
  const { UNDERLAY, PORT, NONE } = POLL_DEVICE;
  const all = entries([UNDERLAY, 4, 0], [UNDERLAY, 5, 0], [PORT, 1, 0], [PORT, 2, 0], [PORT, 3, 0], [NONE, 9, 0]);
  t.is(new Rounds(all, engine, new WrittenPorts(), failures).serve(6), 0);
  t.deepEqual(told, [5, [2, -EBADFD]]);
});
