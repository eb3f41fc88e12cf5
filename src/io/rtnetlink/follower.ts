/**
 * Follows what becomes of links: people set a TAP up or down, rename it, change its MTU or MAC, or move it to
 * another namespace with the system's `ip`, and vtep goes along.
 *
 * It waits in libuv's thread pool (one of its four threads), so the event loop goes on. That thread must be woken
 * for the process to end: `close` does it, and so does a listener on the process's `exit`.
 */
import { ENOBUFS, must, SystemError } from '../../native/errno.js';
import { close, eventfd, ppollInBackground, write } from '../../native/libc.js';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_LISTEN_ALL_NSID,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from '../../native/netlink-constants.js';
import { NativeBuffer } from '../../native/scratch.js';
import { EFD_CLOEXEC, EFD_NONBLOCK, POLLIN, SOCK_NONBLOCK } from '../../native/socket-constants.js';
import { Ifinfomsg, Pollfd } from '../../native/structs.js';
import { type Link, readLink } from './link.js';
import { readMessages } from './message.js';
import { readNeighbour } from './neighbour.js';
import { NetlinkSocket } from './socket.js';

/** `nsid` is the namespace that an event tells of, by its id here; undefined: the follower's own. */
export type LinkEvent =
  /** A link is new, or something about it changed. */
  | { readonly type: 'link'; readonly link: Link; readonly nsid: number | undefined }
  /** A link was deleted. */
  | { readonly type: 'gone'; readonly link: Link; readonly nsid: number | undefined }
  /** A link went to namespace `to.nsid`, where its index is `to.index`; an event of type `link` from there follows. */
  | {
      readonly type: 'moved';
      readonly link: Link;
      readonly nsid: number | undefined;
      readonly to: { readonly nsid: number; readonly index: number };
    }
  /** Something about the neighbours on an interface changed; only after `followNeighbours`. */
  | { readonly type: 'neighbours'; readonly ifindex: number; readonly nsid: number | undefined }
  /** A route is new, other or gone; only after `followRoutes`. */
  | { readonly type: 'routes'; readonly nsid: number | undefined }
  /** Events were lost (the socket's queue was full): whoever keeps state must ask for it anew. */
  | { readonly type: 'lost' };

/** Datagrams read before the event loop gets its turn. */
const BURST = 256;
const WAKE = 32;

export class LinkFollower {
  /** Whether namespaces that links move to are heard (that takes CAP_NET_BROADCAST). */
  readonly hearsOtherNamespaces: boolean;
  private readonly socket: NetlinkSocket;
  private readonly wakeFd: number;
  private readonly memory = new NativeBuffer(64);
  private readonly onEvent: (event: LinkEvent) => void;
  private readonly wake = (): void => {
    write(this.wakeFd, this.memory.address + WAKE, 8);
  };
  private readonly ended: Promise<void>;
  private closing = false;

  /**
   * Listens from now on, in this thread's network namespace: a dump made afterwards misses nothing. `onEvent` is
   * called from the event loop, one event at a time; what it throws ends the follower and comes out of `closed`.
   */
  constructor(onEvent: (event: LinkEvent) => void) {
    this.onEvent = onEvent;
    this.socket = new NetlinkSocket(SOCK_NONBLOCK);
    try {
      must(this.socket.set(NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK), 'NETLINK_ADD_MEMBERSHIP');
      this.hearsOtherNamespaces = this.socket.set(NETLINK_LISTEN_ALL_NSID, 1) === 0;
      this.wakeFd = must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), 'eventfd');
    } catch (error) {
      this.socket.close();
      throw error;
    }
    const { view } = this.memory;
    view.setInt32(Pollfd.FD, this.socket.fd, true);
    view.setInt16(Pollfd.EVENTS, POLLIN, true);
    view.setInt32(Pollfd.SIZE + Pollfd.FD, this.wakeFd, true);
    view.setInt16(Pollfd.SIZE + Pollfd.EVENTS, POLLIN, true);
    view.setBigUint64(WAKE, 1n, true);
    process.on('exit', this.wake);
    this.ended = this.run();
  }

  /** Settles when the follower has ended: after `close`, or with what `onEvent` threw. */
  get closed(): Promise<void> {
    return this.ended;
  }

  /** Follows neighbours too from now on. Throws a SystemError. */
  followNeighbours(): void {
    must(this.socket.set(NETLINK_ADD_MEMBERSHIP, RTNLGRP_NEIGH), 'NETLINK_ADD_MEMBERSHIP');
  }

  /** Follows routes too from now on. Throws a SystemError. */
  followRoutes(): void {
    must(this.socket.set(NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_ROUTE), 'NETLINK_ADD_MEMBERSHIP');
    must(this.socket.set(NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV6_ROUTE), 'NETLINK_ADD_MEMBERSHIP');
  }

  /** Ends it: no event is told after the call, and its descriptors are closed once the promise settles. */
  close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      this.wake();
    }
    return this.ended;
  }

  private async run(): Promise<void> {
    try {
      while (!this.closing) {
        await ppollInBackground(this.memory.address, 2, 0);
        this.drain();
      }
    } finally {
      this.closing = true;
      process.off('exit', this.wake);
      this.socket.close();
      close(this.wakeFd);
    }
  }

  private drain(): void {
    for (let i = 0; i < BURST && !this.closing; i++) {
      const received = this.socket.receive();
      if (received === undefined) return;
      if (received === ENOBUFS) {
        this.onEvent({ type: 'lost' });
        continue;
      }
      if (typeof received === 'number') throw new SystemError('recvmmsg', received, 'rtnetlink');
      const { nsid } = received;
      for (const message of readMessages(received.bytes)) {
        if (this.closing) return;
        if (message.type === RTM_NEWNEIGH || message.type === RTM_DELNEIGH) {
          const neighbour = readNeighbour(message.body);
          if (neighbour) this.onEvent({ type: 'neighbours', ifindex: neighbour.ifindex, nsid });
          continue;
        }
        if (message.type === RTM_NEWROUTE || message.type === RTM_DELROUTE) {
          this.onEvent({ type: 'routes', nsid });
          continue;
        }
        // Of another family are notices of a link's part in something: a bridge tells of a port that leaves it as of a
        // deleted link.
        if (message.body[Ifinfomsg.FAMILY] !== 0) continue;
        const link = message.type === RTM_NEWLINK || message.type === RTM_DELLINK ? readLink(message.body) : undefined;
        if (link === undefined) continue;
        if (message.type === RTM_NEWLINK) this.onEvent({ type: 'link', link, nsid });
        else if (link.movedTo !== undefined) this.onEvent({ type: 'moved', link, nsid, to: link.movedTo });
        else this.onEvent({ type: 'gone', link, nsid });
      }
    }
  }
}
