import type { Command } from '../iproute/commands.js';
import { carryOutActions } from './carry-out-actions.js';
import type { Say } from './protocol.js';
import type { Rules } from './rules.js';

/** The qdisc, filter, action or chain edit that a command is, and undefined for any other command. */
export function ruleEdit(command: Command, rules: Rules, say: Say): (() => void) | undefined {
  switch (command.kind) {
    case 'qdisc-add':
      return () => rules.addQdisc(command.dev, command.qdisc, command.mode);
    case 'qdisc-del':
      return () => rules.removeQdisc(command.dev, command.qdisc, command.anyKind ?? false);
    case 'filter-add':
      return () => rules.edit(command.mode, command.filter);
    case 'filter-del':
      return () => rules.remove(command.selector);
    case 'actions-add':
    case 'actions-del':
    case 'actions-flush':
      return () => carryOutActions(rules.actions, command, say, rules.told);
    case 'chain-add':
      return () => rules.editChain('add', command.selector);
    case 'chain-del':
      return () => rules.editChain('del', command.selector);
    default:
      return undefined;
  }
}
