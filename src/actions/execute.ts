import type { Arena } from '../memory/arena.js';
import { ActionCounter, type ActionCounters, type Counters } from '../memory/counters.js';
import {
  NONE,
  type PacketIndex,
  type Packets,
  SHAPE_IPV4,
  SHAPE_IPV6,
  TUNNEL_RECEIVED,
  TUNNEL_TRANSMIT,
} from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import type { BatchScratch } from '../memory/scratch.js';
import type { Checksummer } from '../wire/checksum.js';
import { ipv4Tos } from '../wire/ipv4.js';
import { ipv6TrafficClass } from '../wire/ipv6.js';
import { ArrivalClock } from './arrival-clock.js';
import { runCsum } from './csum.js';
import { DEFERRED } from './deferred.js';
import { AT_EGRESS, AT_INGRESS, type Outlet, type Sampler } from './outlet.js';
import { runPedit } from './pedit.js';
import { Buckets } from './police.js';
import { policedLength } from './policed-length.js';
import {
  ACTION_IN_PAGE,
  ACTION_PAGE_BITS,
  ACTION_WORDS,
  ActionKind,
  type ActionPrograms,
  ActionWord,
  actionPlace,
  MIRRED_INGRESS,
  MIRRED_REDIRECT,
  PoliceWord,
  RANDOM_NETRAND,
  RANDOM_NONE,
  SKBEDIT_INHERIT,
  SKBEDIT_MARK,
  SKBEDIT_PRIORITY,
  Verdict,
} from './program.js';
import { Random } from './random.js';
import { runVlan, VLAN_DONE, VLAN_NO_ROOM, VLAN_REFUSED } from './vlan.js';
import { Writable } from './writable.js';

/** Jumps that one run of a program may make (TCA_ACT_MAX_PRIO in net/sched/act_api.c). */
const JUMP_LIMIT = 32;
/** How deep mirred may be nested (MIRRED_NEST_LIMIT in net/sched/act_mirred.c). */
const NEST_LIMIT = 4;
/** Copies that mirred makes of one frame, through whatever hooks it and they go. */
const COPY_LIMIT = 256;
/** Answers that end the run with SHOT, the reason counted; no verdict. */
const REFUSED = -2;

/** What the executor works with, for the life of a worker. */
export interface ExecutorParts {
  readonly arena: Arena;
  readonly packets: Packets;
  readonly scratch: BatchScratch;
  readonly checksums: Checksummer;
  readonly counters: Counters;
  readonly actionCounters: ActionCounters;
  readonly sampler: Sampler;
}

/**
 * Runs action programs, as net/sched/act_api.c's tcf_action_exec does: in order while they answer pipe, else with
 * the answer as the rule's verdict.
 *
 * Statistics follow the kernel's: bytes as the hook counts them, whatever an action before has put on or taken off
 * (qdisc_pkt_len), packets as segments, but drops and overlimits by the frame. Every action counts a packet when it
 * meets it, before it acts.
 *
 * A run may send its frame through the hooks of other devices, whose programs run within it: nothing of a run that
 * they could change is kept in fields.
 */
export class Executor {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;
  private readonly counters: Counters;
  private readonly actionCounters: ActionCounters;
  private readonly sampler: Sampler;
  private readonly writable: Writable;
  /** Whoever hands over batches sets its time (of the steady clock) once for each, and keeps the rest of it where `needsClock`. */
  readonly arrivals = new ArrivalClock();
  private readonly time = this.arrivals.time;
  readonly buckets = new Buckets(this.arrivals);
  private random = new Random(Math.trunc(Math.random() * 0xffffffff));
  private readonly outlet: Outlet;
  private programs: ActionPrograms;
  private nesting = 0;
  /** Copies made of the frame at hand, and of these. */
  private copies = 0;
  /** The bytes of the packet at hand have changed since its columns were filled. False whenever a run begins. */
  private isStale = false;
  /** Chain number of the last GOTO. */
  chain = 0;
  /** Whether any action looks at the clock: reading it costs, and makes garbage. */
  needsClock = false;
  /**
   * False where an action of some run since it was set to true would not do the same to the next packet of the flow:
   * it looks at a clock, a counter or chance, rewrites or copies the frame.
   */
  repeats = true;
  /** Of the last DEFERRED: the action that the frame waits for, its place in the rule, and the row of its counters. */
  deferredAction = 0;
  deferredAt = 0;
  deferredRow = 0;
  /** The action `simple` that was met last since somebody set this to -1: its id. */
  note = -1;

  constructor(parts: ExecutorParts, outlet: Outlet, programs: ActionPrograms) {
    this.bytes = parts.arena.u8;
    this.packets = parts.packets;
    this.checksums = parts.checksums;
    this.counters = parts.counters;
    this.actionCounters = parts.actionCounters;
    this.sampler = parts.sampler;
    this.writable = new Writable(parts.arena, parts.packets, parts.scratch);
    this.outlet = outlet;
    this.programs = programs;
  }

  /** Has chance begin anew from `seed`, any 32 bits but 0. */
  seed(seed: number): void {
    this.random = new Random(seed);
  }

  /** A frame has come to a hook. Unless a program sent it there, what was copied before was of another one. */
  beginHook(): void {
    if (this.nesting === 0) this.copies = 0;
  }

  /** Takes over the programs of a new rule snapshot. */
  use(programs: ActionPrograms): void {
    this.programs = programs;
    this.buckets.ensure(programs.buckets);
    this.needsClock = programs.buckets > 0;
  }

  /**
   * Runs the program of `rule` on a packet at `hook` of its device, where it counts as `bytes` bytes. Answers OK, SHOT,
   * STOLEN, TRAP, PIPE (the program ended: the frame goes on its way), CONTINUE, RECLASSIFY, or GOTO with `chain` set.
   * Where it answers SHOT the reason is counted; where the packet goes on, its columns are true.
   */
  run(packet: PacketIndex, rule: number, hook: number, bytes: number): number {
    return this.runFrom(packet, rule, hook, bytes, 0);
  }

  /**
   * Goes on with the program at action `place`, for which the packet has waited (DEFERRED), as its control says;
   * `nesting` as then.
   */
  resume(packet: PacketIndex, rule: number, hook: number, bytes: number, place: number, nesting: number): number {
    const { words, start } = this.programs;
    const first = start[rule];
    const row = words[first + 1 + place];
    const at = actionPlace(this.programs, row);
    const control = words[at + ActionWord.CONTROL];
    const argument = words[at + ActionWord.ARGUMENT];
    let next = place + 1;
    if (control === Verdict.JUMP) {
      if (argument === 0 || argument > words[first]) return Verdict.OK;
      next = argument;
    } else if (control === Verdict.SHOT) {
      this.countDrop(packet, row, REASON['action-drop']);
      return Verdict.SHOT;
    } else if (control !== Verdict.PIPE) {
      if (control === Verdict.GOTO) this.chain = argument;
      return control;
    }
    this.nesting = nesting;
    const verdict = this.runFrom(packet, rule, hook, bytes, next);
    this.nesting = 0;
    return verdict;
  }

  /** How deep mirred is nested now. */
  get depth(): number {
    return this.nesting;
  }

  private runFrom(packet: PacketIndex, rule: number, hook: number, bytes: number, from: number): number {
    const words = this.programs.words;
    const actionPages = this.programs.actionPages;
    const actionAt = this.programs.actionAt;
    const first = this.programs.start[rule];
    const count = words[first];
    const segments = this.packets.segments(packet);
    this.packets.rule[packet] = rule;
    let jumps = JUMP_LIMIT;
    let action = from;
    this.isStale = false;
    while (action < count) {
      const counter = words[first + 1 + action];
      const at = actionAt[actionPages[counter >>> ACTION_PAGE_BITS] + (counter & ACTION_IN_PAGE)];
      const kind = words[at + ActionWord.KIND];
      if (kind === ActionKind.MIRRED && this.nesting === NEST_LIMIT) {
        this.countReason(packet, REASON['mirred-nesting']);
        return Verdict.SHOT;
      }
      this.actionCounters.hit(counter, segments, bytes, this.time[0]);
      let verdict = words[at + ActionWord.CONTROL];
      let argument = words[at + ActionWord.ARGUMENT];
      let reason = REASON['action-drop'];
      switch (kind) {
        case ActionKind.GACT:
          if (words[at + ActionWord.A] !== RANDOM_NONE && this.isOther(words, at, counter)) {
            verdict = words[at + ActionWord.B];
            argument = words[at + ActionWord.C];
          }
          if (verdict === Verdict.SHOT) this.actionCounters.add(counter, ActionCounter.DROPS, 1);
          break;
        case ActionKind.TUNNEL_KEY_UNSET:
          this.packets.flags[packet] &= ~(TUNNEL_RECEIVED | TUNNEL_TRANSMIT);
          break;
        case ActionKind.TUNNEL_KEY_SET:
          this.packets.flags[packet] = (this.packets.flags[packet] & ~TUNNEL_RECEIVED) | TUNNEL_TRANSMIT;
          this.packets.tunnel[packet] = words[at + ActionWord.A];
          break;
        case ActionKind.MIRRED:
          verdict = this.mirred(packet, at, counter, verdict, hook);
          break;
        case ActionKind.VLAN:
          this.repeats = false;
          verdict = this.vlan(packet, words, at, counter, verdict);
          break;
        case ActionKind.PEDIT:
          this.repeats = false;
          verdict = this.pedit(packet, words, at, counter, verdict);
          break;
        case ActionKind.CSUM:
          this.repeats = false;
          verdict = this.csum(packet, words, at, counter, verdict);
          break;
        case ActionKind.SKBEDIT:
          this.skbedit(packet, words, at);
          break;
        case ActionKind.POLICE:
          this.repeats = false;
          if (this.conforms(packet, words, at, hook, bytes)) {
            verdict = words[at + ActionWord.A];
            argument = words[at + ActionWord.B];
            // As in the kernel: what conforms to a length, where there is no rate, counts as no drop of the action.
            if (verdict === Verdict.SHOT && this.buckets.hasRate(words, at))
              this.actionCounters.add(counter, ActionCounter.DROPS, 1);
          } else {
            this.actionCounters.add(counter, ActionCounter.OVERLIMITS, 1);
            if (verdict === Verdict.SHOT) this.actionCounters.add(counter, ActionCounter.DROPS, 1);
            reason = REASON['police-exceed'];
          }
          break;
        case ActionKind.SAMPLE:
          this.repeats = false;
          this.sample(packet, words, at, hook);
          break;
        case ActionKind.CUSTOM:
          return this.waitFor(packet, words[at + ActionWord.A], action, counter);
        case ActionKind.SIMPLE:
          this.note = counter;
          break;
      }
      if (verdict === Verdict.PIPE) {
        action++;
      } else if (verdict === Verdict.JUMP) {
        // A jump out of the program, or one too many, ends it as if it had said ok.
        if (argument === 0 || argument > count || --jumps === 0) return this.leave(packet, Verdict.OK);
        action = argument;
      } else if (verdict === Verdict.SHOT) {
        this.countReason(packet, reason);
        return Verdict.SHOT;
      } else if (verdict === REFUSED) {
        return Verdict.SHOT;
      } else {
        if (verdict === Verdict.GOTO) this.chain = argument;
        return this.leave(packet, verdict);
      }
    }
    return this.leave(packet, count === 0 ? Verdict.OK : Verdict.PIPE);
  }

  /** The packet has to wait for an action of another program, which stands at `place` of its rule. */
  private waitFor(packet: PacketIndex, action: number, place: number, row: number): number {
    this.repeats = false;
    this.refresh(packet);
    this.deferredAction = action;
    this.deferredAt = place;
    this.deferredRow = row;
    return DEFERRED;
  }

  /** An action that stands for a function of another program has dropped a packet. */
  countDrop(packet: PacketIndex, row: number, reason: number): void {
    this.actionCounters.add(row, ActionCounter.DROPS, 1);
    this.countReason(packet, reason);
  }

  private leave(packet: PacketIndex, verdict: number): number {
    if (verdict !== Verdict.STOLEN) this.refresh(packet);
    return verdict;
  }

  /** Makes the packet's columns true again. */
  private refresh(packet: PacketIndex): void {
    if (!this.isStale) return;
    this.isStale = false;
    this.outlet.refresh(packet);
  }

  /** net/sched/act_gact.c: whether a packet gets the other control; `determ` counts, in a spare column of the row. */
  private isOther(words: Int32Array, at: number, counter: number): boolean {
    const value = words[at + ActionWord.D];
    this.repeats = false;
    if (words[at + ActionWord.A] === RANDOM_NETRAND) return this.random.oneIn(value);
    return this.actionCounters.isTurn(counter, value);
  }

  /** net/sched/act_mirred.c, tcf_mirred_act: a target that is down costs a redirect its frame, a mirror its copy. */
  private mirred(packet: PacketIndex, at: number, counter: number, control: number, hook: number): number {
    const words = this.programs.words;
    const device = words[at + ActionWord.A];
    const flags = words[at + ActionWord.B];
    const refusal = this.outlet.refusal(device);
    if (refusal !== 0) {
      this.overlimit(packet, counter, refusal);
      return (flags & MIRRED_REDIRECT) === 0 ? control : REFUSED;
    }
    this.refresh(packet);
    let sent = packet;
    if ((flags & MIRRED_REDIRECT) === 0) {
      sent = this.copy(packet, counter);
      if (sent === NONE) return control;
    }
    this.nesting++;
    const taken = this.outlet.forward(sent, hook, device, (flags & MIRRED_INGRESS) === 0 ? AT_EGRESS : AT_INGRESS);
    this.nesting--;
    this.isStale = false;
    if (!taken) this.actionCounters.add(counter, ActionCounter.OVERLIMITS, 1);
    return (flags & MIRRED_REDIRECT) === 0 ? control : Verdict.STOLEN;
  }

  /** The packet that mirror sends; NONE where there is to be none, which is counted. */
  private copy(packet: PacketIndex, counter: number): PacketIndex {
    this.repeats = false;
    if (++this.copies > COPY_LIMIT) {
      this.overlimit(packet, counter, REASON['mirred-copies']);
      return NONE;
    }
    const copy = this.packets.share(packet);
    if (copy === NONE) this.overlimit(packet, counter, REASON['batch-full']);
    return copy;
  }

  private overlimit(packet: PacketIndex, counter: number, reason: number): void {
    this.actionCounters.add(counter, ActionCounter.OVERLIMITS, 1);
    this.countReason(packet, reason);
  }

  private vlan(packet: PacketIndex, words: Int32Array, at: number, counter: number, control: number): number {
    const outcome = runVlan(this.bytes, this.packets, this.writable, packet, words, at);
    if (outcome === VLAN_DONE) this.isStale = true;
    else if (outcome >= VLAN_REFUSED) {
      return this.refuse(
        packet,
        counter,
        outcome === VLAN_NO_ROOM ? REASON['rewrite-no-room'] : REASON['vlan-refused'],
      );
    }
    return control;
  }

  private pedit(packet: PacketIndex, words: Int32Array, at: number, counter: number, control: number): number {
    this.refresh(packet);
    if (!this.writable.own(packet, 0)) return this.refuse(packet, counter, REASON['rewrite-no-room']);
    this.isStale = true;
    if (!runPedit(this.bytes, this.packets, packet, words, at)) {
      this.actionCounters.add(counter, ActionCounter.OVERLIMITS, 1);
    }
    return control;
  }

  private csum(packet: PacketIndex, words: Int32Array, at: number, counter: number, control: number): number {
    this.refresh(packet);
    if (!this.writable.own(packet, 0)) return this.refuse(packet, counter, REASON['rewrite-no-room']);
    const flags = words[at + ActionWord.A];
    if (runCsum(this.checksums, this.packets, packet, flags, this.outlet.protocol(packet))) return control;
    return this.refuse(packet, counter, REASON['csum-cut-header']);
  }

  private refuse(packet: PacketIndex, counter: number, reason: number): number {
    this.actionCounters.add(counter, ActionCounter.DROPS, 1);
    this.countReason(packet, reason);
    return REFUSED;
  }

  private skbedit(packet: PacketIndex, words: Int32Array, at: number): void {
    const { packets } = this;
    const what = words[at + ActionWord.A];
    if ((what & SKBEDIT_PRIORITY) !== 0) packets.priority[packet] = words[at + ActionWord.D];
    if ((what & SKBEDIT_INHERIT) !== 0) {
      this.refresh(packet);
      const ip = packets.frame[packet] + packets.l3[packet];
      if ((packets.shape[packet] & SHAPE_IPV4) !== 0) packets.priority[packet] = ipv4Tos(this.bytes, ip) >>> 2;
      else if ((packets.shape[packet] & SHAPE_IPV6) !== 0)
        packets.priority[packet] = ipv6TrafficClass(this.bytes, ip) >>> 2;
    }
    if ((what & SKBEDIT_MARK) !== 0) {
      const mask = words[at + ActionWord.C];
      packets.mark[packet] = (packets.mark[packet] & ~mask) | (words[at + ActionWord.B] & mask);
    }
  }

  /** net/sched/act_police.c: first the mtu, then the rate. */
  private conforms(packet: PacketIndex, words: Int32Array, at: number, hook: number, bytes: number): boolean {
    const length = policedLength(this.packets, packet, hook, bytes);
    if (length > words[at + ACTION_WORDS + PoliceWord.MTU] >>> 0) return false;
    return this.buckets.conforms(words, at, bytes);
  }

  private sample(packet: PacketIndex, words: Int32Array, at: number, hook: number): void {
    const rate = words[at + ActionWord.A];
    if (!this.random.oneIn(rate)) return;
    const wanted = words[at + ActionWord.C];
    const length = this.packets.length[packet];
    const bytes = wanted < 0 || wanted > length ? length : wanted;
    const taken = this.sampler.sample(packet, hook, words[at + ActionWord.B], rate, bytes);
    this.countReason(packet, taken ? REASON.sampled : REASON['sample-lost']);
  }

  private countReason(packet: PacketIndex, reason: number): void {
    this.counters.reason(this.packets.device[packet], reason, this.packets.segments(packet), packet);
  }
}
