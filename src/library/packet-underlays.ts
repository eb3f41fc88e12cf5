/** Underlays in memory: whole outer IP packets are given to a function, and taken from whoever has some. */
import type { OpenedUnderlay } from '../control/other-underlays.js';
import { familiesOf, sharesSocket } from '../control/vxlan-sockets.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { outerPacket } from '../lab/outer-packet.js';
import { PacketUnderlay } from '../lab/packet-underlay.js';
import { dropPromise } from './troubles.js';
import type { PacketSender } from './types.js';

export class PacketUnderlays {
  private readonly sender: PacketSender;
  private readonly queueBytes: number;
  private failed: (error: unknown) => void = () => undefined;
  private readonly open = new Map<PacketUnderlay, VxlanOptions>();

  /** `queueBytes`: for packets of one underlay that wait. */
  constructor(sender: PacketSender, queueBytes: number) {
    this.sender = sender;
    this.queueBytes = queueBytes;
  }

  readonly openUnderlay = (options: VxlanOptions): OpenedUnderlay => {
    let made: PacketUnderlay | undefined;
    return {
      parts: [
        {
          kind: 'own',
          make: (arena) => {
            const { local, dstport, udp6zerocsumrx } = options;
            made = new PacketUnderlay(arena, {
              port: dstport,
              families: familiesOf(options),
              zeroChecksum6: udp6zerocsumrx,
              queueBytes: this.queueBytes,
              ...(local && !sharesSocket(options) && { local }),
            });
            this.open.set(made, options);
            return made;
          },
        },
      ],
      close: () => {
        if (made) this.open.delete(made);
      },
    };
  };

  /** A packet arrives; false where no device takes it, or a queue is full. */
  give(packet: Uint8Array): boolean {
    let isTaken = false;
    for (const underlay of this.open.keys()) if (underlay.give(packet)) isTaken = true;
    return isTaken;
  }

  /** What is told where the function throws: what it was handed is on its own then. */
  onError(failed: (error: unknown) => void): void {
    this.failed = failed;
  }

  /** Hands over what has been sent since the last call. */
  flush(): void {
    const packets: Uint8Array[] = [];
    for (const [underlay, options] of this.open) {
      for (const sent of underlay.sent.splice(0))
        for (const bytes of segmentsOf(sent)) packets.push(outerPacket(sent, bytes, options));
    }
    if (packets.length === 0) return;
    try {
      // The packets are the sender's, which may take its time.
      dropPromise(this.sender(packets), this.failed);
    } catch (error) {
      this.failed(error);
    }
  }
}
