/** What the actions of a filter may answer, and do, as far as their words tell. */
import type { ActionDetail, Control } from '../../iproute/commands.js';

/** The controls of actions that frames may get to. */
export function reachedControls(actions: readonly ActionDetail[]): Control[] {
  return reachedActions(actions).flatMap(controlsOf);
}

/** Actions that frames may get to. */
export function reachedActions(actions: readonly ActionDetail[]): ActionDetail[] {
  const reached: ActionDetail[] = [];
  let hasJumped = false;
  for (const action of actions) {
    reached.push(action);
    const controls = controlsOf(action);
    hasJumped ||= controls.some(({ type }) => type === 'jump');
    // Nobody gets behind an action that always ends; but where something jumped that may be behind it.
    if (!hasJumped && controls.every(({ type }) => type !== 'pipe' && type !== 'jump')) break;
  }
  return reached;
}

/** The controls that an action may answer with. A redirect takes the frame, or where it cannot, drops it. */
export function controlsOf(action: ActionDetail): readonly Control[] {
  switch (action.kind) {
    case 'gact':
      return action.random ? [action.control, action.random.control] : [action.control];
    case 'police':
      return [action.conform, action.control];
    case 'mirred':
      return action.mode === 'redirect' ? [{ type: 'stolen' }] : [action.control];
    default:
      return [action.control];
  }
}

/** Whether `continue` may be the answer. */
export function mayContinue(actions: readonly ActionDetail[]): boolean {
  for (const { type } of reachedControls(actions)) if (type === 'continue') return true;
  return false;
}

/** Chains that frames may be led to. */
export function chainsOf(actions: readonly ActionDetail[]): number[] {
  const chains: number[] = [];
  for (const control of reachedControls(actions)) if (control.type === 'goto') chains.push(control.chain);
  return chains;
}

/** Whether frames may go on to other filters of the hook behind this one. */
export function goesOn(actions: readonly ActionDetail[]): boolean {
  for (const { type } of reachedControls(actions)) {
    if (type === 'continue' || type === 'goto' || type === 'reclassify') return true;
  }
  return false;
}
