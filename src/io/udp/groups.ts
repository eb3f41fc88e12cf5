/** Multicast groups of a socket: control path. */
import { EADDRINUSE, EADDRNOTAVAIL, ENODEV, must } from '../../native/errno.js';
import { setsockopt, socket } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import {
  AF_INET,
  AF_INET6,
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_IP,
  SOL_IPV6,
} from '../../native/socket-constants.js';
import { IpMreqn, Ipv6Mreq } from '../../native/structs.js';

/** A socket that does nothing but belong to groups, for those who receive by other means. Throws a SystemError. */
export function openMemberSocket(family: 4 | 6): number {
  return must(socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
}

/**
 * Has a socket receive what is sent to a group (4 or 16 bytes, network order) on an interface. Joined already is
 * joined. Throws a SystemError (ENODEV: there is no such interface).
 */
export function joinGroup(fd: number, group: Uint8Array, ifindex: number): void {
  const result = membership(fd, group, ifindex, IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP);
  if (result !== -EADDRINUSE) must(result, 'setsockopt', 'ADD_MEMBERSHIP');
}

/** Takes `joinGroup` back; nothing where the interface, or the membership, has gone. */
export function leaveGroup(fd: number, group: Uint8Array, ifindex: number): void {
  const result = membership(fd, group, ifindex, IP_DROP_MEMBERSHIP, IPV6_DROP_MEMBERSHIP);
  if (result !== -EADDRNOTAVAIL && result !== -ENODEV) must(result, 'setsockopt', 'DROP_MEMBERSHIP');
}

function membership(fd: number, group: Uint8Array, ifindex: number, four: number, six: number): number {
  const { bytes, view, address } = scratch;
  bytes.fill(0, 0, Ipv6Mreq.SIZE);
  bytes.set(group, 0);
  if (group.length === 4) {
    view.setInt32(IpMreqn.IFINDEX, ifindex, true);
    return setsockopt(fd, SOL_IP, four, address, IpMreqn.SIZE);
  }
  view.setInt32(Ipv6Mreq.IFINDEX, ifindex, true);
  return setsockopt(fd, SOL_IPV6, six, address, Ipv6Mreq.SIZE);
}
