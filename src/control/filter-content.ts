/** What filters and actions are, to compare them by: numbers that the daemon chose are left out. */
import type { FlowerKey } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import type { Filter } from './filter-chain.js';

/** What a filter matches, and what it is beside its place, handle and actions, as text to find it by. */
export function keyOf({ spec, indev }: Filter): string {
  const { protocol, keys, skipHw, classid } = spec;
  let text = `${protocol} ${indev} ${skipHw} ${classid}`;
  for (const { name, value, mask } of keys) {
    // Bytes stand for themselves, so their number has to be said.
    text += ` ${name} ${value.length} ${String.fromCharCode(...value)}${String.fromCharCode(...mask)}`;
  }
  return text;
}

/** Whether two filters match the same: their keys as they were typed, protocol and the like. */
export function hasSameKey(a: Filter, b: Filter): boolean {
  return (
    a.spec.protocol === b.spec.protocol &&
    a.indev === b.indev &&
    a.spec.skipHw === b.spec.skipHw &&
    a.spec.classid === b.spec.classid &&
    hasSameKeys(a.spec.keys, b.spec.keys)
  );
}

function hasSameKeys(a: readonly FlowerKey[], b: readonly FlowerKey[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const [one, other] = [a[i], b[i]];
    if (one === other) continue;
    if (!one || !other || one.name !== other.name) return false;
    if (!hasSameBytes(one.value, other.value) || !hasSameBytes(one.mask, other.mask)) return false;
  }
  return true;
}

/** Whether two actions do the same, their cookies included. */
export function isSameAction(a: Pick<ActionInstance, 'spec' | 'target'>, b: typeof a): boolean {
  return a.target === b.target && hasSameFields(a.spec, b.spec, isNumbered);
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
