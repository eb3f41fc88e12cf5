import type { Socket } from 'node:net';
import { getsockopt } from '../native/libc.js';
import { scratch } from '../native/scratch.js';
import { SO_PEERCRED, SO_PEERGROUPS, SOL_SOCKET } from '../native/socket-constants.js';

/** Bytes of struct ucred: process, user and group, 32 bits each. */
const UCRED = 12;

/**
 * The user whose process connected to a Unix socket, as the kernel noted it then (unix(7), SO_PEERCRED); undefined
 * where it cannot be told. Node has no public name for a socket's descriptor: without one nobody is trusted.
 */
export function peerUser(socket: Socket): number | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  scratch.view.setUint32(UCRED, UCRED, true);
  const result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, scratch.address, scratch.address + UCRED);
  return result < 0 || scratch.view.getUint32(UCRED, true) !== UCRED ? undefined : scratch.view.getUint32(4, true);
}

/** Groups that are asked for: NGROUPS_MAX has more, but nobody is in them. */
const GROUPS = 512;

/** The groups of the process that connected, its own and the supplementary ones; empty where they cannot be told. */
export function peerGroups(socket: Socket): readonly number[] {
  const fd = descriptorOf(socket);
  if (fd === undefined || peerUser(socket) === undefined) return [];
  const own = scratch.view.getUint32(8, true);
  const length = GROUPS * 4;
  scratch.view.setUint32(length, length, true);
  const result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, scratch.address, scratch.address + length);
  const count = result < 0 ? 0 : scratch.view.getUint32(length, true) / 4;
  return [own, ...Array.from({ length: count }, (_, n) => scratch.view.getUint32(n * 4, true))];
}

function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/**
 * Why a user may not give commands to a daemon of user `own`; undefined: root and the daemon's own may, and whoever is
 * of the group that was named.
 */
export function peerRefusal(user: number | undefined, own: number, isOfGroup = false): string | undefined {
  if (user === undefined) return 'who is at the other end of the control socket cannot be told';
  return user === 0 || user === own || isOfGroup
    ? undefined
    : `user ${user} may not give commands to a vtep of user ${own}`;
}

/**
 * Why a client of user `own` does not speak to a daemon that was begun by `user`: it might be anybody's, and would be
 * told what was meant for the client's own. `trusted`: who else is meant by the path.
 */
export function daemonRefusal(user: number | undefined, own: number, trusted: number | undefined): string | undefined {
  if (user === undefined) return 'who listens there cannot be told';
  return user === 0 || user === own || user === trusted
    ? undefined
    : `user ${user} listens there, whom user ${own} did not ask for; --control PATH speaks to it all the same`;
}
