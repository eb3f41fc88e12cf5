/** What actions are, to compare them by: numbers that the daemon chose are left out. */
import type { ActionInstance } from './action-table.js';

/** Whether two actions do the same, their cookies included. */
export function isSameAction(a: Pick<ActionInstance, 'content' | 'target'>, b: typeof a): boolean {
  if (a.target !== b.target) return false;
  return a.content === b.content || hasSameFields(a.content, b.content, isNumbered);
}

/** Fields that say nothing but numbers: the index, and of mirred the name of its target. */
function isNumbered(field: string): boolean {
  return field === 'index' || field === 'dev';
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && hasSameBytes(a, b);
  return hasSameFields(a, b);
}

function hasSameFields(a: object, b: object, isLeftOut: (field: string) => boolean = () => false): boolean {
  let fields = 0;
  for (const field in a) {
    if (isLeftOut(field)) continue;
    fields++;
    if (!Object.hasOwn(b, field) || !isSame(Reflect.get(a, field), Reflect.get(b, field))) return false;
  }
  for (const field in b) if (!isLeftOut(field)) fields--;
  return fields === 0;
}

function hasSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
