import test from 'ava';
import { WorkCounter } from '../memory/counters.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import { Harness, redirect, set, TAP0, VXLAN0 } from './harness.test.helper.js';

/** Calls of the underlay's `send` that it takes to deal with these frames, each once per batch. */
function batches(frames: readonly Uint8Array[]): number {
  const harness = new Harness();
  harness.use([{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }]);
  harness.send(TAP0, ...frames);
  requireSent(harness, frames.length);
  return harness.counters.workValue(WorkCounter.SEND_CALLS);
}

function requireSent(harness: Harness, frames: number): void {
  const sent = harness.counters.workValue(WorkCounter.SENT_DATAGRAMS);
  if (sent !== frames) throw new Error(`${sent} of ${frames} frames were sent`);
}

const frames = (count: number, bytes: number): Uint8Array[] =>
  Array.from({ length: count }, (_, n) => buildFrame({ protocol: 'udp', payload: noise(bytes, n) }));

test('what the host sends is read in batches of 64 small frames', (t) => {
  t.is(batches(frames(1, 10)), 1);
  t.is(batches(frames(64, 10)), 1);
  t.is(batches(frames(65, 10)), 2);
});

test('a batch ends where 64 KB have been read, after 16 frames at the least', (t) => {
  t.is(batches(frames(48, 1400)), 1);
  t.is(batches(frames(64, 1400)), 2);
  t.is(batches(frames(16, 9000)), 1);
  t.is(batches(frames(32, 9000)), 2);
});
