/** An engine over fakes that runs bursts, one after the other, each as if it were the first. */
import { Harness, type HookRule, TAP0, TAP1, VXLAN0 } from '../../src/dataplane/harness.test.helper.js';
import { VxlanMode } from '../../src/devices/device-table.js';
import { FdbRecords } from '../../src/devices/fdb-records.js';
import type { Underlay } from '../../src/io/device.js';
import type { WrittenFrame } from '../../src/io/fake/fake-port.js';
import type { ReceivedDatagrams } from '../../src/memory/received.js';
import { HEADROOM } from '../../src/memory/received.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../../src/offload/offloads.js';
import { type Burst, wholeOf } from './burst.js';
import { RULE_SETS, VNI } from './burst-model.js';
import { GuardedSlots } from './guarded-slots.js';
import { hold } from './target.js';

const TSO = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6;
/** What the ports take, by `Burst.offloads`. */
export const OFFLOAD_SETS = [TSO | OFFLOAD_USO4 | OFFLOAD_USO6, TSO, 0, OFFLOAD_CSUM] as const;

/** Poisoned bytes behind the longest datagram's end: whoever reads or writes too far does it there. */
const BEHIND = 2048;

export interface BurstOutcome {
  readonly reasons: Readonly<Partial<Record<string, number>>>;
  readonly received: number;
  readonly sent: readonly number[];
  /** By device, VXLAN0 the host's stack. */
  readonly written: ReadonlyMap<number, readonly WrittenFrame[]>;
}

/** Poisons the slots before each batch, and looks at them when it has been worked through. */
class GuardingUnderlay implements Underlay {
  readonly receiveFds: readonly number[];
  pattern = new Uint8Array(1);
  private readonly inner: Underlay;
  private readonly guard: GuardedSlots;

  constructor(inner: Underlay, arena: Harness['arena']) {
    this.inner = inner;
    this.guard = new GuardedSlots(arena);
    this.receiveFds = inner.receiveFds;
  }

  receive(which: number, batch: ReceivedDatagrams): number {
    this.check();
    const { slots } = batch;
    const regions = Array.from({ length: this.expected }, (_, n) => {
      const at = slots.data(n);
      return { from: at - HEADROOM, to: Math.min(at + this.longest + BEHIND, slots.data(n + 1) - HEADROOM) };
    });
    this.guard.poison(regions, this.pattern);
    const received = this.inner.receive(which, batch);
    for (let i = 0; i < received; i++) this.guard.lend(batch.offset[i] ?? 0, batch.length[i] ?? 0);
    return received;
  }

  /** How many slots the next batch takes, at most one less than there are, and the most bytes that one of them takes. */
  expected = 0;
  longest = 0;

  check(): void {
    const at = this.guard.touched();
    hold(at < 0, `offset ${at} of the arena has changed, which no datagram had been put to`);
  }

  takeOverflow(): number {
    return this.inner.takeOverflow();
  }

  send(...parameters: Parameters<Underlay['send']>): number {
    return this.inner.send(...parameters);
  }
}

export class DatapathBench {
  private readonly fdb = new FdbRecords();
  private readonly harness: Harness;
  private readonly guarding: GuardingUnderlay;

  constructor() {
    this.harness = new Harness({ fdb: this.fdb.buffer });
    const { engine, underlay0, arena } = this.harness;
    this.guarding = new GuardingUnderlay(underlay0, arena);
    engine.underlays.set(VXLAN0, this.guarding);
  }

  /** Runs a burst amid `poison`. */
  run(burst: Burst, poison: Uint8Array): BurstOutcome {
    const { harness, guarding } = this;
    const { engine, devices } = harness;
    const rules: readonly HookRule[] = RULE_SETS[burst.rules % RULE_SETS.length] ?? [];
    harness.use(rules.map((rule, n) => ({ ...rule, pref: n + 1 })));
    engine.setTrains(burst.trains);
    engine.setCoalescing(burst.coalescing);
    const offloads = OFFLOAD_SETS[burst.offloads] ?? 0;
    engine.setPort(TAP0, harness.tap0, offloads);
    engine.setPort(TAP1, harness.tap1, offloads);
    engine.setPort(VXLAN0, harness.face, offloads);
    devices.setVxlan(VXLAN0, burst.classic ? VxlanMode.CLASSIC | VxlanMode.LEARN : 0, burst.classic ? VNI : 0);
    this.fdb.setOpen(VXLAN0, burst.classic);
    engine.underlays.serve(VXLAN0, VXLAN0, burst.classic ? Int32Array.of(VNI, VXLAN0, -1) : undefined);
    devices.setUp(VXLAN0, burst.up);
    guarding.pattern = Uint8Array.from(poison);
    guarding.expected = Math.min(31, burst.messages.length);
    guarding.longest = Math.max(0, ...burst.messages.map(({ bytes, times }) => bytes.length * times));
    const before = this.counts();
    try {
      harness.receive(
        ...burst.messages.map((message) => ({
          bytes: wholeOf(message),
          tunnel: { TOS: message.ecn },
          segmentSize: message.segmentSize < wholeOf(message).length ? message.segmentSize : 0,
          truncated: message.truncated,
        })),
      );
      guarding.check();
      return this.outcome(before);
    } finally {
      harness.underlay0.incoming[0]?.splice(0);
      for (const port of [harness.tap0, harness.tap1, harness.face]) port.written.splice(0);
      for (const { mac, device, vni } of this.fdb.list(VXLAN0)) this.fdb.remove({ mac, device, vni });
    }
  }

  private counts(): { reasons: Partial<Record<string, number>>; numbers: number[] } {
    const { harness } = this;
    return {
      reasons: Object.assign({}, ...[VXLAN0, TAP0, TAP1].map((device) => harness.reasons(device))),
      numbers: [
        harness.device(VXLAN0, 'RX_PACKETS'),
        harness.device(TAP0, 'TX_PACKETS'),
        harness.device(TAP1, 'TX_PACKETS'),
      ],
    };
  }

  private outcome(before: ReturnType<DatapathBench['counts']>): BurstOutcome {
    const { harness } = this;
    const now = this.counts();
    const reasons: Record<string, number> = {};
    for (const [name, value = 0] of Object.entries(now.reasons)) {
      const by = value - (before.reasons[name] ?? 0);
      if (by !== 0) reasons[name] = by;
    }
    const [received = 0, ...sent] = now.numbers.map((value, n) => value - (before.numbers[n] ?? 0));
    const written = new Map([
      [TAP0, [...harness.tap0.written]],
      [TAP1, [...harness.tap1.written]],
      [VXLAN0, [...harness.face.written]],
    ]);
    return { reasons, received, sent, written };
  }
}
