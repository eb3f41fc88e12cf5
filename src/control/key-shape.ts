/**
 * What the keys of a filter have in common with those of many others: which keys they are, how wide, under which
 * masks. There are few such shapes for a million filters, and what is left of each is the bytes of its values. These
 * are kept as one string of a character a byte, which takes a fifth of the room of one small array.
 */
import { KEY_WORDS } from '../classifier/flow-key.js';
import type { FlowerKey } from '../iproute/commands.js';
import { encodeKeys } from './encode-keys.js';

export interface KeyShape {
  /** In the order of the filter's keys; the masks are not to be written to. */
  readonly parts: readonly { readonly name: FlowerKey['name']; readonly width: number; readonly mask: Uint8Array }[];
  /** The same as text: equal for equal shapes alone. */
  readonly text: string;
  /** The words of the classifier's mask, not to be written to, and as text. */
  readonly words: Int32Array;
  readonly mask: string;
}

/** The shape of keys; the same object for many filters of one shape. Throws CommandError as `encodeKeys` does. */
export function shapeOf(keys: readonly FlowerKey[]): KeyShape {
  const hash = hashOf(keys);
  const bucket = shapes.get(hash) ?? [];
  for (const shape of bucket) if (hasShape(shape, keys)) return shape;
  const made = makeShape(keys);
  // Forgotten shapes go on serving their filters; later filters have one of their own.
  if (count >= MOST_SHAPES) {
    shapes.clear();
    count = 0;
  }
  shapes.set(hash, [...(shapes.get(hash) ?? []), made]);
  count++;
  return made;
}

/** The values of keys, behind one another. */
export function packValues(keys: readonly FlowerKey[]): string {
  let at = 0;
  for (const { value } of keys) at += value.length;
  const bytes = at <= scratch.length ? scratch : Buffer.alloc(at);
  at = 0;
  for (const { value } of keys) {
    for (let i = 0; i < value.length; i++) bytes[at++] = value[i] ?? 0;
  }
  return bytes.toString('latin1', 0, at);
}

/** The keys that `packValues` and `shapeOf` were given. */
export function unpackKeys({ parts }: KeyShape, values: string): FlowerKey[] {
  let at = 0;
  return parts.map(({ name, width, mask }) => {
    const value = new Uint8Array(width);
    for (let i = 0; i < width; i++) value[i] = values.charCodeAt(at++);
    return { name, value, mask };
  });
}

const scratch = Buffer.alloc(1024);
const MOST_SHAPES = 8192;
const shapes = new Map<number, KeyShape[]>();
let count = 0;

function makeShape(keys: readonly FlowerKey[]): KeyShape {
  const words = new Int32Array(KEY_WORDS);
  encodeKeys(keys, 0, new Int32Array(KEY_WORDS), words);
  return {
    parts: keys.map(({ name, value, mask }) => ({ name, width: value.length, mask: mask.slice() })),
    text: keys.map(({ name, value, mask }) => `${name} ${value.length} ${Buffer.from(mask).toString('hex')}`).join(' '),
    words,
    mask: words.join(),
  };
}

function hasShape({ parts }: KeyShape, keys: readonly FlowerKey[]): boolean {
  if (parts.length !== keys.length) return false;
  for (let n = 0; n < keys.length; n++) {
    const part = parts[n];
    const key = keys[n];
    if (part === undefined || key === undefined) return false;
    if (part.name !== key.name || part.width !== key.value.length) return false;
    const { mask } = key;
    if (part.mask.length !== mask.length) return false;
    for (let i = 0; i < mask.length; i++) if (part.mask[i] !== mask[i]) return false;
  }
  return true;
}

function hashOf(keys: readonly FlowerKey[]): number {
  let hash = keys.length;
  for (const { name, value, mask } of keys) {
    hash = (Math.imul(hash, 31) + name.length * 256 + name.charCodeAt(name.length - 1)) | 0;
    hash = (Math.imul(hash, 31) + value.length) | 0;
    for (let i = 0; i < mask.length; i++) hash = (Math.imul(hash, 31) + (mask[i] ?? 0)) | 0;
  }
  return hash;
}
