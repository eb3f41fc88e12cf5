/** Comparing and copying headers within an arena, by the widest words that both places are aligned to. */
import type { Arena } from '../memory/arena.js';

/** Whether `length` bytes at `a` and at `b` are the same. */
export function sameBytes(arena: Arena, a: number, b: number, length: number): boolean {
  const u8 = arena.u8;
  let i = 0;
  if (((a | b) & 1) === 0) {
    const u16 = arena.u16;
    for (; i + 2 <= length; i += 2) if (u16[(a + i) >> 1] !== u16[(b + i) >> 1]) return false;
  }
  for (; i < length; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}

/** Copies `length` bytes from `from` to `to`, which do not overlap. Meant for headers: some tens of bytes. */
export function copyBytes(arena: Arena, to: number, from: number, length: number): void {
  const u8 = arena.u8;
  let i = 0;
  if (((to | from) & 3) === 0) {
    const i32 = arena.i32;
    for (; i + 4 <= length; i += 4) i32[(to + i) >> 2] = i32[(from + i) >> 2];
  } else if (((to | from) & 1) === 0) {
    const u16 = arena.u16;
    for (; i + 2 <= length; i += 2) u16[(to + i) >> 1] = u16[(from + i) >> 1];
  }
  for (; i < length; i++) u8[to + i] = u8[from + i];
}
