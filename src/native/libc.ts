/**
 * The only doorway to system calls. Every function takes numbers: descriptors, lengths, flags and raw addresses
 * (see `addressOf`), and returns what the call returned, or `-errno` where it failed. Nothing here allocates on
 * the JavaScript heap, so the hot path may call it.
 *
 * Cost, measured: about 25 ns for a call with scalar arguments over the bare system call, about 20 ns more to
 * fetch errno after a failure.
 */
import koffi from 'koffi';
import { requirePlatform } from './platform.js';

requirePlatform();

function loadLibc(): ReturnType<typeof koffi.load> {
  const names = ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`];
  const failures: string[] = [];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push(String(error));
    }
  }
  throw new Error(`no C library could be loaded: ${failures.join('; ')}`);
}

const libc = loadLibc();

type Scalar = (...args: number[]) => number;

function bind(name: string, result: string, args: string[]): Scalar {
  return libc.func(name, result, args) as Scalar;
}

const raw = {
  socket: bind('socket', 'int', ['int', 'int', 'int']),
  socketpair: bind('socketpair', 'int', ['int', 'int', 'int', 'uintptr_t']),
  bind: bind('bind', 'int', ['int', 'uintptr_t', 'uint']),
  connect: bind('connect', 'int', ['int', 'uintptr_t', 'uint']),
  getsockname: bind('getsockname', 'int', ['int', 'uintptr_t', 'uintptr_t']),
  setsockopt: bind('setsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uint']),
  getsockopt: bind('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']),
  recvmmsg: bind('recvmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int', 'uintptr_t']),
  sendmmsg: bind('sendmmsg', 'int', ['int', 'uintptr_t', 'uint', 'int']),
  recv: bind('recv', 'intptr_t', ['int', 'uintptr_t', 'size_t', 'int']),
  send: bind('send', 'intptr_t', ['int', 'uintptr_t', 'size_t', 'int']),
  read: bind('read', 'intptr_t', ['int', 'uintptr_t', 'size_t']),
  write: bind('write', 'intptr_t', ['int', 'uintptr_t', 'size_t']),
  writev: bind('writev', 'intptr_t', ['int', 'uintptr_t', 'int']),
  ioctl: bind('ioctl', 'int', ['int', 'ulong', 'uintptr_t']),
  ppoll: bind('ppoll', 'int', ['uintptr_t', 'ulong', 'uintptr_t', 'uintptr_t']),
  epoll_create1: bind('epoll_create1', 'int', ['int']),
  epoll_ctl: bind('epoll_ctl', 'int', ['int', 'int', 'int', 'uintptr_t']),
  epoll_wait: bind('epoll_wait', 'int', ['int', 'uintptr_t', 'int', 'int']),
  clock_gettime: bind('clock_gettime', 'int', ['int', 'uintptr_t']),
  _exit: bind('_exit', 'void', ['int']),
  eventfd: bind('eventfd', 'int', ['uint', 'int']),
  close: bind('close', 'int', ['int']),
  prctl: bind('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']),
  sched_setaffinity: bind('sched_setaffinity', 'int', ['int', 'size_t', 'uintptr_t']),
  flock: bind('flock', 'int', ['int', 'int']),
  unshare: bind('unshare', 'int', ['int']),
  setns: bind('setns', 'int', ['int', 'int']),
  capget: bind('capget', 'int', ['uintptr_t', 'uintptr_t']),
  capset: bind('capset', 'int', ['uintptr_t', 'uintptr_t']),
  syscall: bind('syscall', 'long', ['long', 'ulong', 'ulong', 'uintptr_t']),
  copy: bind('memcpy', 'uintptr_t', ['uintptr_t', 'uintptr_t', 'size_t']),
  getpwuid: bind('getpwuid', 'uintptr_t', ['uint']),
} as const;

/** glibc has it; musl gives what is large back by itself. */
function bindMallopt(): Scalar | undefined {
  try {
    return bind('mallopt', 'int', ['int', 'int']);
  } catch {
    return undefined;
  }
}
const malloptOrNone = bindMallopt();

const byName = (name: string): ((user: string) => number) =>
  libc.func(name, 'uintptr_t', ['str']) as (user: string) => number;

const openPath = libc.func('open', 'int', ['str', 'int', 'int']) as (
  path: string,
  flags: number,
  mode: number,
) => number;
const memcpyAddress = libc.func('memcpy', 'uintptr_t', ['void *', 'uintptr_t', 'size_t']) as (
  bytes: Uint8Array,
  source: number,
  length: number,
) => number;
// The same function under a second prototype: libuv's thread pool runs it, so the event loop goes on.
const ppollAsync = libc.func('ppoll', 'int', ['uintptr_t', 'ulong', 'uintptr_t', 'uintptr_t']);

/** `result`, or `-errno` where the call returned -1. */
function checked(result: number): number {
  return result < 0 ? -koffi.errno() : result;
}

/**
 * The address of a typed array's first byte. Only memory that never moves qualifies: a WebAssembly memory, a
 * SharedArrayBuffer or an ArrayBuffer of more than 64 bytes (V8 keeps smaller ones inside the movable object).
 */
export function addressOf(bytes: Uint8Array): number {
  return memcpyAddress(bytes, 0, 0);
}

export const socket = (domain: number, type: number, protocol: number): number =>
  checked(raw.socket(domain, type, protocol));
/** Writes two descriptors (32 bits each) at address `pair`. */
export const socketpair = (domain: number, type: number, protocol: number, pair: number): number =>
  checked(raw.socketpair(domain, type, protocol, pair));
export const bindSocket = (fd: number, address: number, length: number): number =>
  checked(raw.bind(fd, address, length));
export const connect = (fd: number, address: number, length: number): number =>
  checked(raw.connect(fd, address, length));
export const getsockname = (fd: number, address: number, length: number): number =>
  checked(raw.getsockname(fd, address, length));
export const setsockopt = (fd: number, level: number, name: number, value: number, length: number): number =>
  checked(raw.setsockopt(fd, level, name, value, length));
export const getsockopt = (fd: number, level: number, name: number, value: number, length: number): number =>
  checked(raw.getsockopt(fd, level, name, value, length));
export const recvmmsg = (fd: number, messages: number, count: number, flags: number): number =>
  checked(raw.recvmmsg(fd, messages, count, flags, 0));
export const sendmmsg = (fd: number, messages: number, count: number, flags: number): number =>
  checked(raw.sendmmsg(fd, messages, count, flags));
export const recv = (fd: number, address: number, length: number, flags: number): number =>
  checked(raw.recv(fd, address, length, flags));
export const send = (fd: number, address: number, length: number, flags: number): number =>
  checked(raw.send(fd, address, length, flags));
export const read = (fd: number, address: number, length: number): number => checked(raw.read(fd, address, length));
export const write = (fd: number, address: number, length: number): number => checked(raw.write(fd, address, length));
export const writev = (fd: number, iovecs: number, count: number): number => checked(raw.writev(fd, iovecs, count));
export const ioctl = (fd: number, request: number, argument: number): number =>
  checked(raw.ioctl(fd, request, argument));
/** `timeout` is the address of a timespec, or 0 to wait without end. */
export const ppoll = (fds: number, count: number, timeout: number): number =>
  checked(raw.ppoll(fds, count, timeout, 0));
export const epollCreate = (flags: number): number => checked(raw.epoll_create1(flags));
/** `event` is the address of a struct epoll_event. */
export const epollCtl = (epollFd: number, operation: number, fd: number, event: number): number =>
  checked(raw.epoll_ctl(epollFd, operation, fd, event));
/** `timeout` is in milliseconds; 0 does not wait, and -1 without end. */
export const epollWait = (epollFd: number, events: number, count: number, timeout: number): number =>
  checked(raw.epoll_wait(epollFd, events, count, timeout));
/** Writes a struct timespec at `time`. */
export const clockGettime = (clock: number, time: number): number => checked(raw.clock_gettime(clock, time));
/** Ends the process at once: nothing is cleaned up, and no thread is waited for. */
export const endProcess = (code: number): void => {
  raw._exit(code);
};
export const eventfd = (initial: number, flags: number): number => checked(raw.eventfd(initial, flags));
export const close = (fd: number): number => checked(raw.close(fd));
export const prctl = (option: number, argument: number, second = 0): number =>
  checked(raw.prctl(option, argument, second, 0, 0));
/** Reads the calling thread's capabilities; both arguments are addresses (capget(2)). */
export const capget = (header: number, data: number): number => checked(raw.capget(header, data));
/** Sets the calling thread's capabilities; both arguments are addresses (capset(2)). */
export const capset = (header: number, data: number): number => checked(raw.capset(header, data));
/** A system call that the C library has no name for, of three arguments; the thread that calls is meant. */
export const systemCall = (number: number, first: number, second: number, third: number): number =>
  checked(raw.syscall(number, first, second, third));
/** Sets a parameter of the C library's allocator (mallopt(3)); false where it has none, or refuses the value. */
export const mallopt = (parameter: number, value: number): boolean => malloptOrNone?.(parameter, value) === 1;
/** Copies bytes between addresses. */
export const copyBytes = (to: number, from: number, length: number): void => {
  raw.copy(to, from, length);
};
/** Addresses of struct passwd and struct group, 0 where there is none; they hold until the next call. */
export const getpwnam = byName('getpwnam');
export const getgrnam = byName('getgrnam');
export const getpwuid = (uid: number): number => raw.getpwuid(uid);
/** `thread` 0 is the calling one; `mask` is the address of `bytes` bytes of one bit a processor. */
export const schedSetaffinity = (thread: number, bytes: number, mask: number): number =>
  checked(raw.sched_setaffinity(thread, bytes, mask));
export const flock = (fd: number, operation: number): number => checked(raw.flock(fd, operation));
/** Moves the calling thread (not the process) into new namespaces. */
export const unshare = (flags: number): number => checked(raw.unshare(flags));
/** Moves the calling thread (not the process) into the namespace that `fd` refers to. */
export const setns = (fd: number, type: number): number => checked(raw.setns(fd, type));
export const open = (path: string, flags: number, mode = 0): number => checked(openPath(path, flags, mode));

/**
 * `ppoll` in libuv's thread pool. The thread stays blocked until something happens: whoever waits must be able to
 * wake it (an eventfd in the set), or leaving the process takes as long as the timeout.
 */
export function ppollInBackground(fds: number, count: number, timeout: number): Promise<number> {
  return new Promise((resolve, reject) => {
    ppollAsync.async(fds, count, timeout, 0, (error: unknown, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
