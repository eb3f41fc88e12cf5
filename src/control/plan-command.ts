import type { Command } from '../iproute/commands.js';
import { editedDevice } from './device-tables.js';
import { ruleEdit } from './edit-rules.js';
import { splitLinkSet } from './link-set-words.js';
import type { Say } from './protocol.js';
import type { Rules } from './rules.js';
import type { Transaction } from './transaction.js';

/** Where a line has its place: devices first, then rules, and last what is not vtep's to undo. */
export type Stage = 'links' | 'rules' | 'last';

export interface PlanTarget {
  readonly rules: Rules;
  /** Carries out what is left of a command when the transaction is in force. */
  carryOut(command: Command): Promise<void>;
  readonly say: Say;
}

/** Takes a command into a transaction. Throws CommandError where it is refused, or has no place in one. */
export function planCommand(
  transaction: Transaction,
  command: Command,
  target: PlanTarget,
  line: number | undefined,
): Stage {
  const { devices } = transaction;
  const last = (rest: Command): Stage => {
    transaction.afterwards(() => target.carryOut(rest), line);
    return 'last';
  };
  const setUp = (name: string, up: boolean): void => {
    if (up) transaction.step(devices.planUp(name), line);
    last({ kind: 'link-set', name, up, argv: ['link', 'set', 'dev', name, up ? 'up' : 'down'] });
  };
  const setLink = (name: string, argv: readonly string[], up: boolean | undefined): void => {
    const parts = splitLinkSet(argv);
    if (!parts?.canUndo) {
      if (up) transaction.step(devices.planUp(name), line);
      last({ kind: 'link-set', name, argv, ...(up !== undefined && { up }) });
      return;
    }
    if (parts.rest)
      transaction.step(devices.planSet(name, { argv: parts.rest, settings: parts.settings }, target.say), line);
    if (up !== undefined) setUp(name, up);
  };
  switch (command.kind) {
    case 'link-add-vxlan':
    case 'link-add-tap':
      if ('notes' in command) for (const note of command.notes) target.say({ err: `${note}\n` });
      transaction.step(devices.planAdd(command), line);
      if (command.link.up) setUp(command.link.name, true);
      return 'links';
    case 'link-set-vxlan':
      transaction.step(devices.planChange(command), line);
      if (command.rest) setLink(command.name, command.rest, command.up);
      return 'links';
    case 'link-set':
      if (!devices.has(command.name)) return last(command);
      setLink(command.name, command.argv, command.up);
      return 'links';
    case 'link-del': {
      if (!devices.has(command.name)) return last(command);
      // The rules first: they say what goes by the device's name, which then means nothing any more.
      const index = target.rules.indexOf(command.name);
      transaction.edit(() => target.rules.forgetDevice(index));
      transaction.step(devices.planRemove(command.name).step, line);
      transaction.removal(() => devices.takeAway(index));
      return 'links';
    }
    case 'qdisc-add':
    case 'qdisc-del':
      if (!devices.has(command.dev)) return last(command);
      break;
    case 'fdb-add':
    case 'fdb-del':
    case 'fdb-flush':
    case 'vni-add':
    case 'vni-del':
      if (!devices.has(editedDevice(command))) return last(command);
      transaction.step(devices.planTable(command), line);
      return 'links';
  }
  const edit = ruleEdit(command, target.rules, target.say);
  if (!edit) return last(command);
  transaction.edit(edit);
  return 'rules';
}
