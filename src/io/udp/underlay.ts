/**
 * UDP sockets as an underlay: one for each address family that the tunnel device has (a kernel vxlan device in
 * external mode opens both, too). System calls per batch, none per datagram; nothing is allocated after construction.
 */

import type { Arena } from '../../memory/arena.js';
import type { ReceivedDatagrams } from '../../memory/received.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { EINVAL } from '../../native/errno.js';
import type { Underlay } from '../device.js';
import type { TunnelGso } from '../tunnel-gso/tunnel-gso.js';
import { BoundSockets } from './bound-sockets.js';
import { UdpReceiver } from './receiver.js';
import { UdpSender } from './sender.js';
import type { UdpSockets } from './sockets.js';
import { TransmitSocket } from './transmit-socket.js';

export interface UdpUnderlayCapacity {
  /** Entries of the largest batch that is received into. */
  readonly receive: number;
  /** Entries of the largest vector that is sent. */
  readonly send: number;
}

/**
 * The sockets stay the caller's: closing them is its business, after the last call here. Batches and vectors must
 * live in the arena given. Received records have FAMILY, SRC_IP, SRC_PORT, DST_IP, DST_PORT, TOS and TTL set, and
 * FLAGS and VNI 0: whoever reads the VXLAN header knows those.
 *
 * In records to send: SRC_IP 0 lets the kernel choose, IFINDEX 0 leaves it to the route, DST_PORT 0 is the socket's
 * own port, TTL 0 the route's hop limit; TUNNEL_CSUM and TUNNEL_DONT_FRAGMENT are heeded, other flags ignored. `hash`
 * chooses the source port. A family without sockets answers EAFNOSUPPORT.
 */
export class UdpUnderlay implements Underlay {
  readonly receiveFds: readonly number[];
  private readonly receivers: readonly UdpReceiver[];
  private readonly sender: UdpSender;
  private readonly gso: TunnelGso | null;
  private readonly bound: BoundSockets;

  /** `sockets`: at most one for each family. `gso`: what sends super-frames in one piece, where the host can. */
  constructor(
    arena: Arena,
    sockets: readonly UdpSockets[],
    capacity: UdpUnderlayCapacity,
    gso: TunnelGso | null = null,
  ) {
    const receiving = sockets.filter((each) => each.receiveFd >= 0);
    this.receiveFds = receiving.map((each) => each.receiveFd);
    this.receivers = receiving.map((each) => new UdpReceiver(arena, each, capacity.receive));
    const transmit = sockets.flatMap((each) => each.transmitFds.map((_, n) => new TransmitSocket(arena, each, n)));
    this.sender = new UdpSender(arena, transmit, capacity.send, gso);
    this.gso = gso;
    this.bound = new BoundSockets(arena, sockets);
  }

  /** Messages that the kernel has taken, since the start: a bundle is one. */
  get messagesSent(): number {
    return this.sender.messagesSent;
  }

  receive(which: number, batch: ReceivedDatagrams): number {
    if (which >= this.receivers.length) return -EINVAL;
    return this.receivers[which].receive(batch);
  }

  takeOverflow(): number {
    let lost = 0;
    for (let n = 0; n < this.receivers.length; n++) lost += this.receivers[n].takeOverflow();
    return lost;
  }

  dropsTold(): readonly (readonly [fd: number, count: number])[] {
    return this.receivers.map((receiver) => receiver.dropsTold);
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    return this.sender.send(vector, tunnels);
  }

  sourcePort(family: number, hash: number): number {
    return this.sender.sourcePort(family, hash);
  }

  takesSuperFrames(tunnels: Int32Array, record: number): boolean {
    if (this.gso === null || !this.bound.fillSource(tunnels, record)) return false;
    return this.gso.complete(tunnels, record, this.bound.hopLimit);
  }
}
