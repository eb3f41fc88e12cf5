/**
 * The sockets of an underlay for several workers, a set for each: control path.
 *
 * Those that receive share the port by SO_REUSEPORT: the kernel chooses one by a hash of both addresses and ports, so
 * that a flow, which has one outer source port, is always the same worker's. Until the group is complete all of them
 * are silent, for with every member that joins, flows change places. Members but the first take no part in multicast,
 * which the kernel would give to each of them.
 *
 * The first socket is bound as one that shares with nobody, so a port that is taken is refused as ever, by one who
 * would share it, too; and who does not ask to share gets it from nobody afterwards, the kernel's vxlan device for one.
 * A process of the same user that does ask could join: the lock of the namespace sees to it that it is no other vtep.
 *
 * Those that send have the same source ports for all workers, so that a flow's outer source port does not depend on
 * where it is sent from; they never receive.
 */
import { must } from '../../native/errno.js';
import { setsockopt } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import {
  IP_MULTICAST_ALL,
  IPV6_MULTICAST_ALL,
  SK_MEMINFO_DROPS,
  SO_DETACH_FILTER,
  SO_REUSEPORT,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from '../../native/socket-constants.js';
import { askMeminfo, MEMINFO_SPACE } from './queue-drops.js';
import { closeUdpSockets, mustSet, openUdpSockets, setInt, type UdpSocketOptions, type UdpSockets } from './sockets.js';

const meminfo = new Int32Array(scratch.view.buffer, 0, MEMINFO_SPACE / 4);

/** Opens a set for each of `workers`. Throws as `openUdpSockets`, and leaves nothing open then. */
export function openUdpGroup(options: UdpSocketOptions, workers: number): readonly UdpSockets[] {
  if (workers === 1) return [openUdpSockets(options)];
  const group: UdpSockets[] = [];
  try {
    const first = openUdpSockets({ ...options, silent: true });
    group.push(first);
    for (const fd of [first.receiveFd, ...first.transmitFds])
      if (fd >= 0) mustSet(fd, SOL_SOCKET, SO_REUSEPORT, 1, 'SO_REUSEPORT');
    while (group.length < workers) {
      const next = openUdpSockets({ ...options, silent: true, beside: first });
      group.push(next);
      if (next.receiveFd >= 0) takeNoMulticast(next);
    }
    return group.map((each) => (each.receiveFd < 0 ? each : { ...each, dropsBefore: letHear(each.receiveFd) }));
  } catch (error) {
    for (const sockets of group) closeUdpSockets(sockets);
    throw error;
  }
}

/** What nobody has joined on this socket is not for it. IPv6 has the option since Linux 4.20. */
function takeNoMulticast({ family, receiveFd }: UdpSockets): void {
  if (family === 4) mustSet(receiveFd, SOL_IP, IP_MULTICAST_ALL, 0, 'IP_MULTICAST_ALL');
  else setInt(receiveFd, SOL_IPV6, IPV6_MULTICAST_ALL, 0);
}

/** Ends a socket's silence; returns how much it has cost. */
function letHear(fd: number): number {
  must(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, scratch.address, 4), 'SO_DETACH_FILTER');
  return askMeminfo(fd, meminfo, 0, scratch.address) ? meminfo[SK_MEMINFO_DROPS] >>> 0 : 0;
}
