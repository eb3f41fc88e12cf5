/**
 * hold-thread TID: stops one thread of another process (ptrace(2)), prints `held`, and lets it go on when standard input
 * ends. The process's other threads go on meanwhile.
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import { once } from 'node:events';
import koffi from 'koffi';

const PTRACE_ATTACH = 16;
const PTRACE_DETACH = 17;
const WALL = 0x40000000; // __WALL: threads that are nobody's children, too

const libc = koffi.load('libc.so.6');
const ptrace = libc.func('long ptrace(int, int, uintptr_t, uintptr_t)');
const waitpid = libc.func('int waitpid(int, void *, int)');

const thread = Number(process.argv[2]);
const status = Buffer.alloc(8);
if (Number(ptrace(PTRACE_ATTACH, thread, 0, 0)) < 0) throw new Error(`ptrace ${thread}: errno ${koffi.errno()}`);
if (waitpid(thread, status, WALL) < 0) throw new Error(`waitpid ${thread}: errno ${koffi.errno()}`);
process.stdout.write('held\n');
process.stdin.resume();
await once(process.stdin, 'end');
ptrace(PTRACE_DETACH, thread, 0, 0);
