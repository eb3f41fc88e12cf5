import type { ActionState, Command } from '../iproute/commands.js';
import { actionPieces, printActionsGet } from '../iproute/print-actions.js';
import type { Reply } from './protocol.js';
import type { RuleEvents } from './rule-events.js';
import { FLUSHED_IN_PART, type SharedActions } from './shared-actions.js';

/** A command of `tc actions`. */
export type ActionsCommand = Extract<Command, { readonly kind: `actions-${string}` }>;

export function isActionsCommand(command: Command): command is ActionsCommand {
  return command.kind.startsWith('actions-');
}

/** Carries out a command of `tc actions`; throws CommandError with nothing done. */
export function carryOutActions(
  actions: SharedActions,
  command: ActionsCommand,
  say: (reply: Reply) => void,
  told?: RuleEvents,
): void {
  const isTold = told?.isHeard === true;
  switch (command.kind) {
    case 'actions-add': {
      const added = actions.add(command.mode, command.actions);
      if (!isTold) break;
      // The kernel tells of a replacement while it holds a reference of its own.
      const states = added.map(({ action, isNew }) => withReferences(actions.state(action), isNew ? 0 : 1));
      told.actions(command.mode === 'replace' ? 'replaced' : 'added', states);
      break;
    }
    case 'actions-del': {
      // And of a deletion when the last reference is gone.
      const gone = isTold ? actions.get(command.selectors).map((state) => withReferences(state, -1)) : [];
      actions.remove(command.selectors);
      if (isTold) told.actions('deleted', gone);
      break;
    }
    case 'actions-get':
      say({ out: printActionsGet(actions.get(command.selectors), command.output) });
      break;
    case 'actions-show':
      for (const out of actionPieces(actions.each(command.action, command.since), command.output)) say({ out });
      break;
    case 'actions-flush': {
      const before = isTold ? actions.list(command.action).length : 0;
      if (!actions.flush(command.action)) say({ err: `${FLUSHED_IN_PART}\n` });
      if (isTold) told.flushed(command.action, before - actions.list(command.action).length);
      break;
    }
  }
}

function withReferences(state: ActionState, more: number): ActionState {
  return { ...state, ref: state.ref + more };
}
