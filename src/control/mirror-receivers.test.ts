import test, { type ExecutionContext } from 'ava';
import type { Instruction } from '../dataplane/messages.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import type { MonitorEvent } from '../iproute/monitor-types.js';
import { Counters, DeviceCounter } from '../memory/counters.js';
import { REASONS } from '../memory/reasons.js';
import type { Device, MirrorTap } from './device-registry.js';
import { EventLog } from './events.js';
import { MirrorReceivers } from './mirror-receivers.js';
import { BURST } from './mirror-table.js';

const OPTIONS: VxlanOptions = {
  external: true,
  anyVni: true,
  tapPrefix: 'mir-',
  dstport: 4789,
  udpcsum: true,
  udp6zerocsumtx: false,
  udp6zerocsumrx: false,
};
const RECEIVER = 1;

function device(index: number, name: string, mirror?: MirrorTap): Device {
  return {
    index,
    kind: mirror ? 'tap' : 'vxlan',
    fd: -1,
    fds: [],
    persist: false,
    ifindex: 100 + index,
    name,
    madeAs: name,
    nsid: undefined,
    isNew: true,
    isRising: false,
    isGone: false,
    ...(mirror && { mirror }),
  };
}

/** Receivers over devices that are only thought of. */
class Bench {
  readonly devices = new Map<number, Device>();
  readonly receivers: MirrorReceivers;
  readonly receiver = device(RECEIVER, 'mir0');
  readonly counters = [new Counters(), new Counters()];
  readonly answers: Extract<Instruction, { readonly type: 'mirror-taps' }>[] = [];
  readonly made: string[] = [];
  readonly dismissed: string[] = [];
  readonly lines: string[] = [];
  readonly told: MonitorEvent[] = [];
  readonly mtus = new Map<number, number>();
  now = 0;
  refusal: Error | undefined;
  /** While set, nothing is made. */
  gate: Promise<void> | undefined;
  private next = RECEIVER + 1;

  constructor(t: ExecutionContext, options: Partial<VxlanOptions> = {}) {
    const events = new EventLog();
    this.receivers = new MirrorReceivers({
      device: (index) => this.devices.get(index),
      counters: this.counters,
      events: Object.assign(events, { emit: (event: MonitorEvent) => void this.told.push(event) }),
      make: async (_, name, mirror) => {
        await this.gate;
        if (this.refusal) throw this.refusal;
        const tap = device(this.next++, name, mirror);
        this.devices.set(tap.index, tap);
        this.made.push(name);
        return tap;
      },
      dismiss: (tap) => {
        if (tap.isGone) return;
        tap.isGone = true;
        this.dismissed.push(tap.name);
      },
      mtu: ({ index }) => this.mtus.get(index) ?? 9216,
      setMtu: ({ index }, mtu) => void this.mtus.set(index, mtu),
      apply: async (instruction) => {
        if (instruction.type === 'mirror-taps') this.answers.push(instruction);
      },
      log: (line) => void this.lines.push(line),
      now: () => this.now,
    });
    this.devices.set(RECEIVER, this.receiver);
    this.receivers.configure(this.receiver, { ...OPTIONS, ...options });
    t.teardown(() => this.receivers.close());
  }

  async want(...vnis: number[]): Promise<void> {
    this.receivers.wanted(Int32Array.from(vnis.flatMap((vni) => [RECEIVER, vni])));
    await settled();
  }

  /** What workers know by now: the VNIs with a TAP, and the last refusals, by name. */
  get known(): number[] {
    const { taps = [] } = this.answers.at(-1) ?? {};
    return [...taps].filter((_, n) => n % 2 === 0);
  }

  get refused(): (string | number | undefined)[] {
    const { refused = [] } = this.answers.at(-1) ?? {};
    return [...refused].map((value, n) => (n % 2 === 0 ? value : REASONS[value]?.name));
  }

  /** As a device leaves: it is told of, and then forgotten. */
  remove(name: string): void {
    for (const each of [...this.devices.values()].filter((one) => one.name === name)) {
      this.receivers.end(each);
      this.devices.delete(each.index);
    }
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a VNI gets its TAP, whoever asks and however often', async (t) => {
  const bench = new Bench(t);
  await bench.want(42, 42, 7);
  await bench.want(42);
  t.deepEqual(bench.made, ['mir-42', 'mir-7']);
  t.deepEqual(bench.known.sort(), [42, 7].sort());
  t.deepEqual(bench.refused, []);
});

test('every question is answered: too many, not to be made, too fast, nobody there', async (t) => {
  const bench = new Bench(t, { maxTaps: 1 });
  await bench.want(1);
  await bench.want(2);
  t.deepEqual(bench.refused, [2, 'mirror-limit']);
  t.deepEqual(bench.known, [1]);
  t.deepEqual(bench.told, [{ type: 'no-tap', dev: 'mir0', vni: 2, why: 'there are 1, which is max-taps' }]);
  t.deepEqual(bench.lines, ['mir0: VNI 2 has no TAP: there are 1, which is max-taps']);
  await bench.want(3);
  t.is(bench.told.length, 1, 'one a second');
  bench.now = 1000;
  await bench.want(3);
  t.is(bench.told.length, 2);
  t.is(bench.lines.length, 1, 'one a minute');
  bench.receivers.configure(bench.receiver, { ...OPTIONS, maxTaps: 1000 });
  bench.refusal = new CommandError('RTNETLINK answers: File exists', 2);
  await bench.want(4);
  t.deepEqual(bench.refused, [4, 'mirror-no-tap']);
  bench.refusal = undefined;
  await bench.want(4);
  t.deepEqual(bench.known, [1, 4]);
  await bench.want(...Array.from({ length: 1000 }, (_, n) => 100 + n));
  const wait = REASONS.findIndex(({ name }) => name === 'mirror-wait');
  t.true(bench.answers.some(({ refused }) => refused.at(1) === wait));
  t.true(bench.made.length <= BURST + 20, `${bench.made.length}`);
  bench.remove('mir0');
  bench.receivers.wanted(Int32Array.of(RECEIVER, 5));
  t.deepEqual(bench.refused, [5, 'mirror-no-tap']);
  t.deepEqual(bench.known, []);
});

test('a TAP that is not used for its time is dismissed, and workers are told before it goes', async (t) => {
  const bench = new Bench(t, { tapIdle: 1 });
  await bench.want(1, 2);
  // Any worker's count will do, and any kind.
  bench.now = 900;
  const [first, second] = bench.counters;
  first?.device(2, DeviceCounter.TX_PACKETS, 1);
  await until(() => bench.dismissed.length === 0);
  bench.now = 1500;
  await until(() => bench.dismissed.length === 1);
  t.deepEqual(bench.dismissed, ['mir-2']);
  second?.device(2, DeviceCounter.TX_DROPPED, 1);
  bench.remove('mir-2');
  t.deepEqual(bench.known, [1]);
  await bench.want(2);
  t.deepEqual(bench.made, ['mir-1', 'mir-2', 'mir-2']);
});

test('whatever a TAP is given keeps it, in any worker: written, lost at its queue, or taken by a filter', async (t) => {
  const bench = new Bench(t, { tapIdle: 1 });
  const kinds = [DeviceCounter.TX_PACKETS, DeviceCounter.TX_DROPPED, DeviceCounter.HOOK_PACKETS];
  await bench.want(1, 2, 3, 4);
  bench.now = 900;
  for (const [n, kind] of kinds.entries()) bench.counters[n % 2]?.device(RECEIVER + 1 + n, kind, 1);
  // A look that finds what was counted is over when the one that finds nothing else has dismissed the fourth.
  bench.now = 1001;
  await until(() => bench.dismissed.length > 0);
  t.deepEqual(bench.dismissed, ['mir-4']);
});

test('VNIs that came too fast have their turn, one after the other', async (t) => {
  const bench = new Bench(t);
  const vnis = Array.from({ length: BURST + 3 }, (_, n) => n + 1);
  await bench.want(...vnis);
  t.true(bench.made.length < vnis.length);
  bench.now = 5000;
  await until(() => bench.made.length === vnis.length);
  t.deepEqual(
    bench.made,
    vnis.map((vni) => `mir-${vni}`),
  );
  t.deepEqual(
    bench.known.sort((a, b) => a - b),
    vnis,
  );
});

test('a receiver that goes takes its TAPs along, those too that are being made', async (t) => {
  const bench = new Bench(t);
  await bench.want(1);
  let open = (): void => undefined;
  bench.gate = new Promise((resolve) => {
    open = resolve;
  });
  await bench.want(2);
  bench.remove('mir0');
  t.deepEqual(bench.dismissed, ['mir-1']);
  t.deepEqual(bench.refused, [2, 'mirror-no-tap']);
  open();
  await settled();
  t.deepEqual(bench.dismissed, ['mir-1', 'mir-2']);
  t.deepEqual(bench.known, []);
});

test('the TAPs follow the MTU of their receiver, but for those that have one of their own', async (t) => {
  const bench = new Bench(t);
  await bench.want(1, 2);
  bench.mtus.set(3, 1500);
  bench.receivers.mtuChanged(bench.receiver, 9216, 4000);
  t.deepEqual(
    [...bench.mtus],
    [
      [3, 1500],
      [2, 4000],
    ],
  );
});

/** Waits for a condition that a timer brings about. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
}
