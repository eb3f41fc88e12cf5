/** What a worker says to the kernel of its own thread. */
import type { Arena } from '../memory/arena.js';
import { EINVAL, errnoText } from '../native/errno.js';
import { prctl, schedSetaffinity } from '../native/libc.js';
import { PR_SET_NAME } from '../native/socket-constants.js';

/** Processors that a mask has room for (CPU_SETSIZE). */
export const MAX_CPUS = 1024;
/** Bytes of a thread's name, with the zero behind it (TASK_COMM_LEN). */
const NAME_BYTES = 16;

/** Names the thread, as `top -H` and `ps -L` show it. */
export function nameThread(arena: Arena, name: string): void {
  const at = arena.alloc(NAME_BYTES);
  for (let i = 0; i < NAME_BYTES - 1 && i < name.length; i++) arena.u8[at + i] = name.charCodeAt(i);
  prctl(PR_SET_NAME, arena.address(at));
}

/** Keeps the thread to one processor, 0 … MAX_CPUS - 1; throws an Error where the kernel does not have it there. */
export function pinThread(arena: Arena, cpu: number): void {
  const at = arena.alloc(MAX_CPUS / 8);
  arena.u8[at + (cpu >> 3)] |= 1 << (cpu & 7);
  // 0: the calling thread, not the process.
  const result = schedSetaffinity(0, MAX_CPUS / 8, arena.address(at));
  if (result === -EINVAL) throw new Error(`there is no CPU ${cpu} to run on`);
  if (result < 0) throw new Error(`CPU ${cpu}: ${errnoText(result)}`);
}
