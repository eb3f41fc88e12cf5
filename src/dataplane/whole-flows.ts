/**
 * What is given to an underlay for the kernel to cut: super-frames, where the underlay can do that (takesSuperFrames),
 * and the single frames of flows that have had one within the last second or two. For on a network card with several
 * transmit queues what is forwarded and what sockets send may have different ones, and overtake each other.
 *
 * A table of one slot for each hash; a flow that loses its slot is taken for one that has had none.
 */
import type { Underlay } from '../io/device.js';
import { GSO_NONE, type PacketIndex, type Packets } from '../memory/packets.js';
import { TUNNEL_WORDS } from '../memory/tunnel.js';
import { NOT_ASKED_YET, type OuterHeaders } from './outer-headers.js';
import type { UnderlayPaths } from './underlay-paths.js';

const SLOTS = 4096;
/** Words of a slot: hash, second of the last super-frame. */
const SLOT = 2;

export class WholeFlows {
  private readonly packets: Packets;
  private readonly headers: OuterHeaders;
  private readonly paths: UnderlayPaths;
  private readonly slots = new Int32Array(SLOTS * SLOT);
  /** Whether there has been a super-frame at all: without, no single frame is looked up. */
  private any = false;

  constructor(packets: Packets, headers: OuterHeaders, paths: UnderlayPaths) {
    this.packets = packets;
    this.headers = headers;
    this.paths = paths;
  }

  /**
   * Whether a packet, whose largest datagram carries an IP packet of `ipLength` bytes, is given to `underlay` so, under
   * completed record number `record`. What is too long for the path goes the ordinary way.
   */
  has(packet: PacketIndex, record: number, underlay: Underlay, ipLength: number): boolean {
    const { packets, headers } = this;
    const isSuper = packets.gsoType[packet] !== GSO_NONE;
    if (!isSuper && !(this.any && this.remembers(packets.hash[packet]))) return false;
    if (underlay.takesSuperFrames === undefined || ipLength > headers.limits[record]) return false;
    if (headers.superFrames[record] === NOT_ASKED_YET)
      headers.superFrames[record] = underlay.takesSuperFrames(headers.records, record * TUNNEL_WORDS) ? 1 : 0;
    if (headers.superFrames[record] === 0) return false;
    if (isSuper) this.remember(packets.hash[packet]);
    return true;
  }

  private remember(hash: number): void {
    const slot = (hash & (SLOTS - 1)) * SLOT;
    this.slots[slot] = hash;
    this.slots[slot + 1] = this.paths.now;
    this.any = true;
  }

  private remembers(hash: number): boolean {
    const slot = (hash & (SLOTS - 1)) * SLOT;
    if (this.slots[slot] !== hash) return false;
    const ago = (this.paths.now - this.slots[slot + 1]) | 0;
    return ago >= 0 && ago <= 1;
  }
}
