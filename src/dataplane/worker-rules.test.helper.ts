/** For tests of datapaths with threads of their own: rules as an instruction, and waiting for what workers do. */
import { AT_INGRESS } from '../actions/outlet.js';
import { LinearTable } from '../classifier/linear/linear-table.js';
import type { Datapath } from './datapath.js';
import { type HookRule, programsOf, ruleOf, TAP0 } from './harness.test.helper.js';
import type { Instruction } from './messages.js';

/** Puts rules in force at the ingress of TAP0, numbered as they stand. */
export function rules(...given: readonly HookRule[]): Instruction {
  const table = new LinearTable();
  given.forEach((rule, id) => {
    table.insert(ruleOf(rule, id));
  });
  const hooks = [{ device: TAP0, direction: AT_INGRESS, snapshot: table.publish() }];
  return { type: 'rules', programs: programsOf(given), hooks };
}

/** Resolves once `condition` holds: each instruction that is in force is a turn of every worker's. */
export async function until(datapath: Datapath, condition: () => boolean): Promise<void> {
  while (!condition()) await datapath.apply({ type: 'port-close', device: 1000 });
}
