/** The files of a daemon beside its devices: the control socket and its lock. */
import { chmodSync, chownSync, closeSync, constants, fstatSync, lstatSync, openSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { CommandError } from '../iproute/commands.js';
import type { SocketAccess } from './socket-path.js';

/** Of open(2): only to name the file. */
const O_PATH = 0o10000000;

/**
 * Gives a socket that has just been bound to those who may connect: mode 0600 and the user's, or 0660 and the group's.
 * Throws an Error of node:fs, also where there is something else in its place.
 */
export function admit(path: string, { uid, gid }: SocketAccess): void {
  if (uid === undefined && gid === undefined) return;
  // Whoever may write to the directory could exchange the file between two calls: it is named by a descriptor.
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(fd).isSocket()) throw new Error(`${path} is not the socket that was made there`);
    const file = `/proc/self/fd/${fd}`;
    chownSync(file, uid ?? -1, gid ?? -1);
    if (gid !== undefined) chmodSync(file, 0o660);
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes a file, unless that is not allowed any more: behind `--user` it stays in a directory of root's, where the
 * next vtep finds it stale and removes it.
 */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
  }
}

/**
 * Removes a socket that nobody listens on any more. Throws CommandError where somebody does, and where there is
 * something else, which is not vtep's to remove.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) throw new CommandError(`vtep: control socket: ${path} is there already, and is no socket`, 1);
  if (await isListening(path)) throw new CommandError(`vtep: control socket: another program listens at ${path}`, 2);
  rmSync(path, { force: true });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const answer = (listens: boolean): void => {
      socket.destroy();
      resolve(listens);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => answer(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
