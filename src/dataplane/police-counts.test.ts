// What a police action counts, frame by frame: tcf_police_act's labels inc_overlimits, inc_drops and end.
import test from 'ava';
import { PoliceWord, Verdict } from '../actions/program.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import { type Action, gact, Harness, policeMtu, redirect, TAP0, TAP1, VXLAN0, vxlan } from './harness.test.helper.js';

type RateWord = keyof Pick<typeof PoliceWord, 'BYTE_TIME' | 'PACKET_TIME'>;

/** A policer of frames up to 1000 bytes, with a bucket of one nanosecond or none, and what it does with those within. */
function police(rate: RateWord | undefined, burst: number, conform: number, exceed: number): Action {
  const action = policeMtu(1000);
  const more = Int32Array.from(action.more ?? []);
  const doubles = new Float64Array(more.buffer, 0, PoliceWord.MTU / 2);
  if (rate !== undefined) {
    doubles[PoliceWord[rate] / 2] = 1;
    doubles[PoliceWord[rate] / 2 + 1] = burst;
  }
  return { ...action, control: exceed, a: conform, more: [...more] };
}

const small = buildFrame({ protocol: 'udp', payload: noise(60, 1) });
const large = buildFrame({ protocol: 'udp', payload: noise(1200, 2) });
const ENOUGH = 1e9;

const cases: readonly (readonly [title: string, action: Action, frame: Uint8Array, drops: number, over: number])[] = [
  ['within a length, passed on', police(undefined, 0, Verdict.PIPE, Verdict.SHOT), small, 0, 0],
  ['within a length, to be dropped', police(undefined, 0, Verdict.SHOT, Verdict.PIPE), small, 0, 0],
  ['beyond a length, dropped', police(undefined, 0, Verdict.PIPE, Verdict.SHOT), large, 1, 1],
  ['beyond a length, passed on', police(undefined, 0, Verdict.SHOT, Verdict.PIPE), large, 0, 1],
  ...(['BYTE_TIME', 'PACKET_TIME'] as const).flatMap(
    (rate) =>
      [
        [`within ${rate}, passed on`, police(rate, ENOUGH, Verdict.PIPE, Verdict.SHOT), small, 0, 0],
        [`within ${rate}, to be dropped`, police(rate, ENOUGH, Verdict.SHOT, Verdict.PIPE), small, 1, 0],
        [`beyond ${rate}, dropped`, police(rate, 0, Verdict.PIPE, Verdict.SHOT), small, 1, 1],
        [`beyond ${rate}, passed on`, police(rate, 0, Verdict.SHOT, Verdict.PIPE), small, 0, 1],
        [`within ${rate}, and beyond the length`, police(rate, ENOUGH, Verdict.PIPE, Verdict.SHOT), large, 1, 1],
      ] as const,
  ),
];

for (const [title, action, frame, drops, overlimits] of cases) {
  test(`police counts a frame ${title}`, (t) => {
    const harness = new Harness();
    harness.use([{ device: VXLAN0, actions: [action, redirect(TAP0)] }]);
    harness.receive(vxlan(4, frame));
    t.deepEqual(harness.action(0, 0), [1, frame.length - 14, drops, overlimits]);
    const isDropped = harness.tap0.written.length === 0;
    const reason = overlimits === 1 ? 'police-exceed' : 'action-drop';
    t.deepEqual(harness.reasons(VXLAN0), isDropped ? { [reason]: 1 } : {});
  });
}

test('what exceeds a police action may go on at the next pref', (t) => {
  const harness = new Harness();
  harness.use([
    { device: VXLAN0, actions: [police('PACKET_TIME', 0, Verdict.PIPE, Verdict.CONTINUE)] },
    { device: VXLAN0, pref: 2, actions: [redirect(TAP1), gact(Verdict.SHOT)] },
  ]);
  harness.receive(vxlan(4, small));
  t.deepEqual(harness.action(0, 0), [1, small.length - 14, 0, 1]);
  t.is(harness.tap1.written.length, 1);
});
