import { ActionCounter, type ActionCounters, type Counters } from '../memory/counters.js';
import { NONE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import type { Outlet } from './outlet.js';
import { ActionKind, type ActionPrograms, ActionWord, MIRRED_REDIRECT, Verdict } from './program.js';

/** Jumps that one run of a program may make (TCA_ACT_MAX_PRIO in net/sched/act_api.c). */
const JUMP_LIMIT = 32;
/** What `mirred` answers where a redirect's target took nothing; no verdict. */
const REFUSED = -2;

/**
 * Runs action programs, as net/sched/act_api.c's tcf_action_exec does: in order while they answer pipe, else with
 * the answer as the rule's verdict.
 *
 * Statistics follow the kernel's at ingress: bytes without the Ethernet header, packets as segments, but drops and
 * overlimits by the frame (tcf_action_inc_drop_qstats). Every action counts a packet when it meets it, before it acts.
 */
export class Executor {
  private readonly packets: Packets;
  private readonly outlet: Outlet;
  private readonly counters: Counters;
  private readonly actionCounters: ActionCounters;
  private programs: ActionPrograms;
  /** Chain number of the last GOTO. */
  chain = 0;
  /** Milliseconds since the epoch; the worker sets it once a batch. */
  now = 0;

  constructor(
    packets: Packets,
    outlet: Outlet,
    counters: Counters,
    actionCounters: ActionCounters,
    programs: ActionPrograms,
  ) {
    this.packets = packets;
    this.outlet = outlet;
    this.counters = counters;
    this.actionCounters = actionCounters;
    this.programs = programs;
  }

  /** Takes over the programs of a new rule snapshot. */
  use(programs: ActionPrograms): void {
    this.programs = programs;
  }

  /**
   * Runs the program of `rule` on a packet. Answers OK, SHOT, STOLEN, TRAP, PIPE (the program ended: the frame goes
   * on to the stack), CONTINUE, RECLASSIFY, or GOTO with `chain` set. Where it answers SHOT the reason is counted.
   */
  run(packet: PacketIndex, rule: number): number {
    const words = this.programs.words;
    const actionAt = this.programs.actionAt;
    const first = this.programs.start[rule];
    const count = words[first];
    const segments = this.packets.segments(packet);
    const bytes = this.packets.length[packet] - ETH_HEADER;
    let jumps = JUMP_LIMIT;
    let action = 0;
    while (action < count) {
      const counter = words[first + 1 + action];
      const at = actionAt[counter];
      this.actionCounters.hit(counter, segments, bytes, this.now);
      let verdict = words[at + ActionWord.CONTROL];
      switch (words[at + ActionWord.KIND]) {
        case ActionKind.GACT:
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
          verdict = this.mirred(packet, at, counter, verdict);
          if (verdict === REFUSED) return Verdict.SHOT;
          break;
      }
      if (verdict === Verdict.PIPE) {
        action++;
      } else if (verdict === Verdict.JUMP) {
        const target = words[at + ActionWord.ARGUMENT];
        // A jump out of the program, or one too many, ends it as if it had said ok.
        if (target === 0 || target > count || --jumps === 0) return Verdict.OK;
        action = target;
      } else {
        if (verdict === Verdict.GOTO) this.chain = words[at + ActionWord.ARGUMENT];
        else if (verdict === Verdict.SHOT) this.countReason(packet, REASON['action-drop']);
        return verdict;
      }
    }
    return count === 0 ? Verdict.OK : Verdict.PIPE;
  }

  /** net/sched/act_mirred.c, tcf_mirred_act: a target that is down costs a redirect its frame, a mirror its copy. */
  private mirred(packet: PacketIndex, at: number, counter: number, control: number): number {
    const words = this.programs.words;
    const device = words[at + ActionWord.A];
    const redirect = (words[at + ActionWord.B] & MIRRED_REDIRECT) !== 0;
    const refusal = this.outlet.refusal(device);
    if (refusal !== 0) {
      this.actionCounters.add(counter, ActionCounter.OVERLIMITS, 1);
      this.countReason(packet, refusal);
      return redirect ? REFUSED : control;
    }
    if (redirect) {
      this.outlet.transmit(device, packet);
      return Verdict.STOLEN;
    }
    const copy = this.packets.share(packet);
    if (copy === NONE) {
      this.actionCounters.add(counter, ActionCounter.OVERLIMITS, 1);
      this.countReason(packet, REASON['batch-full']);
    } else {
      this.outlet.transmit(device, copy);
    }
    return control;
  }

  private countReason(packet: PacketIndex, reason: number): void {
    this.counters.reason(this.packets.device[packet], reason, this.packets.segments(packet));
  }
}
