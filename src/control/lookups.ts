/** Commands that change nothing: they need not wait for the end of a change that itself waits for the host. */
import type { Command } from '../iproute/commands.js';
import { CommandError } from '../iproute/commands.js';
import { actionPieces } from '../iproute/print-actions.js';
import { filterPieces, printFilterGet } from '../iproute/print-filter.js';
import { carryOutActions } from './carry-out-actions.js';
import { carryOutChain } from './carry-out-chain.js';
import type { Devices } from './devices.js';
import { carryOutFdb, type FdbTarget, showFdb } from './fdb-command.js';
import { isHostLookup } from './host-lookups.js';
import { hostShowWords } from './host-show-words.js';
import type { Say } from './protocol.js';
import type { Rules } from './rules.js';
import { ShownWithHost } from './shown-with-host.js';
import { carryOutVni, type VniTarget } from './vni-command.js';

const KINDS: ReadonlySet<Command['kind']> = new Set<Command['kind']>([
  ...(['help', 'qdisc-show', 'filter-show', 'filter-get', 'chain-show', 'chain-get'] as const),
  ...(['actions-show', 'actions-get', 'link-show', 'fdb-show', 'fdb-get', 'vni-show'] as const),
]);

/** Whether a command changes nothing. */
export function isLookup(command: Command): boolean {
  return command.kind === 'host' ? isHostLookup(command.argv) : KINDS.has(command.kind);
}

/** Runs a tool of the system; what it prints is said. */
export type RunTool = (tool: 'ip' | 'tc' | 'bridge', argv: readonly string[], say: Say) => Promise<void>;

export class Lookups {
  private readonly devices: Devices;
  private readonly rules: Rules;
  private readonly run: RunTool;
  private readonly tables: FdbTarget & VniTarget;
  private readonly shown: ShownWithHost;

  /** `tables`: what `bridge` commands are about, its `bridge` by `run`. */
  constructor(devices: Devices, rules: Rules, tables: FdbTarget & VniTarget, run: RunTool) {
    this.devices = devices;
    this.rules = rules;
    this.run = run;
    this.tables = tables;
    this.shown = new ShownWithHost(devices, rules, run);
  }

  /** Answers what `isLookup` takes. What it gives back is to be sent piece by piece. Throws CommandError. */
  async answer(command: Command, say: Say): Promise<Iterable<string> | undefined> {
    switch (command.kind) {
      case 'help':
        if (command.exit !== 0) throw new CommandError(command.text.trimEnd(), command.exit);
        say({ err: `${command.text.trimEnd()}\n` });
        return undefined;
      case 'host':
        await this.run(command.tool, command.argv, say);
        return undefined;
      case 'qdisc-show':
        await this.shown.qdiscs(command, say);
        return undefined;
      case 'link-show':
        await this.shown.links(command, say);
        return undefined;
      case 'filter-show':
      case 'chain-show':
        if (this.devices.registry.isHosts(command.selector.dev)) {
          const object = command.kind === 'filter-show' ? 'filter' : 'chain';
          await this.run('tc', hostShowWords(object, command.selector, command.output), say);
          return undefined;
        }
        if (command.kind === 'filter-show') {
          return filterPieces(this.rules.each(command.selector), command.selector, command.output);
        }
        carryOutChain(this.rules, command, say);
        return undefined;
      case 'chain-get':
        carryOutChain(this.rules, command, say);
        return undefined;
      case 'filter-get':
        say({ out: printFilterGet(this.rules.get(command.selector), command.output) });
        return undefined;
      case 'actions-show':
        return actionPieces(this.rules.actions.each(command.action, command.since), command.output);
      case 'actions-get':
        carryOutActions(this.rules.actions, command, say);
        return undefined;
      case 'fdb-show':
        return showFdb(command, this.tables, say);
      case 'fdb-get':
        await carryOutFdb(command, this.tables, say);
        return undefined;
      case 'vni-show':
        await carryOutVni(command, this.tables, say);
        return undefined;
      default:
        throw new Error(`${command.kind} is no lookup`);
    }
  }
}
