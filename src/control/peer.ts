import type { Socket } from 'node:net';
import { getsockopt } from '../native/libc.js';
import { scratch } from '../native/scratch.js';
import { SO_PEERCRED, SOL_SOCKET } from '../native/socket-constants.js';

/** Bytes of struct ucred: process, user and group, 32 bits each. */
const UCRED = 12;

/**
 * The user whose process connected to a Unix socket, as the kernel noted it then (unix(7), SO_PEERCRED); undefined
 * where it cannot be told. Node has no public name for a socket's descriptor: without one nobody is trusted.
 */
export function peerUser(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) return undefined;
  scratch.view.setUint32(UCRED, UCRED, true);
  const result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, scratch.address, scratch.address + UCRED);
  return result < 0 || scratch.view.getUint32(UCRED, true) !== UCRED ? undefined : scratch.view.getUint32(4, true);
}

/** Why a user may not give commands to a daemon of user `own`; undefined: root and the daemon's own may. */
export function peerRefusal(user: number | undefined, own: number): string | undefined {
  if (user === undefined) return 'who is at the other end of the control socket cannot be told';
  return user === 0 || user === own ? undefined : `user ${user} may not give commands to a vtep of user ${own}`;
}
