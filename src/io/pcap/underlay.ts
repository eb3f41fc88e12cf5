/** A capture as an underlay: receive only. */
import type { Arena } from '../../memory/arena.js';
import type { ReceivedDatagrams } from '../../memory/received.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { EINVAL, EOPNOTSUPP } from '../../native/errno.js';
import type { Underlay } from '../device.js';
import { HandoverReceiver } from '../handover/receiver.js';

/** Received records are as UdpUnderlay's, with TUNNEL_CSUM where the outer header had a checksum. */
export class PcapUnderlay implements Underlay {
  readonly receiveFds: readonly number[];
  private readonly receiver: HandoverReceiver;

  /** `receiveFd` is a capture's, and stays it; -1: another worker receives. */
  constructor(arena: Arena, receiveFd: number, capacity: { readonly receive: number }, dropsBefore = 0) {
    this.receiveFds = receiveFd < 0 ? [] : [receiveFd];
    this.receiver = new HandoverReceiver(arena, receiveFd, capacity.receive, dropsBefore);
  }

  receive(which: number, batch: ReceivedDatagrams): number {
    return which < this.receiveFds.length ? this.receiver.receive(batch) : -EINVAL;
  }

  takeOverflow(): number {
    return this.receiver.takeOverflow();
  }

  dropsTold(): readonly (readonly [fd: number, count: number])[] {
    return this.receiveFds.length === 0 ? [] : [this.receiver.dropsTold];
  }

  /** Refuses every entry (EOPNOTSUPP). */
  send(vector: DatagramVector): number {
    for (let m = 0; m < vector.count; m++) {
      vector.errno[m] = EOPNOTSUPP;
      vector.sentBefore[m] = 0;
    }
    return 0;
  }
}
