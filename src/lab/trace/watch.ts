/**
 * An engine that is watched: the same engine, some of whose parts are subclasses that tell a recorder what they do and
 * then do it. Nothing is decided here, and nothing of it is there in an engine that nobody watches.
 */
import { Executor } from '../../actions/execute.js';
import { AT_EGRESS, AT_INGRESS } from '../../actions/outlet.js';
import type { ActionPrograms } from '../../actions/program.js';
import type { ClassifierSnapshot, Consulted, Lookup, Position } from '../../classifier/classifier.js';
import { Hooks } from '../../dataplane/classify.js';
import { LocalDatapath } from '../../dataplane/local-datapath.js';
import type { Instruction } from '../../dataplane/messages.js';
import type { DeviceTable } from '../../devices/device-table.js';
import type { Arena } from '../../memory/arena.js';
import type { Clock } from '../../memory/clock.js';
import { ActionCounters, Counters } from '../../memory/counters.js';
import { BARE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../../memory/packets.js';
import { TUNNEL_WORDS } from '../../memory/tunnel.js';
import type { Recorder } from './recorder.js';

/** A packet as it was at one moment. */
export interface PacketState {
  readonly bytes: Uint8Array;
  /** A tunnel record of 16 words; undefined: there is no metadata. */
  readonly tunnel: Int32Array | undefined;
  /** The metadata was received, and is not what an action set. */
  readonly isReceived: boolean;
  readonly mark: number;
  readonly priority: number;
  /** The Ethernet header has been taken off. */
  readonly isBare: boolean;
}

/** A datapath on the calling thread whose engine is watched. */
export class WatchedDatapath extends LocalDatapath {
  private readonly snapshots = new Map<string, ClassifierSnapshot>();

  constructor(clock: Clock, seed: number, recorder: Recorder) {
    super(clock, seed, {
      classes: { Hooks: watchedHooks(recorder), Executor: watchedExecutor(recorder) },
      counters: new WatchedCounters(recorder),
      actionCounters: new WatchedActionCounters(recorder),
    });
  }

  override async apply(instruction: Instruction): Promise<void> {
    if (instruction.type === 'rules') {
      for (const { device, direction, snapshot } of instruction.hooks) {
        if (snapshot) this.snapshots.set(`${device} ${direction}`, snapshot);
        else this.snapshots.delete(`${device} ${direction}`);
      }
    }
    await super.apply(instruction);
  }

  /** What is in force at a hook (AT_INGRESS or AT_EGRESS) of a device. */
  snapshot(device: number, direction: number): ClassifierSnapshot | undefined {
    return this.snapshots.get(`${device} ${direction}`);
  }
}

class WatchedCounters extends Counters {
  private readonly recorder: Recorder;

  constructor(recorder: Recorder) {
    super();
    this.recorder = recorder;
  }

  override reason(device: number, reason: number, packets: number, packet?: PacketIndex): void {
    if (packets > 0) this.recorder.reason(device, reason);
    super.reason(device, reason, packets, packet);
  }
}

/** An action counts a packet when it meets it, before it acts. */
class WatchedActionCounters extends ActionCounters {
  private readonly recorder: Recorder;

  constructor(recorder: Recorder) {
    super();
    this.recorder = recorder;
  }

  override hit(row: number, segments: number, bytes: number, now: number): void {
    this.recorder.action(row);
    super.hit(row, segments, bytes, now);
  }
}

class WatchedLookup implements Lookup {
  readonly empty: boolean;
  private readonly inner: Lookup;
  private readonly recorder: Recorder;

  constructor(inner: Lookup, recorder: Recorder) {
    this.inner = inner;
    this.empty = inner.empty;
    this.recorder = recorder;
  }

  get nextPosition(): Position {
    return this.inner.nextPosition;
  }

  get probes(): number {
    return this.inner.probes;
  }

  find(key: Int32Array, at: number, chain: number, protocol: number, position: Position): number {
    const rule = this.inner.find(key, at, chain, protocol, position);
    this.recorder.lookup({ chain, protocol, position, rule, key: key.slice(at) });
    return rule;
  }

  consulted(chain: number, protocol: number): Consulted {
    return this.inner.consulted(chain, protocol);
  }
}

function watchedExecutor(recorder: Recorder): typeof Executor {
  return class extends Executor {
    override run(packet: PacketIndex, rule: number, hook: number, bytes: number): number {
      recorder.beginRun(packet);
      const verdict = super.run(packet, rule, hook, bytes);
      recorder.endRun(verdict, this.chain);
      return verdict;
    }

    override use(programs: ActionPrograms): void {
      recorder.transmitTunnels = programs.tunnels;
      super.use(programs);
    }
  };
}

function watchedHooks(recorder: Recorder): typeof Hooks {
  return class extends Hooks {
    private readonly columns: Packets;

    constructor(
      arena: Arena,
      packets: Packets,
      devices: DeviceTable,
      counters: Counters,
      queues: ConstructorParameters<typeof Hooks>[4],
      receivedTunnels: Int32Array,
    ) {
      super(arena, packets, devices, counters, queues, receivedTunnels);
      this.columns = packets;
      recorder.look = (packet) => stateOf(arena.u8, packets, packet, receivedTunnels, recorder.transmitTunnels);
    }

    override use(device: number, hook: number, lookup: Lookup | null): void {
      super.use(device, hook, lookup && new WatchedLookup(lookup, recorder));
    }

    override decide(packet: PacketIndex): boolean {
      recorder.enter(packet, this.columns.device[packet] ?? 0, AT_INGRESS);
      const isTaken = super.decide(packet);
      recorder.leave(isTaken);
      return isTaken;
    }

    override send(packet: PacketIndex, device: number, indev: number): boolean {
      recorder.enter(packet, device, AT_EGRESS);
      const isTaken = super.send(packet, device, indev);
      recorder.leave(isTaken);
      return isTaken;
    }
  };
}

function stateOf(
  arena: Uint8Array,
  packets: Packets,
  packet: PacketIndex,
  received: Int32Array,
  transmitted: Int32Array,
): PacketState {
  const value = (column: Int32Array): number => column[packet] ?? 0;
  const frame = value(packets.frame);
  const flags = value(packets.flags);
  const isReceived = (flags & TUNNEL_RECEIVED) !== 0;
  const at = value(packets.tunnel) * TUNNEL_WORDS;
  const hasTunnel = isReceived || (flags & TUNNEL_TRANSMIT) !== 0;
  return {
    bytes: arena.slice(frame, frame + value(packets.length)),
    tunnel: hasTunnel ? (isReceived ? received : transmitted).slice(at, at + TUNNEL_WORDS) : undefined,
    isReceived,
    mark: value(packets.mark),
    priority: value(packets.priority),
    isBare: (flags & BARE) !== 0,
  };
}
