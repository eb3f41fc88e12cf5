/**
 * Giving up rights for good.
 *
 * User, groups and no_new_privs are changed for every thread there is; capability sets only for the calling one. The
 * C library's setuid(2) makes all of its threads call it (nptl(7)), the kernel's alone would not, and a process that
 * leaves root by it loses what is permitted, effective and ambient in each of them. no_new_privs goes along with a
 * seccomp filter that the kernel puts before all threads at once (SECCOMP_FILTER_FLAG_TSYNC); the filter allows
 * everything. What JavaScript cannot reach is the bounding set of the threads that Node.js and V8 have made for
 * themselves: it limits what a program with capabilities of its own would gain when it is started, and with
 * no_new_privs none gains anything.
 */
import {
  CAP_NET_ADMIN,
  CAPABILITIES,
  CapData,
  CapHeader,
  LINUX_CAPABILITY_VERSION_3,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_PDEATHSIG,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_RET_ALLOW,
  SECCOMP_SET_MODE_FILTER,
  SYS_SECCOMP,
} from './capability-constants.js';
import { must } from './errno.js';
import { capget, capset, prctl, systemCall } from './libc.js';
import { NativeBuffer, scratch } from './scratch.js';
import { PR_SET_PDEATHSIG } from './socket-constants.js';
import { SockFilter, SockFprog } from './structs.js';

/** Who a process becomes. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Empties the calling thread's bounding set, as far as it may (CAP_SETPCAP is needed), and has it hand on no more than
 * `inheritable` (numbers below 32), which comes first: nothing can become inheritable that is out of bounds. It keeps
 * what it has.
 */
export function boundThread(inheritable: readonly number[] = []): void {
  const { view, address } = scratch;
  view.setUint32(CapHeader.VERSION, LINUX_CAPABILITY_VERSION_3, true);
  view.setUint32(CapHeader.PID, 0, true);
  const data = address + CapHeader.SIZE;
  must(capget(address, data), 'capget');
  view.setInt32(CapHeader.SIZE + CapData.INHERITABLE, bitsOf(inheritable), true);
  view.setInt32(CapHeader.SIZE + CapData.SIZE + CapData.INHERITABLE, 0, true);
  must(capset(address, data), 'capset');
  for (let capability = 0; capability < CAPABILITIES; capability++)
    if (prctl(PR_CAPBSET_READ, capability) === 1) prctl(PR_CAPBSET_DROP, capability);
}

/** Whether nothing that the calling thread starts can have CAP_NET_ADMIN by itself: so it is after `become`. */
export function isBounded(): boolean {
  return prctl(PR_CAPBSET_READ, CAP_NET_ADMIN) === 0;
}

/**
 * The calling thread has `capabilities` (numbers below 32) and no other: permitted, effective and inheritable. Throws
 * a SystemError where it has not had them.
 */
export function setCapabilities(capabilities: readonly number[]): void {
  const bits = bitsOf(capabilities);
  const { view, bytes, address } = scratch;
  bytes.fill(0, 0, CapHeader.SIZE + 2 * CapData.SIZE);
  view.setUint32(CapHeader.VERSION, LINUX_CAPABILITY_VERSION_3, true);
  for (const set of [CapData.EFFECTIVE, CapData.PERMITTED, CapData.INHERITABLE])
    view.setInt32(CapHeader.SIZE + set, bits, true);
  must(capset(address, address + CapHeader.SIZE), 'capset');
}

/**
 * The process becomes another user, without supplementary groups; the calling thread keeps `capabilities`, and hands
 * them on to what it starts, and every other thread has none. To be called by a root with CAP_SETUID and CAP_SETGID
 * on the main thread. Throws, and then the process must not go on: it may have done half of it.
 */
export function become({ uid, gid }: Identity, capabilities: readonly number[]): void {
  const deathSignal = parentDeathSignal();
  boundThread(capabilities);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  if (capabilities.length > 0) must(prctl(PR_SET_KEEPCAPS, 1), 'PR_SET_KEEPCAPS');
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  setCapabilities(capabilities);
  for (const capability of capabilities)
    must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability), 'PR_CAP_AMBIENT_RAISE');
  forbidGains();
  // The kernel forgets it where the user changes.
  if (deathSignal > 0) prctl(PR_SET_PDEATHSIG, deathSignal);
}

/** no_new_privs in every thread. Throws a SystemError where this thread cannot have it. */
function forbidGains(): void {
  must(prctl(PR_SET_NO_NEW_PRIVS, 1), 'PR_SET_NO_NEW_PRIVS');
  const program = new NativeBuffer(SockFprog.SIZE + SockFilter.SIZE);
  program.view.setUint16(SockFprog.LENGTH, 1, true);
  program.pointer(SockFprog.FILTER, program, SockFprog.SIZE);
  program.view.setUint16(SockFprog.SIZE + SockFilter.CODE, 0x06, true); // BPF_RET | BPF_K
  program.view.setUint32(SockFprog.SIZE + SockFilter.K, SECCOMP_RET_ALLOW, true);
  const flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  // A kernel without seccomp refuses: then the other threads lack it, which start no programs.
  systemCall(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, program.address);
}

function parentDeathSignal(): number {
  scratch.view.setInt32(0, 0, true);
  return prctl(PR_GET_PDEATHSIG, scratch.address) < 0 ? 0 : scratch.view.getInt32(0, true);
}

function bitsOf(capabilities: readonly number[]): number {
  return capabilities.reduce((all, one) => all | (1 << one), 0);
}
