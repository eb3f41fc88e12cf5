import type { ActionDetail } from '../../iproute/commands.js';
import { reachedActions } from './outcomes.js';

export interface UnreachedAction {
  /** What is so, of the filter as `it`. */
  readonly sentence: string;
  readonly remedy: string;
}

/** The first action of a filter that no frame gets to, since the one before always ends; undefined where there is none. */
export function unreachedAction(actions: readonly ActionDetail[]): UnreachedAction | undefined {
  const first = reachedActions(actions).length;
  const last = actions[first - 1];
  // What a function answers its words do not tell.
  if (first === actions.length || !last || last.kind === 'custom') return undefined;
  const words = (n: number): string => `action ${n + 1} (${actions[n]?.kind ?? ''})`;
  const isRedirect = last.kind === 'mirred' && last.mode === 'redirect';
  const why = isRedirect ? 'takes the frame' : `ends with ${last.control.type}`;
  return {
    sentence: `its ${words(first)} never runs, for ${words(first - 1)} ${why}`,
    remedy: isRedirect
      ? 'say mirror instead of redirect, or put it last'
      : `say pipe behind ${words(first - 1)}, or put it last`,
  };
}
