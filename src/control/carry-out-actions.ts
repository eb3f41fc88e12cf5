import type { Command } from '../iproute/commands.js';
import { printActions, printActionsGet } from '../iproute/print-actions.js';
import type { Reply } from './protocol.js';
import { FLUSHED_IN_PART, type SharedActions } from './shared-actions.js';

/** A command of `tc actions`. */
export type ActionsCommand = Extract<Command, { readonly kind: `actions-${string}` }>;

export function isActionsCommand(command: Command): command is ActionsCommand {
  return command.kind.startsWith('actions-');
}

/** Carries out a command of `tc actions`; throws CommandError with nothing done. */
export function carryOutActions(actions: SharedActions, command: ActionsCommand, say: (reply: Reply) => void): void {
  switch (command.kind) {
    case 'actions-add':
      actions.add(command.mode, command.actions);
      break;
    case 'actions-del':
      actions.remove(command.selectors);
      break;
    case 'actions-get':
      say({ out: printActionsGet(actions.get(command.selectors), command.output) });
      break;
    case 'actions-show':
      say({ out: printActions(actions.list(command.action, command.since), command.output) });
      break;
    case 'actions-flush':
      if (!actions.flush(command.action)) say({ err: `${FLUSHED_IN_PART}\n` });
      break;
  }
}
