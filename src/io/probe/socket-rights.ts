/** What this process may ask of a socket in its network namespace. */
import { must } from '../../native/errno.js';
import { close, getsockopt, setsockopt, socket } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import {
  AF_INET,
  SO_MARK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../../native/socket-constants.js';

export interface SocketRights {
  /** Bytes of receive queue that are granted of those asked for. */
  readonly queue: number;
  /** Whether capabilities for networks hold in this namespace, and not only in the user namespace of the process. */
  readonly isCapable: boolean;
}

/** Asks for a receive queue of `wanted` bytes as a daemon does, and gives it back. Throws a SystemError. */
export function socketRights(wanted: number): SocketRights {
  const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  const set = (name: number, value: number): number => {
    scratch.view.setInt32(0, value, true);
    return setsockopt(fd, SOL_SOCKET, name, scratch.address, 4);
  };
  try {
    if (set(SO_RCVBUFFORCE, wanted) < 0) must(set(SO_RCVBUF, wanted), 'SO_RCVBUF');
    scratch.view.setInt32(8, 4, true);
    must(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, scratch.address, scratch.address + 8), 'getsockopt');
    // What the kernel says is twice what was asked for.
    return { queue: scratch.view.getInt32(0, true) / 2, isCapable: set(SO_MARK, 0) === 0 };
  } finally {
    close(fd);
  }
}
