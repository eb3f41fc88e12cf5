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
import { BatchScratch } from '../memory/scratch.js';
import { Checksummer } from '../wire/checksum.js';
import { Executor } from './execute.js';
import { AT_EGRESS, AT_INGRESS, type Outlet, type Sampler } from './outlet.js';
import {
  ACTION_WORDS,
  ActionKind,
  ActionWord,
  MIRRED_INGRESS,
  MIRRED_REDIRECT,
  plainPages,
  RANDOM_DETERM,
  RANDOM_NETRAND,
  SKBEDIT_MARK,
  SKBEDIT_PRIORITY,
  Verdict,
} from './program.js';

const DEVICE = 3;

/** One action: kind, control, argument, A, B and so on. It counts in the row of its place in the program. */
type Words = readonly [kind: number, control: number, argument?: number, ...rest: number[]];

const gact = (control: number, argument = 0): Words => [ActionKind.GACT, control, argument];
const mirror = (device: number, control: number = Verdict.PIPE): Words => [ActionKind.MIRRED, control, 0, device, 0];
const redirect = (device: number): Words => [ActionKind.MIRRED, Verdict.STOLEN, 0, device, MIRRED_REDIRECT];

/** An outlet that notes what it is given, and refuses the devices named. */
class Notes implements Outlet {
  readonly sent: { device: number; packet: PacketIndex; flags: number; tunnel: number }[] = [];
  readonly hooks: number[][] = [];
  /** Whether the filters of the target drop what is sent there. */
  drops = false;
  /** What runs at the target. */
  within: (() => void) | undefined;
  refreshed = 0;
  readonly refusals = new Map<number, ReasonName>();
  private readonly packets: Packets;

  constructor(packets: Packets) {
    this.packets = packets;
  }

  refusal(device: number): number {
    const name = this.refusals.get(device);
    return name === undefined ? 0 : REASON[name];
  }

  forward(packet: PacketIndex, hook: number, device: number, toHook: number): boolean {
    this.sent.push({ device, packet, flags: this.packets.flags[packet], tunnel: this.packets.tunnel[packet] });
    this.hooks.push([hook, toHook]);
    this.within?.();
    return !this.drops;
  }

  refresh(): void {
    this.refreshed++;
  }

  protocol(): number {
    return 0;
  }
}

class Bench {
  readonly packets: Packets;
  readonly outlet: Notes;
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();
  readonly executor: Executor;
  readonly packet: PacketIndex;
  readonly sampled: number[][] = [];

  constructor(...actions: readonly Words[]) {
    const arena = new Arena(65_536);
    this.packets = new Packets(arena, 4);
    this.outlet = new Notes(this.packets);
    this.actionCounters.grow();
    const empty = new Int32Array(0);
    const none = { start: empty, actionPages: empty, actionAt: empty, words: empty, tunnels: empty, buckets: 0 };
    const { packets, counters, actionCounters, sampled } = this;
    const scratch = new BatchScratch(arena, 4096);
    const checksums = new Checksummer(arena.memory.buffer);
    const sampler: Sampler = {
      sample: (packet, hook, group, rate, length) => {
        sampled.push([packet, hook, group, rate, length]);
        return sampled.length < 3;
      },
    };
    this.executor = new Executor(
      { arena, packets, scratch, checksums, counters, actionCounters, sampler },
      this.outlet,
      none,
    );
    this.executor.arrivals.time[0] = 1_700_000_000_000;
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
    for (const [id, [kind, control, argument = 0, ...rest]] of [...actions.entries()].reverse()) {
      const at = words.length;
      actionAt[id] = at;
      words.push(...new Array<number>(ACTION_WORDS).fill(0));
      words[at + ActionWord.KIND] = kind;
      words[at + ActionWord.CONTROL] = control;
      words[at + ActionWord.ARGUMENT] = argument;
      for (const [n, word] of rest.entries()) words[at + ActionWord.A + n] = word;
    }
    const start = Int32Array.of(0, 2);
    const tunnels = new Int32Array(0);
    this.executor.use({
      start,
      actionPages: plainPages(actionAt.length),
      actionAt,
      words: Int32Array.from(words),
      tunnels,
      buckets: 8,
    });
  }

  run(hook = AT_INGRESS): number {
    return this.executor.run(this.packet, 1, hook, this.packets.length[this.packet] - 14);
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

test('a frame is sent from the hook that it is at to the hook that mirred names', (t) => {
  for (const [flags, to] of [
    [MIRRED_REDIRECT, AT_EGRESS],
    [MIRRED_REDIRECT | MIRRED_INGRESS, AT_INGRESS],
  ] as const) {
    for (const from of [AT_INGRESS, AT_EGRESS]) {
      const bench = new Bench([ActionKind.MIRRED, Verdict.STOLEN, 0, 9, flags]);
      t.is(bench.run(from), Verdict.STOLEN);
      t.deepEqual(bench.outlet.hooks, [[from, to]]);
    }
  }
});

test('what the filters of the target drop counts as an overlimit', (t) => {
  const bench = new Bench(mirror(8), redirect(9));
  bench.outlet.drops = true;
  t.is(bench.run(), Verdict.STOLEN);
  t.deepEqual(
    [bench.action(0), bench.action(1)].map((each) => each[3]),
    [1, 1],
  );
});

test('mirred may be nested four times; the fifth drops the frame, and counts nothing of it', (t) => {
  const bench = new Bench(redirect(9));
  let verdict = -9;
  bench.outlet.within = () => {
    verdict = bench.run();
  };
  t.is(bench.run(), Verdict.STOLEN);
  t.is(bench.outlet.sent.length, 4);
  t.is(bench.action(0)[0], 4);
  t.is(bench.reason('mirred-nesting'), 1);
  t.is(verdict, Verdict.STOLEN, 'but for the innermost');
  t.is(bench.run(), Verdict.STOLEN, 'and then it may be again');
});

test('random determ gives every so many-th packet the other control, netrand about as many', (t) => {
  const determ = new Bench([ActionKind.GACT, Verdict.OK, 0, RANDOM_DETERM, Verdict.SHOT, 0, 3]);
  const verdicts = Array.from({ length: 9 }, () => determ.run());
  t.deepEqual(verdicts, [0, 0, 2, 0, 0, 2, 0, 0, 2]);
  t.is(determ.action(0)[2], 3);
  const netrand = new Bench([ActionKind.GACT, Verdict.OK, 0, RANDOM_NETRAND, Verdict.GOTO, 7, 4]);
  let other = 0;
  for (let n = 0; n < 4000; n++) if (netrand.run() === Verdict.GOTO) other++;
  t.true(other > 800 && other < 1200, `${other} of 4,000`);
  t.is(netrand.executor.chain, 7);
  const always = new Bench([ActionKind.GACT, Verdict.OK, 0, RANDOM_NETRAND, Verdict.SHOT, 0, 1]);
  t.is(always.run(), Verdict.SHOT);
});

test('sample hands over one packet in so many, and says what was lost', (t) => {
  const bench = new Bench([ActionKind.SAMPLE, Verdict.PIPE, 0, 1, 77, 40]);
  for (let n = 0; n < 3; n++) t.is(bench.run(AT_EGRESS), Verdict.PIPE);
  t.deepEqual(bench.sampled[0], [bench.packet, AT_EGRESS, 77, 1, 40]);
  t.deepEqual([bench.reason('sampled'), bench.reason('sample-lost')], [2, 1]);
  const whole = new Bench([ActionKind.SAMPLE, Verdict.PIPE, 0, 1, 77, -1]);
  whole.run();
  t.is(whole.sampled[0]?.[4], 98);
  const rare = new Bench([ActionKind.SAMPLE, Verdict.PIPE, 0, 10, 77, -1]);
  for (let n = 0; n < 5000; n++) rare.run();
  t.true(rare.sampled.length > 350 && rare.sampled.length < 650, `${rare.sampled.length} of 5,000`);
});

test('simple leaves a note of itself', (t) => {
  const bench = new Bench(gact(Verdict.PIPE), [ActionKind.SIMPLE, Verdict.OK]);
  t.is(bench.executor.note, -1);
  t.is(bench.run(), Verdict.OK);
  t.is(bench.executor.note, 1);
});

test('skbedit sets mark under its mask and priority, or takes the priority of the DS field', (t) => {
  const what = SKBEDIT_MARK | SKBEDIT_PRIORITY;
  const bench = new Bench([ActionKind.SKBEDIT, Verdict.PIPE, 0, what, 0xabcd, 0xff, 7]);
  bench.packets.mark[bench.packet] = 0x1100;
  t.is(bench.run(), Verdict.PIPE);
  t.is(bench.packets.mark[bench.packet], 0x11cd);
  t.is(bench.packets.priority[bench.packet], 7);
});
