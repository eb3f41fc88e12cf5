/** Error numbers of Linux (asm-generic/errno.h; the same on x86-64, arm64 and riscv64), as positive numbers. */
import { constants } from 'node:os';

const { errno } = constants;

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const EBADFD = 77;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;

const names = new Map<number, string>(Object.entries(errno).map(([name, number]) => [number, name]));
names.set(EBADFD, 'EBADFD');

/** The sentences of strerror(3) for those errors that reach people. */
const sentences: Readonly<Record<number, string>> = {
  [EPERM]: 'Operation not permitted',
  [ENOENT]: 'No such file or directory',
  [EIO]: 'Input/output error',
  [ENXIO]: 'No such device or address',
  [EBADF]: 'Bad file descriptor',
  [EAGAIN]: 'Resource temporarily unavailable',
  [ENOMEM]: 'Cannot allocate memory',
  [EACCES]: 'Permission denied',
  [EBUSY]: 'Device or resource busy',
  [EEXIST]: 'File exists',
  [ENODEV]: 'No such device',
  [EINVAL]: 'Invalid argument',
  [ENOSPC]: 'No space left on device',
  [EBADFD]: 'File descriptor in bad state',
  [EMSGSIZE]: 'Message too long',
  [EOPNOTSUPP]: 'Operation not supported',
  [EAFNOSUPPORT]: 'Address family not supported by protocol',
  [EADDRINUSE]: 'Address already in use',
  [EADDRNOTAVAIL]: 'Cannot assign requested address',
  [ENETDOWN]: 'Network is down',
  [ENETUNREACH]: 'Network is unreachable',
  [ENOBUFS]: 'No buffer space available',
  [ECONNREFUSED]: 'Connection refused',
  [EHOSTUNREACH]: 'No route to host',
  [errno.EISDIR]: 'Is a directory',
  [errno.ENOTDIR]: 'Not a directory',
  [errno.EROFS]: 'Read-only file system',
  [errno.EFBIG]: 'File too large',
  [errno.EDQUOT]: 'Disk quota exceeded',
  [errno.ENAMETOOLONG]: 'File name too long',
  [errno.ELOOP]: 'Too many levels of symbolic links',
  [errno.ETXTBSY]: 'Text file busy',
  [errno.EMFILE]: 'Too many open files',
  [errno.ENFILE]: 'Too many open files in system',
};

/** `EAGAIN` for 11 or -11. */
export function errnoName(number: number): string {
  return names.get(Math.abs(number)) ?? `errno ${Math.abs(number)}`;
}

/** The sentence people know: `Address already in use` for 98 or -98. */
export function errnoText(number: number): string {
  return sentences[Math.abs(number)] ?? errnoName(number);
}

/** What went wrong, in the words of strerror(3) where it is an error of the system; Node.js has words of its own. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno: number, message } = error as NodeJS.ErrnoException;
  return (number === undefined ? undefined : sentences[Math.abs(number)]) ?? message;
}

/** A system call that failed, with the call's name and what it was about. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, about = '') {
    super(`${syscall}${about === '' ? '' : ` ${about}`}: ${errnoText(errno)}`);
    this.errno = Math.abs(errno);
    this.syscall = syscall;
  }
}

/** The result of a call from `libc`, or a `SystemError` where it is negative. */
export function must(result: number, syscall: string, about = ''): number {
  if (result < 0) throw new SystemError(syscall, result, about);
  return result;
}
