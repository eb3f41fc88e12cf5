/** What the host fills in where a datagram leaves through sockets: what of it the sockets themselves say. */
import type { Arena } from '../../memory/arena.js';
import { TunnelWord } from '../../memory/tunnel.js';
import { getsockopt } from '../../native/libc.js';
import { IP_TTL, IPV6_UNICAST_HOPS, SOL_IP, SOL_IPV6 } from '../../native/socket-constants.js';
import { i32 } from '../../wire/bytes.js';
import type { UdpSockets } from './sockets.js';

export class BoundSockets {
  private readonly arena: Arena;
  private readonly value: number;
  private readonly locals = new Int32Array(8);
  private readonly fd4: number;
  private readonly fd6: number;

  constructor(arena: Arena, sockets: readonly UdpSockets[]) {
    this.arena = arena;
    this.value = arena.alloc(8);
    for (const { family, local } of sockets) {
      if (local === undefined) continue;
      for (let w = 0; w < local.length / 4; w++) this.locals[(family === 4 ? 0 : 4) + w] = i32(local, w * 4);
    }
    this.fd4 = sockets.find(({ family }) => family === 4)?.transmitFds[0] ?? -1;
    this.fd6 = sockets.find(({ family }) => family === 6)?.transmitFds[0] ?? -1;
  }

  /** Puts the address that the sockets are bound to into a record without a source. False: there are no sockets. */
  fillSource(tunnels: Int32Array, record: number): boolean {
    const four = tunnels[record + TunnelWord.FAMILY] === 4;
    if ((four ? this.fd4 : this.fd6) < 0) return false;
    const at = record + TunnelWord.SRC_IP;
    if ((tunnels[at] | tunnels[at + 1] | tunnels[at + 2] | tunnels[at + 3]) !== 0) return true;
    for (let w = 0; w < 4; w++) tunnels[at + w] = this.locals[(four ? 0 : 4) + w];
    return true;
  }

  /** The hop limit of a family where neither route nor record has one; 0 where it cannot be read. */
  readonly hopLimit = (family: 4 | 6): number => {
    const { arena, value } = this;
    arena.i32[(value >> 2) + 1] = 4;
    const at = arena.address(value);
    const result =
      family === 4
        ? getsockopt(this.fd4, SOL_IP, IP_TTL, at, at + 4)
        : getsockopt(this.fd6, SOL_IPV6, IPV6_UNICAST_HOPS, at, at + 4);
    return result < 0 ? 0 : arena.i32[value >> 2];
  };
}
