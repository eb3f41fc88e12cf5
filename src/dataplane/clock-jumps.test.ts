// Somebody sets the machine's clock, forth or back: nothing ages, refills or is forgotten by it.
import test, { type ExecutionContext } from 'ava';
import { PoliceWord, Verdict } from '../actions/program.js';
import { VxlanMode } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { ActionCounter } from '../memory/counters.js';
import { TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { buildFrame, concat } from '../offload/test-frames.js';
import { type Action, Harness, policeMtu, redirect, TAP0, unset, VXLAN0, vxlan } from './harness.test.helper.js';

const DAY = 86_400_000;
const AGEING = 3000;

/** By how many milliseconds the wall clock of this process is wrong from now on. */
function set(t: ExecutionContext): (by: number) => void {
  const { now } = Date;
  let wrong = 0;
  Date.now = () => now() + wrong;
  t.teardown(() => {
    Date.now = now;
  });
  return (by) => {
    wrong = by;
  };
}

test.serial('learned addresses stay, and refresh', (t) => {
  const jump = set(t);
  const fdb = new FdbRecords();
  const harness = new Harness({ fdb: fdb.buffer });
  const defaults = new Int32Array(TUNNEL_WORDS);
  defaults[TunnelWord.FLAGS] = TUNNEL_KEY;
  defaults[TunnelWord.VNI] = 4;
  harness.devices.setVxlan(VXLAN0, VxlanMode.CLASSIC | VxlanMode.LEARN, 4);
  fdb.setDevice(VXLAN0, 0, defaults);
  fdb.setOpen(VXLAN0, true);
  harness.engine.underlays.serve(VXLAN0, VXLAN0, Int32Array.of(4, VXLAN0, -1));
  const frame = concat(Uint8Array.of(2, 0, 0, 0, 0, 9), Uint8Array.of(2, 0, 0, 0, 0, 77), Uint8Array.of(0x88, 0xb5, 0));
  const aged: unknown[] = [];
  for (const by of [0, DAY, -DAY, 365 * DAY, 0]) {
    jump(by);
    harness.receive(vxlan(4, frame));
    fdb.age(
      () => AGEING,
      AGEING,
      (record) => aged.push(record),
    );
    const [entry] = fdb.list(VXLAN0);
    t.true(entry !== undefined && entry.updated >= 0 && entry.updated < AGEING / 2, `${by}`);
  }
  t.deepEqual(aged, []);
});

test.serial('a policer gives no more, and no less', (t) => {
  const jump = set(t);
  const more = new Int32Array(policeMtu(65_535).more ?? []);
  const doubles = new Float64Array(more.buffer, 0, PoliceWord.MTU / 2);
  // A packet an hour, three at once.
  doubles[PoliceWord.PACKET_TIME / 2] = 3600e9;
  doubles[PoliceWord.PACKET_TIME / 2 + 1] = 3 * 3600e9;
  const police: Action = { ...policeMtu(65_535), a: Verdict.PIPE, more: [...more] };
  const harness = new Harness();
  harness.engine.attachBuckets(new SharedArrayBuffer(1 << 20));
  harness.use([{ device: VXLAN0, actions: [police, unset(), redirect(TAP0)] }]);
  const datagram = vxlan(4, buildFrame({ protocol: 'udp' }));
  for (const by of [0, DAY, -DAY, 0, DAY]) {
    jump(by);
    harness.receive(datagram);
  }
  t.is(harness.tap0.written.length, 3);
  t.is(harness.reason(VXLAN0, 'police-exceed'), 2);
});

test.serial('when a filter was used last is told by how long ago that was', (t) => {
  const jump = set(t);
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  for (const by of [0, DAY, -DAY]) {
    jump(by);
    harness.receive(vxlan(4, buildFrame({ protocol: 'udp' })));
    const used = harness.actionCounters.value(0, ActionCounter.LAST_USED);
    t.true(Math.abs(SYSTEM_CLOCK.steady() - used) < DAY / 2);
  }
});
