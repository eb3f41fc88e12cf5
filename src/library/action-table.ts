/** Actions that are functions of this process: called once for all frames of a batch that have met the action. */
import {
  type CustomActions,
  type DeferredFrames,
  DROPPED_BY_ACTION,
  GOES_ON,
  KEPT_BY_ACTION,
  PASSED_BY_ACTION,
} from '../actions/deferred.js';
import { AT_INGRESS } from '../actions/outlet.js';
import type { Engine } from '../dataplane/engine.js';
import type { Arena } from '../memory/arena.js';
import { type PacketIndex, type Packets, TUNNEL_RECEIVED } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { addressText } from './address-text.js';
import { CheckedActionBatch } from './checked-batch.js';
import { VtepError } from './errors.js';
import type { ActionBatch, TunnelMetadata } from './frame-batch.js';
import type { DropReason, ReasonTable } from './reasons.js';
import { refusePromise } from './troubles.js';

/**
 * Looks at frames that have met an action. It must not be async: frames are borrowed until it returns. Where it throws,
 * all frames of the batch are dropped as `action-failed`, and an event `error` tells of it.
 */
export type ActionFunction = (batch: ActionBatch) => void;

/** What actions see of the datapath. */
export interface ActionSurroundings {
  readonly arena: Arena;
  readonly engine: Engine;
  readonly reasons: ReasonTable;
  /** Whether functions are kept to the rules (checked-batch.ts). */
  readonly checked: boolean;
  nameOf(device: number): string;
  /** `source`: which action. */
  failed(error: unknown, source: string): void;
}

interface NamedFunction {
  readonly source: string;
  readonly run: ActionFunction;
  readonly rejected: (error: unknown) => void;
}

export class ActionTable implements CustomActions {
  private readonly functions = new Map<number, NamedFunction>();
  private readonly batch: DeferredBatch;
  private readonly around: ActionSurroundings;

  constructor(around: ActionSurroundings) {
    this.around = around;
    this.batch = new DeferredBatch(around);
  }

  set(number: number, name: string, run: ActionFunction): void {
    const source = `action "${name}"`;
    this.functions.set(number, { source, run, rejected: (error) => this.around.failed(error, source) });
  }

  delete(number: number): void {
    this.functions.delete(number);
  }

  run(frames: DeferredFrames): void {
    const { batch } = this;
    // As a rule all of a batch are of one action.
    for (let first = 0; first < frames.count; first = batch.next) {
      const named = this.functions.get(frames.action[first] ?? -1);
      batch.begin(frames, first);
      try {
        if (named === undefined) throw new VtepError('closed', 'the action of the filter is closed');
        if (this.around.checked) this.callChecked(named);
        else refusePromise(named.run(batch), named.rejected);
      } catch (error) {
        batch.failed();
        this.around.failed(error, named?.source ?? 'an action');
      } finally {
        batch.end();
      }
    }
  }

  private callChecked({ run, rejected }: NamedFunction): void {
    const checked = new CheckedActionBatch(this.batch);
    try {
      refusePromise(run(checked), rejected);
      checked.settle();
    } finally {
      checked.takeAway();
    }
  }
}

/** An entry whose frames a function has been called with. */
const DONE = -1;

class DeferredBatch implements ActionBatch {
  readonly memory: Uint8Array;
  count = 0;
  /** The first entry of another action; the number of entries, where there is none. */
  next = 0;
  private readonly around: ActionSurroundings;
  private readonly packets: Packets;
  private readonly entries: Int32Array;
  private frames: DeferredFrames | undefined;

  constructor(around: ActionSurroundings) {
    this.around = around;
    this.memory = around.arena.u8;
    this.packets = around.engine.columns;
    this.entries = new Int32Array(this.packets.capacity);
  }

  /** Takes all entries of the action of entry `first`, in their order. */
  begin(frames: DeferredFrames, first: number): void {
    const action = frames.action[first] ?? DONE;
    this.frames = frames;
    this.count = 0;
    this.next = frames.count;
    for (let n = first; n < frames.count; n++) {
      if (frames.action[n] === action) {
        this.entries[this.count++] = n;
        frames.action[n] = DONE;
      } else if (frames.action[n] !== DONE && n < this.next) this.next = n;
    }
  }

  end(): void {
    this.frames = undefined;
    this.count = 0;
  }

  failed(): void {
    const { frames } = this;
    for (let i = 0; frames && i < this.count; i++) {
      const n = this.entries[i] ?? 0;
      frames.outcome[n] = DROPPED_BY_ACTION;
      frames.reason[n] = REASON['action-failed'];
    }
  }

  offset(i: number): number {
    return this.packets.frame[this.packet(i)] ?? 0;
  }

  length(i: number): number {
    return this.packets.length[this.packet(i)] ?? 0;
  }

  bytes(i: number): Uint8Array {
    const at = this.offset(i);
    return this.memory.subarray(at, at + this.length(i));
  }

  copy(i: number): Uint8Array {
    const at = this.offset(i);
    return Uint8Array.from(this.memory.subarray(at, at + this.length(i)));
  }

  vni(i: number): number {
    const record = this.record(i);
    return record < 0 ? -1 : (this.around.engine.receivedTunnels[record + TunnelWord.VNI] ?? -1);
  }

  tunnel(i: number): TunnelMetadata | undefined {
    const record = this.record(i);
    if (record < 0) return undefined;
    const words = this.around.engine.receivedTunnels;
    const word = (at: number): number => words[record + at] ?? 0;
    const family = word(TunnelWord.FAMILY);
    return {
      vni: word(TunnelWord.VNI),
      source: addressText(words, record + TunnelWord.SRC_IP, family),
      destination: addressText(words, record + TunnelWord.DST_IP, family),
      sourcePort: word(TunnelWord.SRC_PORT),
      destinationPort: word(TunnelWord.DST_PORT),
      tos: word(TunnelWord.TOS),
      ttl: word(TunnelWord.TTL),
    };
  }

  device(i: number): string {
    const n = this.entry(i);
    return this.around.nameOf(this.frames?.device[n] ?? -1);
  }

  hook(i: number): 'ingress' | 'egress' {
    const n = this.entry(i);
    return this.frames?.hook[n] === AT_INGRESS ? 'ingress' : 'egress';
  }

  segments(i: number): number {
    return this.packets.segments(this.packet(i));
  }

  writable(i: number): Uint8Array | undefined {
    if (this.around.engine.own(this.packet(i))) return this.bytes(i);
    this.say(i, DROPPED_BY_ACTION, REASON['rewrite-no-room']);
    return undefined;
  }

  drop(i: number, reason: DropReason): void {
    this.entry(i);
    this.say(i, DROPPED_BY_ACTION, this.around.reasons.numberOf(reason));
  }

  pass(i: number): void {
    this.say(i, PASSED_BY_ACTION, 0);
  }

  keep(i: number): Uint8Array {
    const copy = this.copy(i);
    this.say(i, KEPT_BY_ACTION, 0);
    return copy;
  }

  private say(i: number, outcome: number, reason: number): void {
    const n = this.entry(i);
    if (!this.frames) return;
    this.frames.outcome[n] = outcome;
    this.frames.reason[n] = outcome === GOES_ON ? 0 : reason;
  }

  /** Where the received tunnel record of a frame begins; -1: it has none. */
  private record(i: number): number {
    const packet = this.packet(i);
    if (((this.packets.flags[packet] ?? 0) & TUNNEL_RECEIVED) === 0) return -1;
    return (this.packets.tunnel[packet] ?? 0) * TUNNEL_WORDS;
  }

  private packet(i: number): PacketIndex {
    const n = this.entry(i);
    return (this.frames?.packet[n] ?? 0) as PacketIndex;
  }

  private entry(i: number): number {
    if (this.frames === undefined) throw new VtepError('invalid', 'a batch is over when its function has returned');
    if (!(i >= 0 && i < this.count && (i | 0) === i))
      throw new VtepError('invalid', `frame ${i} of a batch of ${this.count}`);
    return this.entries[i] ?? 0;
  }
}
