/**
 * Reading the file again: its lines are carried out in an empty daemon that is only thought of, and the running one is
 * changed, as a transaction, until it is as that one. What is the same in both is not touched.
 */
import type { Command } from '../iproute/commands.js';
import { CommandError } from '../iproute/commands.js';
import { adoptRules, compareRules } from './adopt-rules.js';
import type { DesiredState } from './desired-state.js';
import { failedAt, readDesired } from './desired-state.js';
import type { DeviceEdits } from './device-edits.js';
import { idempotent } from './idempotent.js';
import { planCommand } from './plan-command.js';
import type { Say } from './protocol.js';
import { report } from './report.js';
import type { Rules } from './rules.js';
import { stepped } from './slices.js';
import { Transaction } from './transaction.js';

type CarryOut = (command: Command, say: Say) => Promise<void>;

export interface ReloadTarget {
  readonly rules: Rules;
  readonly devices: DeviceEdits;
  readonly carryOut: CarryOut;
  /** Does what only looks, and goes on for long, while others look too. */
  aside<T>(work: () => Promise<T>): Promise<T>;
  /** Is called when everything is in force, but for lines about the host. */
  readonly inForce?: () => void;
}

/** Has the daemon be as the text of a file says. Resolves with the exit code; what went wrong has been said. */
export async function reload(text: string, name: string, target: ReloadTarget, say: Say): Promise<number> {
  const { rules, devices } = target;
  const transaction = { current: undefined as Transaction | undefined };
  try {
    const differences = await target.aside(async () => {
      const read = await readDesired(text, name, devices.present, rules.newTable);
      return stepped(compareRules(rules, read));
    });
    const { desired } = differences;
    transaction.current = new Transaction(rules, devices);
    planDevices(transaction.current, desired, devices, say);
    await transaction.current.editInSlices(() => adoptRules(rules, differences));
    planHost(transaction.current, desired, target, say);
  } catch (error) {
    await transaction.current?.rollBack();
    return nothingChanged(error, say);
  }
  const refusal = await transaction.current.carryOut();
  if (refusal) {
    for (const error of refusal.remains) report(error, say);
    const { line, error } = refusal;
    return nothingChanged(line === undefined ? error : failedAt(error, name, line), say);
  }
  target.inForce?.();
  const failures = await transaction.current.finish(true);
  for (const { line, error } of failures) report(line === undefined ? error : failedAt(error, name, line), say);
  if (failures.length === 0) return 0;
  report(
    new CommandError('vtep: devices and rules are as the file says; what it says of the host failed in part', 1),
    say,
  );
  return 1;
}

function nothingChanged(error: unknown, say: Say): number {
  report(error, say);
  report(new CommandError('vtep: nothing was changed', 1), say);
  return 1;
}

function planDevices(transaction: Transaction, desired: DesiredState, devices: DeviceEdits, say: Say): void {
  const wanted = new Set([...desired.devices.wanted.values()].map(({ index }) => index));
  for (const index of devices.indices) {
    if (wanted.has(index)) continue;
    transaction.step(devices.planRemoveAt(index));
    transaction.removal(() => devices.takeAway(index));
  }
  for (const [name, { making, line, table }] of desired.devices.wanted) {
    if (!devices.present.meant(name)) transaction.step(devices.planAdd(making), line);
    else for (const step of devices.planKeep(name, making, say)) transaction.step(step, line);
    if (table) transaction.step(devices.planTableState(name, table.state), line);
  }
}

function planHost(
  transaction: Transaction,
  desired: DesiredState,
  { rules, devices, carryOut }: ReloadTarget,
  say: Say,
): void {
  const again = (command: Command): Promise<void> => repeat(command, carryOut, say);
  const target = { rules, say, carryOut: again };
  const set = (name: string, argv: readonly string[], up: boolean | undefined, line: number): void => {
    if (!devices.isHere(name)) return;
    planCommand(transaction, { kind: 'link-set', name, argv, ...(up !== undefined && { up }) }, target, line);
  };
  for (const { line, command, stage } of desired.host) {
    switch (command.kind) {
      case 'link-add-tap':
      case 'link-add-vxlan': {
        const { name, up } = command.link;
        if (up) set(name, ['link', 'set', 'dev', name, 'up'], up, line);
        break;
      }
      case 'link-set':
        set(command.name, command.argv, command.up, line);
        break;
      case 'link-set-vxlan':
        if (command.rest) set(command.name, command.rest, command.up, line);
        break;
      default:
        if (stage !== 'last' || ('dev' in command && command.dev !== undefined && !devices.isHere(command.dev))) break;
        transaction.afterwards(() => again(command), line);
    }
  }
}

/** Carries out a line about the host that may have been carried out before. */
async function repeat(command: Command, carryOut: CarryOut, say: Say): Promise<void> {
  const again = command.kind === 'host' ? { ...command, argv: idempotent(command.argv) } : command;
  const said: string[] = [];
  let failure: unknown;
  try {
    await carryOut(again, (reply) => ('err' in reply ? void said.push(reply.err) : say(reply)));
  } catch (error) {
    failure = error;
  }
  // It stands from the last time.
  if (failure && said.some((text) => /: File exists$|Exclusivity flag on/m.test(text))) return;
  for (const err of said) say({ err });
  if (failure) throw failure;
}
