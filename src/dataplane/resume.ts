import { DROPPED_BY_ACTION, KEPT_BY_ACTION, PASSED_BY_ACTION } from '../actions/deferred.js';
import type { Executor } from '../actions/execute.js';
import { Verdict } from '../actions/program.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import type { Hooks } from './classify.js';
import type { Deferral } from './deferral.js';

/** Has frames go on that have waited for actions of the program that embeds vtep. */
export class Resumer {
  private readonly packets: Packets;
  private readonly hook: Hooks;
  private readonly executor: Executor;
  private readonly deferral: Deferral;

  constructor(packets: Packets, hook: Hooks, executor: Executor, deferral: Deferral) {
    this.packets = packets;
    this.hook = hook;
    this.executor = executor;
    this.deferral = deferral;
  }

  /** Every frame of `resuming` goes on as its action has said. */
  run(): void {
    const { resuming } = this.deferral;
    for (let n = 0; n < resuming.count; n++) {
      const packet = resuming.packet[n] as PacketIndex;
      const device = resuming.device[n];
      this.packets.device[packet] = device;
      this.hook.key.dissect(packet);
      if (!this.hook.has(device, resuming.hook[n])) continue;
      this.executor.beginHook();
      this.hook.goOn(this.verdictOf(packet, n), packet, resuming, n);
    }
    resuming.count = 0;
  }

  /** What follows from what an action has said of entry `n`; a drop is counted. */
  private verdictOf(packet: PacketIndex, n: number): number {
    const { executor } = this;
    const { resuming } = this.deferral;
    switch (resuming.outcome[n]) {
      case DROPPED_BY_ACTION:
        executor.countDrop(packet, resuming.row[n], resuming.reason[n]);
        return Verdict.SHOT;
      case KEPT_BY_ACTION:
        return Verdict.STOLEN;
      case PASSED_BY_ACTION:
        return Verdict.OK;
      default: {
        const { rule, hook, bytes, place, nesting } = resuming;
        return executor.resume(packet, rule[n], hook[n], bytes[n], place[n], nesting[n]);
      }
    }
  }
}
