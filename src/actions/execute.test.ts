import test from 'ava';
import { Arena } from '../memory/arena.js';
import { ActionCounter, ActionCounters, Counters } from '../memory/counters.js';
import {
  GSO_TCPV4,
  type PacketIndex,
  Packets,
  SHARED,
  TUNNEL_RECEIVED,
  TUNNEL_TRANSMIT,
  UNFINISHED,
} from '../memory/packets.js';
import { REASON, type ReasonName } from '../memory/reasons.js';
import { Executor } from './execute.js';
import type { Outlet } from './outlet.js';
import { ACTION_WORDS, ActionKind, ActionWord, MIRRED_REDIRECT, Verdict } from './program.js';

const DEVICE = 3;

/** One action: kind, control, argument, A, B. It counts in the row of its place in the program. */
type Words = readonly [kind: number, control: number, argument?: number, a?: number, b?: number];

const gact = (control: number, argument = 0): Words => [ActionKind.GACT, control, argument];
const mirror = (device: number, control: number = Verdict.PIPE): Words => [ActionKind.MIRRED, control, 0, device, 0];
const redirect = (device: number): Words => [ActionKind.MIRRED, Verdict.STOLEN, 0, device, MIRRED_REDIRECT];

/** An outlet that notes what it is given, and refuses the devices named. */
class Notes implements Outlet {
  readonly sent: { device: number; packet: PacketIndex; flags: number; tunnel: number }[] = [];
  readonly refusals = new Map<number, ReasonName>();
  private readonly packets: Packets;

  constructor(packets: Packets) {
    this.packets = packets;
  }

  refusal(device: number): number {
    const name = this.refusals.get(device);
    return name === undefined ? 0 : REASON[name];
  }

  transmit(device: number, packet: PacketIndex): void {
    this.sent.push({ device, packet, flags: this.packets.flags[packet], tunnel: this.packets.tunnel[packet] });
  }
}

class Bench {
  readonly packets: Packets;
  readonly outlet: Notes;
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();
  readonly executor: Executor;
  readonly packet: PacketIndex;

  constructor(...actions: readonly Words[]) {
    this.packets = new Packets(new Arena(65_536), 4);
    this.outlet = new Notes(this.packets);
    this.actionCounters.grow();
    const empty = new Int32Array(0);
    const none = { start: empty, actionAt: empty, words: empty, tunnels: empty };
    this.executor = new Executor(this.packets, this.outlet, this.counters, this.actionCounters, none);
    this.executor.now = 1_700_000_000_000;
    this.use(...actions);
    this.packet = this.packets.take(4096, 98);
    this.packets.device[this.packet] = DEVICE;
    this.packets.payload[this.packet] = -1;
    this.packets.end[this.packet] = 98;
  }

  /** Actions of rule 1, numbered as they stand; behind its program come their words in reverse. */
  use(...actions: readonly Words[]): void {
    // What stands before it in the words is another rule's.
    const words = [1, 7, actions.length, ...actions.keys()];
    const actionAt = new Int32Array(actions.length);
    for (const [id, [kind, control, argument = 0, a = 0, b = 0]] of [...actions.entries()].reverse()) {
      const at = words.length;
      actionAt[id] = at;
      words.push(...new Array<number>(ACTION_WORDS).fill(0));
      words[at + ActionWord.KIND] = kind;
      words[at + ActionWord.CONTROL] = control;
      words[at + ActionWord.ARGUMENT] = argument;
      words[at + ActionWord.A] = a;
      words[at + ActionWord.B] = b;
    }
    const start = Int32Array.of(0, 2);
    this.executor.use({ start, actionAt, words: Int32Array.from(words), tunnels: new Int32Array(0) });
  }

  run(): number {
    return this.executor.run(this.packet, 1);
  }

  /** Packets, bytes, drops, overlimits of an action. */
  action(row: number): number[] {
    return [ActionCounter.PACKETS, ActionCounter.BYTES, ActionCounter.DROPS, ActionCounter.OVERLIMITS].map((counter) =>
      this.actionCounters.value(row, counter),
    );
  }

  reason(name: ReasonName): number {
    return this.counters.reasonValue(DEVICE, REASON[name]);
  }
}

test('a program runs while its actions answer pipe, and every one it meets counts the packet', (t) => {
  const bench = new Bench(gact(Verdict.PIPE), gact(Verdict.OK), gact(Verdict.PIPE));
  t.is(bench.run(), Verdict.OK);
  t.deepEqual(
    [0, 1, 2].map((row) => bench.action(row)),
    [
      [1, 84, 0, 0],
      [1, 84, 0, 0],
      [0, 0, 0, 0],
    ],
  );
  t.is(bench.actionCounters.value(1, ActionCounter.FIRST_USED), 1_700_000_000_000);
});

test('a program without actions says ok, one that ends says pipe', (t) => {
  t.is(new Bench().run(), Verdict.OK);
  t.is(new Bench(gact(Verdict.PIPE)).run(), Verdict.PIPE);
});

for (const [name, verdict] of Object.entries(Verdict)) {
  if (verdict === Verdict.PIPE || verdict === Verdict.JUMP) continue;
  test(`control ${name} ends the program of any action with that verdict`, (t) => {
    for (const kind of [ActionKind.GACT, ActionKind.TUNNEL_KEY_UNSET, ActionKind.TUNNEL_KEY_SET, ActionKind.MIRRED]) {
      const bench = new Bench([kind, verdict, 12], gact(Verdict.PIPE));
      t.is(bench.run(), verdict);
      t.is(bench.action(1)[0], 0);
      t.is(bench.executor.chain, verdict === Verdict.GOTO ? 12 : 0);
      t.is(bench.reason('action-drop'), verdict === Verdict.SHOT ? 1 : 0);
      t.is(bench.action(0)[2], verdict === Verdict.SHOT && kind === ActionKind.GACT ? 1 : 0);
    }
  });
}

test('a jump goes to the action of its number; backwards it is bounded; outside of the program it means ok', (t) => {
  const over = new Bench(gact(Verdict.JUMP, 2), gact(Verdict.SHOT), gact(Verdict.CONTINUE));
  t.is(over.run(), Verdict.CONTINUE);
  t.is(over.action(1)[0], 0);
  t.is(new Bench(gact(Verdict.JUMP, 1)).run(), Verdict.PIPE, 'just behind the last');
  t.is(new Bench(gact(Verdict.JUMP, 2)).run(), Verdict.OK);
  t.is(new Bench(gact(Verdict.JUMP, 0)).run(), Verdict.OK);
  const round = new Bench(gact(Verdict.PIPE), gact(Verdict.PIPE), gact(Verdict.JUMP, 1));
  t.is(round.run(), Verdict.OK);
  t.deepEqual(
    [0, 1, 2].map((row) => round.action(row)[0]),
    [1, 32, 32],
  );
});

test('a super-frame counts its segments, in a reason too; a drop is one', (t) => {
  const bench = new Bench(gact(Verdict.SHOT));
  bench.packets.gsoType[bench.packet] = GSO_TCPV4;
  bench.packets.gsoSize[bench.packet] = 25;
  t.is(bench.run(), Verdict.SHOT);
  t.deepEqual(bench.action(0), [4, 84, 1, 0]);
  t.is(bench.reason('action-drop'), 4);
});

test('tunnel_key set replaces the metadata received, unset removes either', (t) => {
  const set: Words = [ActionKind.TUNNEL_KEY_SET, Verdict.PIPE, 0, 77];
  const bench = new Bench(set);
  bench.packets.flags[bench.packet] = TUNNEL_RECEIVED | UNFINISHED;
  bench.packets.tunnel[bench.packet] = 5;
  bench.run();
  t.is(bench.packets.flags[bench.packet], TUNNEL_TRANSMIT | UNFINISHED);
  t.is(bench.packets.tunnel[bench.packet], 77);
  for (const flag of [TUNNEL_RECEIVED, TUNNEL_TRANSMIT]) {
    const unset = new Bench([ActionKind.TUNNEL_KEY_UNSET, Verdict.PIPE]);
    unset.packets.flags[unset.packet] = flag | UNFINISHED;
    unset.run();
    t.is(unset.packets.flags[unset.packet], UNFINISHED);
  }
});

test('a redirect gives the packet itself away and ends the program', (t) => {
  const bench = new Bench(redirect(9), gact(Verdict.SHOT));
  t.is(bench.run(), Verdict.STOLEN);
  t.deepEqual(bench.outlet.sent, [{ device: 9, packet: bench.packet, flags: 0, tunnel: -1 }]);
  t.deepEqual(bench.action(0), [1, 84, 0, 0]);
});

test('a mirror gives a copy away, with the metadata of its moment, and goes on', (t) => {
  const set: Words = [ActionKind.TUNNEL_KEY_SET, Verdict.PIPE, 0, 77];
  const bench = new Bench(mirror(8), set, mirror(9), redirect(10));
  t.is(bench.run(), Verdict.STOLEN);
  t.deepEqual(bench.outlet.sent, [
    { device: 8, packet: 1 as PacketIndex, flags: SHARED, tunnel: -1 },
    { device: 9, packet: 2 as PacketIndex, flags: SHARED | TUNNEL_TRANSMIT, tunnel: 77 },
    { device: 10, packet: bench.packet, flags: SHARED | TUNNEL_TRANSMIT, tunnel: 77 },
  ]);
  t.is(bench.packets.frame[1], bench.packets.frame[0]);
});

test('a target that refuses costs a redirect its frame and a mirror its copy, under the reason that it gives', (t) => {
  const bench = new Bench(mirror(8), redirect(9));
  bench.outlet.refusals.set(8, 'mirred-gone').set(9, 'mirred-down');
  t.is(bench.run(), Verdict.SHOT);
  t.deepEqual(bench.outlet.sent, []);
  t.deepEqual(
    [bench.action(0), bench.action(1)],
    [
      [1, 84, 0, 1],
      [1, 84, 0, 1],
    ],
  );
  t.deepEqual([bench.reason('mirred-gone'), bench.reason('mirred-down'), bench.reason('action-drop')], [1, 1, 0]);
});

test('a mirror for which the batch has no descriptor left loses the copy only', (t) => {
  const bench = new Bench(mirror(8), gact(Verdict.OK));
  while (bench.packets.take(0, 14) >= 0);
  t.is(bench.run(), Verdict.OK);
  t.deepEqual(bench.outlet.sent, []);
  t.deepEqual(bench.action(0), [1, 84, 0, 1]);
  t.is(bench.reason('batch-full'), 1);
  t.is(bench.packets.flags[bench.packet], 0);
});
