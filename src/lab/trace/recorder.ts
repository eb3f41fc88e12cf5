/** What a watched engine does with one packet, in the order in which it happens. */
import { Verdict } from '../../actions/program.js';
import type { PacketIndex } from '../../memory/packets.js';
import type { PacketState } from './watch.js';

/** A packet at a hook of a device, until it has left it. */
export interface Visit {
  readonly kind: 'visit';
  readonly device: number;
  /** AT_INGRESS or AT_EGRESS. */
  readonly direction: number;
  readonly state: PacketState;
  readonly steps: Step[];
  /** Whether the hook let the frame go on, here or elsewhere. */
  isTaken: boolean;
}

export interface LookedUp {
  readonly kind: 'lookup';
  readonly chain: number;
  /** The frame's EtherType. */
  readonly protocol: number;
  /** The first pref that is tried. */
  readonly position: number;
  /** Id of the rule found, or -1. */
  readonly rule: number;
  /** The flow key as it was. */
  readonly key: Int32Array;
}

export interface Acted {
  readonly kind: 'action';
  /** The action's row of counters. */
  readonly id: number;
  readonly before: PacketState;
  /** Undefined where the frame has gone elsewhere. */
  after: PacketState | undefined;
  /** What happened within it: frames that it sent on, and reasons. */
  readonly steps: Step[];
}

/** How a run of actions ended. */
export interface Answered {
  readonly kind: 'verdict';
  /** A Verdict. */
  readonly verdict: number;
  /** Of GOTO. */
  readonly chain: number;
}

export interface Counted {
  readonly kind: 'reason';
  readonly device: number;
  readonly reason: number;
}

export type Step = Visit | LookedUp | Acted | Answered | Counted;

interface Run {
  readonly packet: PacketIndex;
  /** Where its actions belong. */
  readonly steps: Step[];
  action: Acted | undefined;
}

export class Recorder {
  /** How a packet is now; the hooks set it. */
  look: ((packet: PacketIndex) => PacketState) | undefined;
  /** The records of tunnel_key set that are in force. */
  transmitTunnels: Int32Array = new Int32Array(0);
  private roots: Step[] = [];
  private readonly visits: Visit[] = [];
  private readonly runs: Run[] = [];
  /** Where the next step belongs: to an action that runs, a visit, or neither. */
  private readonly open: Step[][] = [];

  /** What was recorded since the last call. */
  take(): Step[] {
    const { roots } = this;
    this.roots = [];
    return roots;
  }

  enter(packet: PacketIndex, device: number, direction: number): void {
    const visit: Visit = { kind: 'visit', device, direction, state: this.stateOf(packet), steps: [], isTaken: true };
    this.add(visit);
    this.visits.push(visit);
    this.open.push(visit.steps);
  }

  leave(isTaken: boolean): void {
    const visit = this.visits.pop();
    if (visit) visit.isTaken = isTaken;
    this.open.pop();
  }

  lookup(found: Omit<LookedUp, 'kind'>): void {
    this.add({ kind: 'lookup', ...found });
  }

  beginRun(packet: PacketIndex): void {
    this.runs.push({ packet, steps: this.open.at(-1) ?? this.roots, action: undefined });
  }

  action(id: number): void {
    const run = this.runs.at(-1);
    if (!run) return;
    const before = this.stateOf(run.packet);
    this.endAction(run, before);
    run.action = { kind: 'action', id, before, after: undefined, steps: [] };
    run.steps.push(run.action);
    this.open.push(run.action.steps);
  }

  endRun(verdict: number, chain: number): void {
    const run = this.runs.pop();
    if (!run) return;
    this.endAction(run, verdict === Verdict.STOLEN ? undefined : this.stateOf(run.packet));
    run.steps.push({ kind: 'verdict', verdict, chain });
  }

  reason(device: number, reason: number): void {
    this.add({ kind: 'reason', device, reason });
  }

  private endAction(run: Run, after: PacketState | undefined): void {
    if (!run.action) return;
    run.action.after = after;
    run.action = undefined;
    this.open.pop();
  }

  private add(step: Step): void {
    (this.open.at(-1) ?? this.roots).push(step);
  }

  private stateOf(packet: PacketIndex): PacketState {
    if (!this.look) throw new Error('a recorder without hooks');
    return this.look(packet);
  }
}
