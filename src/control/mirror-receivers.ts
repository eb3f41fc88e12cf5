/**
 * Receivers of mirrored traffic (`vni any tap-prefix`): the TAP of each VNI that arrives. Workers ask for VNIs that
 * have none (dataplane/mirror-taps.ts), and every question is answered; a TAP that has not been used for its time
 * goes again. Which VNIs have one is mirror-table.ts's to say.
 */
import type { Instruction } from '../dataplane/messages.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { DEFAULT_MAX_TAPS, DEFAULT_TAP_IDLE, tapNameOf } from '../iproute/mirror-words.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import type { Device, MirrorTap } from './device-registry.js';
import type { EventSink } from './events.js';
import { MirrorTable, RATE } from './mirror-table.js';

/** Milliseconds between two looks for TAPs that are not used: the shortest, and the longest. */
const LOOK_LEAST = 100;
const LOOK_MOST = 10_000;
/** Milliseconds between two lines of the log, and two events, about VNIs of one receiver without a TAP. */
const COMPLAINT = 1000;
const LOG_COMPLAINT = 60_000;

export interface MirrorSurroundings {
  device(index: number): Device | undefined;
  /** Of every worker. */
  readonly counters: readonly Counters[];
  readonly events: EventSink;
  /** Makes a TAP and sets it up; rejects with a CommandError and leaves nothing behind. */
  make(receiver: Device, name: string, mirror: MirrorTap): Promise<Device>;
  /** Has a TAP's filters removed, and then it. */
  dismiss(tap: Device): void;
  mtu(tap: Device): number;
  setMtu(tap: Device, mtu: number): void;
  apply(instruction: Instruction): Promise<void>;
  log(line: string): void;
  /** Milliseconds, from whenever. */
  now(): number;
}

interface Receiver {
  readonly device: Device;
  readonly prefix: string;
  readonly table: MirrorTable;
  idle: number;
  look: NodeJS.Timeout | undefined;
  tokens: NodeJS.Timeout | undefined;
  /** When a VNI without a TAP was last told of, and written to the log. */
  told: number;
  logged: number;
}

export class MirrorReceivers {
  private readonly around: MirrorSurroundings;
  private readonly receivers = new Map<number, Receiver>();

  constructor(around: MirrorSurroundings) {
    this.around = around;
  }

  /** A vxlan device is there now, or has other options. */
  configure(device: Device, options: VxlanOptions): void {
    const { tapPrefix, maxTaps = DEFAULT_MAX_TAPS, tapIdle = DEFAULT_TAP_IDLE } = options;
    if (tapPrefix === undefined) return;
    const now = this.around.now();
    const receiver: Receiver = this.receivers.get(device.index) ?? {
      device,
      prefix: tapPrefix,
      table: new MirrorTable(maxTaps, now),
      idle: 0,
      look: undefined,
      tokens: undefined,
      told: Number.NEGATIVE_INFINITY,
      logged: Number.NEGATIVE_INFINITY,
    };
    this.receivers.set(device.index, receiver);
    receiver.table.maxTaps = maxTaps;
    receiver.idle = tapIdle * 1000;
    clearInterval(receiver.look);
    receiver.look = undefined;
    // What was refused for want of room may be asked for again.
    this.publish(receiver);
    if (tapIdle === 0) return;
    const period = Math.min(LOOK_MOST, Math.max(LOOK_LEAST, receiver.idle / 8));
    receiver.look = setInterval(() => this.removeIdle(receiver), period);
    receiver.look.unref();
  }

  /** A device leaves: a receiver with its TAPs, or a TAP. */
  end({ index, mirror }: Device): void {
    const receiver = this.receivers.get(index);
    if (receiver) {
      this.receivers.delete(index);
      clearInterval(receiver.look);
      clearTimeout(receiver.tokens);
      const taps = this.tapsOf(receiver);
      this.answer(index, [], receiver.table.clear(), REASON['mirror-no-tap']);
      for (const tap of taps) this.around.dismiss(tap);
    }
    if (!mirror) return;
    const above = this.receivers.get(mirror.of);
    // Before the TAP goes, so that workers ask anew for what comes now.
    if (above?.table.gone(mirror.vni, index)) this.publish(above);
  }

  /** A device has another MTU: the TAPs of a receiver follow, but for those that were given one of their own. */
  mtuChanged({ index }: Device, before: number, now: number): void {
    const receiver = this.receivers.get(index);
    if (!receiver || before === now) return;
    for (const tap of this.tapsOf(receiver)) if (this.around.mtu(tap) === before) this.around.setMtu(tap, now);
  }

  /** Indices of a receiver's TAPs. */
  taps(index: number): number[] {
    const receiver = this.receivers.get(index);
    return receiver ? receiver.table.taps.map(([, tap]) => tap) : [];
  }

  /** Ends the timers; nothing is made any more. */
  close(): void {
    for (const { look, tokens } of this.receivers.values()) {
      clearInterval(look);
      clearTimeout(tokens);
    }
    this.receivers.clear();
  }

  /** A worker asks for TAPs: pairs of device and VNI. */
  wanted(pairs: Int32Array): void {
    for (let n = 0; n + 1 < pairs.length; n += 2) this.want(pairs[n] ?? -1, pairs[n + 1] ?? 0);
  }

  private want(index: number, vni: number): void {
    const receiver = this.receivers.get(index);
    if (!receiver) {
      this.answer(index, [], [vni], REASON['mirror-no-tap']);
      return;
    }
    switch (receiver.table.ask(vni, this.around.now())) {
      case 'make':
        void this.make(receiver, vni);
        break;
      case 'known':
        this.publish(receiver);
        break;
      case 'wait':
        this.waitForToken(receiver);
        break;
      case 'full':
        this.refuse(receiver, vni, REASON['mirror-limit'], `there are ${receiver.table.maxTaps}, which is max-taps`);
        break;
      case 'busy':
        this.refuse(receiver, vni, REASON['mirror-wait'], 'new VNIs come too fast');
        break;
    }
  }

  private async make(receiver: Receiver, vni: number): Promise<void> {
    const { device, prefix, table } = receiver;
    const name = tapNameOf(prefix, vni);
    try {
      const tap = await this.around.make(device, name, { of: device.index, vni });
      if (this.receivers.get(device.index) !== receiver) {
        this.around.dismiss(tap);
        return;
      }
      table.made(vni, tap.index, this.around.now());
      this.publish(receiver);
    } catch (error) {
      if (this.receivers.get(device.index) !== receiver) return;
      table.failed(vni);
      const why = error instanceof CommandError || error instanceof Error ? error.message : String(error);
      this.refuse(receiver, vni, REASON['mirror-no-tap'], `${name}: ${why}`);
    }
  }

  private waitForToken(receiver: Receiver): void {
    if (receiver.tokens !== undefined || !receiver.table.isPending) return;
    receiver.tokens = setTimeout(() => {
      receiver.tokens = undefined;
      const vni = receiver.table.due(this.around.now());
      if (vni !== undefined) void this.make(receiver, vni);
      this.waitForToken(receiver);
    }, 1000 / RATE);
    receiver.tokens.unref();
  }

  private removeIdle(receiver: Receiver): void {
    const { table, idle } = receiver;
    for (const index of table.idle(this.around.now(), idle, (tap) => this.activity(tap))) {
      const tap = this.around.device(index);
      if (tap) this.around.dismiss(tap);
    }
  }

  /** What has been given to a TAP, whatever became of it there. */
  private activity(index: number): number {
    const { counters } = this.around;
    const of = (counter: number): number => counters.reduce((sum, set) => sum + set.deviceValue(index, counter), 0);
    return of(DeviceCounter.TX_PACKETS) + of(DeviceCounter.TX_DROPPED) + of(DeviceCounter.HOOK_PACKETS);
  }

  private refuse(receiver: Receiver, vni: number, reason: number, why: string): void {
    const { device } = receiver;
    this.answer(device.index, receiver.table.taps, [vni], reason);
    const now = this.around.now();
    if (now - receiver.told >= COMPLAINT) {
      receiver.told = now;
      this.around.events.emit({ type: 'no-tap', dev: device.name, vni, why });
    }
    if (now - receiver.logged < LOG_COMPLAINT) return;
    receiver.logged = now;
    this.around.log(`${device.name}: VNI ${vni} has no TAP: ${why}`);
  }

  private publish({ device, table }: Receiver): void {
    this.answer(device.index, table.taps, [], 0);
  }

  private answer(
    device: number,
    taps: readonly (readonly [vni: number, index: number])[],
    refused: readonly number[],
    reason: number,
  ): void {
    this.around
      .apply({
        type: 'mirror-taps',
        device,
        taps: Int32Array.from(taps.flat()),
        refused: Int32Array.from(refused.flatMap((vni) => [vni, reason])),
      })
      // A worker that has ended needs no answer.
      .catch(() => undefined);
  }

  private tapsOf({ table }: Receiver): Device[] {
    return table.taps.flatMap(([, index]) => this.around.device(index) ?? []);
  }
}
