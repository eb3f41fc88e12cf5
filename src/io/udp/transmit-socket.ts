/**
 * One transmit socket, with its mode. DF and the absence of a checksum are properties of a socket, not of a message
 * (there is no cmsg for either), so a change of mode is a setsockopt before the next sendmmsg. Flows keep their
 * source port whatever their mode, and rules of one mode never pay for it.
 */

import type { Arena } from '../../memory/arena.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT } from '../../memory/tunnel.js';
import { setsockopt } from '../../native/libc.js';
import {
  IP_MTU_DISCOVER,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  SO_NO_CHECK,
  SOL_IP,
  SOL_SOCKET,
  SOL_UDP,
  UDP_NO_CHECK6_TX,
} from '../../native/socket-constants.js';
import type { UdpSockets } from './sockets.js';

/** Bits of a mode; 0 is what a socket begins with here. */
export const MODE_DONT_FRAGMENT = 1;
export const MODE_NO_CHECKSUM = 2;
export const MODES = 4;

/** The mode that a tunnel record's flags ask for. Over IPv6 nothing is ever fragmented, so DF makes no difference. */
export function modeOf(flags: number, family: number): number {
  return (
    (family !== 4 || (flags & TUNNEL_DONT_FRAGMENT) === 0 ? 0 : MODE_DONT_FRAGMENT) |
    ((flags & TUNNEL_CSUM) === 0 ? MODE_NO_CHECKSUM : 0)
  );
}

export class TransmitSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** Its own port: that of the datagrams' source. */
  readonly port: number;
  /** Port that stands in for a destination port of 0. */
  readonly defaultPort: number;
  readonly scopeId: number;
  /** Whether the kernel takes bundles on this socket; learned to be false from EIO. */
  segmentation: boolean;
  private readonly arena: Arena;
  private readonly value: number;
  private readonly valueAddress: number;
  private mode = 0;

  /** Socket number `n` of those opened; who had it before may have left it in any mode. */
  constructor(arena: Arena, opened: UdpSockets, n: number) {
    this.arena = arena;
    this.value = arena.alloc(4, 4);
    this.valueAddress = arena.address(this.value);
    this.fd = opened.transmitFds[n];
    this.family = opened.family;
    this.port = opened.sourcePorts[n];
    this.defaultPort = opened.port;
    this.scopeId = opened.scopeId;
    this.segmentation = opened.segmentation;
    this.setFragmentation(0);
    this.setChecksum(0);
  }

  /** Puts the socket into `mode`; returns the number of system calls. They cannot fail on an open UDP socket. */
  enter(mode: number): number {
    const change = this.mode ^ mode;
    if (change === 0) return 0;
    let calls = 0;
    if ((change & MODE_DONT_FRAGMENT) !== 0) {
      this.setFragmentation(mode);
      calls++;
    }
    if ((change & MODE_NO_CHECKSUM) !== 0) {
      this.setChecksum(mode);
      calls++;
    }
    this.mode = mode;
    return calls;
  }

  private setFragmentation(mode: number): void {
    // Over IPv6 there is nothing to say.
    if (this.family !== 4) return;
    this.set(SOL_IP, IP_MTU_DISCOVER, (mode & MODE_DONT_FRAGMENT) === 0 ? IP_PMTUDISC_DONT : IP_PMTUDISC_DO);
  }

  private setChecksum(mode: number): void {
    const off = (mode & MODE_NO_CHECKSUM) === 0 ? 0 : 1;
    if (this.family === 4) this.set(SOL_SOCKET, SO_NO_CHECK, off);
    else this.set(SOL_UDP, UDP_NO_CHECK6_TX, off);
  }

  private set(level: number, name: number, value: number): void {
    this.arena.i32[this.value >> 2] = value;
    setsockopt(this.fd, level, name, this.valueAddress, 4);
  }
}
