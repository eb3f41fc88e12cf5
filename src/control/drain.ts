/**
 * The end of an endpoint: intake is stopped, and what was taken in goes on to where it was sent.
 *
 * A receive socket is bound to the loopback interface: from that moment on the kernel finds it for no datagram of the
 * network any more and answers as if nobody listened there, while what waits in its queue stays and is worked off. So
 * nothing is lost between the last look at the queue and its end. What the host sends into a TAP cannot be refused
 * without taking the TAP away; its queue is worked off until it was found empty once.
 */

import { ppoll, setsockopt } from '../native/libc.js';
import { NativeBuffer } from '../native/scratch.js';
import { POLLIN, SO_BINDTOIFINDEX, SOL_SOCKET } from '../native/socket-constants.js';
import { Pollfd, Timespec } from '../native/structs.js';

/** The loopback interface of every network namespace (LOOPBACK_IFINDEX). */
const LOOPBACK = 1;
/** Longest that workers may take to work off what waits. */
export const DRAIN_MS = 3000;
const LOOK_MS = 1;

export interface DrainPlan {
  /** Sockets that receive from the network. */
  readonly receiveFds: readonly number[];
  /** Queues of TAPs. */
  readonly tapFds: readonly number[];
  /** Ends it early. */
  readonly hurry: AbortSignal;
  readonly limit?: number;
}

/** Whether everything that was taken in has left; false: time was up, or somebody was in a hurry. */
export async function drain({ receiveFds, tapFds, hurry, limit = DRAIN_MS }: DrainPlan): Promise<boolean> {
  const end = performance.now() + limit;
  for (const fd of receiveFds) refuseMore(fd);
  // What comes out of a tunnel may be answered into a TAP: these come second.
  for (const fds of [receiveFds, tapFds]) {
    let left = fds;
    for (;;) {
      left = left.filter(hasInput);
      if (left.length === 0) break;
      if (hurry.aborted || performance.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
  return true;
}

const memory = new NativeBuffer(Pollfd.SIZE + Timespec.SIZE);

/** Where the kernel does not let it (before Linux 5.1), intake goes on until the socket is closed. */
function refuseMore(fd: number): void {
  memory.view.setInt32(0, LOOPBACK, true);
  setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, memory.address, 4);
}

function hasInput(fd: number): boolean {
  const { view, address } = memory;
  view.setInt32(Pollfd.FD, fd, true);
  view.setInt16(Pollfd.EVENTS, POLLIN, true);
  view.setInt16(Pollfd.REVENTS, 0, true);
  view.setBigInt64(Pollfd.SIZE + Timespec.SECONDS, 0n, true);
  view.setBigInt64(Pollfd.SIZE + Timespec.NANOSECONDS, 0n, true);
  ppoll(address, 1, address + Pollfd.SIZE);
  return (view.getInt16(Pollfd.REVENTS, true) & POLLIN) !== 0;
}
