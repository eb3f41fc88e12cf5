/** The socket pair of a handover: control path. */
import { must } from '../../native/errno.js';
import { close, setsockopt, socketpair } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import {
  AF_UNIX,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from '../../native/socket-constants.js';

export interface HandoverPair {
  /** What the worker waits on and receives from. */
  readonly receiveFd: number;
  /** What the producer writes to. */
  readonly sendFd: number;
}

/**
 * Opens a pair whose queue holds about `bytes` bytes. Datagram sockets, not a stream: a message is read whole or not
 * at all, and a producer that has died leaves the worker with a socket that is merely silent.
 */
export function openHandover(bytes: number): HandoverPair {
  const at = 16;
  must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, scratch.address + at), 'socketpair');
  const receiveFd = scratch.view.getInt32(at, true);
  const sendFd = scratch.view.getInt32(at + 4, true);
  // What a pair holds is bounded by the sender's buffer alone.
  scratch.view.setInt32(0, bytes, true);
  if (setsockopt(sendFd, SOL_SOCKET, SO_SNDBUFFORCE, scratch.address, 4) < 0)
    must(setsockopt(sendFd, SOL_SOCKET, SO_SNDBUF, scratch.address, 4), 'setsockopt SO_SNDBUF');
  return { receiveFd, sendFd };
}

export function closeHandover({ receiveFd, sendFd }: HandoverPair): void {
  close(receiveFd);
  close(sendFd);
}
