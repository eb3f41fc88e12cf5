/**
 * Reads the control messages (cmsg) of a received datagram: where it was sent to, its TTL and TOS, and the size of
 * the datagrams in a bundle. The walk is bounded by the length that
 * the kernel gave; what it does not know it skips, and a length that cannot be ends it.
 */

import { TunnelWord } from '../../memory/tunnel.js';
import {
  IP_PKTINFO,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
} from '../../native/socket-constants.js';
import { Cmsghdr, InPktinfo } from '../../native/structs.js';
import { swap32 } from './byte-order.js';

/** One reader serves all datagrams of a socket, one after the other. */
export class ControlMessages {
  /** Bytes of each datagram of the bundle; 0: a single datagram. */
  segmentSize = 0;

  /**
   * Reads `length` bytes of control messages at byte offset `at` (a multiple of 8) of `memory`, and writes DST_IP,
   * TOS and TTL into the tunnel record that begins at word `record` of `tunnels`. Words without a message stay.
   */
  read(memory: Int32Array, at: number, length: number, tunnels: Int32Array, record: number): void {
    this.segmentSize = 0;
    const end = at + length;
    while (at + Cmsghdr.SIZE <= end) {
      const word = at >> 2;
      const size = memory[word];
      // Negative or beyond the end (the upper half counts too): nothing behind it can be trusted.
      if (size < Cmsghdr.SIZE || size > end - at || memory[word + 1] !== 0) return;
      const level = memory[word + 2];
      const type = memory[word + 3];
      const bytes = size - Cmsghdr.SIZE;
      const data = word + (Cmsghdr.SIZE >> 2);
      if (level === SOL_IP) {
        if (type === IP_PKTINFO && bytes >= InPktinfo.SIZE)
          tunnels[record + TunnelWord.DST_IP] = swap32(memory[data + (InPktinfo.ADDR >> 2)]);
        else if (type === IP_TTL && bytes >= 4) tunnels[record + TunnelWord.TTL] = memory[data] & 0xff;
        else if (type === IP_TOS && bytes >= 1) tunnels[record + TunnelWord.TOS] = memory[data] & 0xff;
      } else if (level === SOL_IPV6) {
        if (type === IPV6_PKTINFO && bytes >= 16) {
          tunnels[record + TunnelWord.DST_IP] = swap32(memory[data]);
          tunnels[record + TunnelWord.DST_IP + 1] = swap32(memory[data + 1]);
          tunnels[record + TunnelWord.DST_IP + 2] = swap32(memory[data + 2]);
          tunnels[record + TunnelWord.DST_IP + 3] = swap32(memory[data + 3]);
        } else if (type === IPV6_HOPLIMIT && bytes >= 4) tunnels[record + TunnelWord.TTL] = memory[data] & 0xff;
        else if (type === IPV6_TCLASS && bytes >= 4) tunnels[record + TunnelWord.TOS] = memory[data] & 0xff;
      } else if (level === SOL_UDP) {
        if (type === UDP_GRO && bytes >= 4) this.segmentSize = memory[data];
      }
      at += (size + 7) & -8;
    }
  }
}
