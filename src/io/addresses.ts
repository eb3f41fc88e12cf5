/**
 * Addresses of a row of structures, made once. An address exceeds the small integers of V8, so a computed one is an
 * object of 16 bytes by the time it is an argument of a system call; one that is loaded from here is not.
 */
import type { Arena } from '../memory/arena.js';

export class Addresses {
  /** The first element keeps V8 from unboxing the array (and from boxing each element again when it is loaded). */
  private readonly list: (number | undefined)[] = [undefined];

  /** `count` structures of `stride` bytes from arena offset `offset` on. */
  constructor(arena: Arena, offset: number, stride: number, count: number) {
    for (let i = 0; i < count; i++) this.list.push(arena.address(offset + i * stride));
  }

  /** The address of structure `i`. */
  at(i: number): number {
    return this.list[i + 1] as number;
  }
}
