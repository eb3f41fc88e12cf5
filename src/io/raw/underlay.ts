/** Raw sockets as an underlay: see sockets.ts for what they are, and listener.ts for what receives over IPv4. */
import type { Arena } from '../../memory/arena.js';
import type { ReceivedDatagrams } from '../../memory/received.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { EINVAL } from '../../native/errno.js';
import type { Underlay } from '../device.js';
import { HandoverReceiver } from '../handover/receiver.js';
import { UdpReceiver } from '../udp/receiver.js';
import { RawSender } from './sender.js';
import type { RawFamily } from './sockets.js';

/**
 * The sockets stay their owner's. Received records are as UdpUnderlay's; over IPv4 FLAGS tells moreover whether the
 * outer header had a checksum (TUNNEL_CSUM). In records to send all is heeded that UdpUnderlay heeds, and the source
 * port is any of the range, as the entry's hash says.
 */
export class RawUnderlay implements Underlay {
  readonly receiveFds: readonly number[];
  private readonly receivers: readonly (UdpReceiver | HandoverReceiver)[];
  private readonly sender: RawSender;

  /** `families`: at most one of each. `receive`: entries of the largest batch that is received into. */
  constructor(arena: Arena, families: readonly RawFamily[], capacity: { readonly receive: number }) {
    const receiving = families.filter(({ receiveFd }) => receiveFd >= 0);
    this.receiveFds = receiving.map(({ receiveFd }) => receiveFd);
    this.receivers = receiving.map((each) =>
      each.family === 4
        ? new HandoverReceiver(arena, each.receiveFd, capacity.receive, each.dropsBefore)
        : new UdpReceiver(arena, each, capacity.receive),
    );
    this.sender = new RawSender(arena, families);
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
}
