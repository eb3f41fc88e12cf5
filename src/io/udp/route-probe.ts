/**
 * What the host's routing table says of a destination, asked through a connected UDP socket: connecting one sends
 * nothing, and the kernel then tells the path MTU as far as it knows it (the route's, or what routers have said since:
 * it hears their answers to our datagrams) and the source address it would choose. Which interface it would leave by,
 * only rtnetlink tells. Seven system calls, no garbage to speak of; for whoever asks seldom.
 */
import type { Arena } from '../../memory/arena.js';
import { TunnelWord } from '../../memory/tunnel.js';
import { must, SystemError } from '../../native/errno.js';
import { close, connect, getsockname, getsockopt, setsockopt, socket } from '../../native/libc.js';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IP_MTU,
  IPV6_MTU,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from '../../native/socket-constants.js';
import { SockaddrIn6 } from '../../native/structs.js';
import type { Routes } from '../device.js';
import { ROUTE_LOOKUP_BYTES, RouteLookup } from '../tunnel-gso/route-lookup.js';
import { swap32 } from './byte-order.js';
import { writeName } from './headers.js';

/** Any port: nothing is sent there. */
const SOME_PORT = 4789;
/** Bytes of arena that a probe needs. */
export const ROUTE_PROBE_BYTES = 1024 + ROUTE_LOOKUP_BYTES;

export class RouteProbe implements Routes {
  mtu = 0;
  local = false;
  device = 0;
  readonly source = new Int32Array(4);
  private readonly arena: Arena;
  private readonly name: number;
  private readonly own: number;
  private readonly value: number;
  private readonly nobody: number;
  private fd4 = -1;
  private fd6 = -1;
  /** null: not asked yet; undefined: this process may not ask. */
  private lookup: RouteLookup | undefined | null = null;

  /** Opens no socket before it is asked something. */
  constructor(arena: Arena) {
    this.arena = arena;
    this.name = arena.alloc(32);
    this.own = arena.alloc(32);
    this.value = arena.alloc(8);
    this.nobody = arena.alloc(32);
    arena.i32[this.nobody >> 2] = AF_UNSPEC;
  }

  ask(tunnels: Int32Array, record: number): boolean {
    const four = tunnels[record + TunnelWord.FAMILY] === 4;
    const fd = four ? this.socket4() : this.socket6();
    if (fd < 0) return false;
    const { arena, name, own, value } = this;
    const { i32 } = arena;
    // Without it a second connection would keep the source address of the first.
    connect(fd, arena.address(this.nobody), SockaddrIn6.SIZE);
    const length = writeName(i32, name, tunnels, record, SOME_PORT, 0);
    if (connect(fd, arena.address(name), length) < 0) return false;
    i32[(value >> 2) + 1] = 4;
    const [level, option] = four ? MTU_OF_IPV4 : MTU_OF_IPV6;
    if (getsockopt(fd, level, option, arena.address(value), arena.address(value + 4)) < 0) return false;
    this.mtu = i32[value >> 2];
    i32[value >> 2] = SockaddrIn6.SIZE;
    if (getsockname(fd, arena.address(own), arena.address(value)) < 0) return false;
    const words = (own >> 2) + (four ? 1 : 2);
    let same = true;
    for (let w = 0; w < 4; w++) {
      const word = four && w > 0 ? 0 : swap32(i32[words + w]);
      this.source[w] = word;
      // What is sent to an address of this host comes from that address.
      if (word !== tunnels[record + TunnelWord.DST_IP + w]) same = false;
    }
    this.local = same;
    if (this.lookup === null) this.lookup = this.openLookup();
    const knows = !same && this.lookup?.ask(tunnels, record, 0, 0) === true;
    this.device = knows ? (this.lookup?.device ?? 0) : 0;
    return true;
  }

  close(): void {
    if (this.fd4 >= 0) close(this.fd4);
    if (this.fd6 >= 0) close(this.fd6);
    this.fd4 = -1;
    this.fd6 = -1;
    this.lookup?.close();
    this.lookup = null;
  }

  private openLookup(): RouteLookup | undefined {
    try {
      return new RouteLookup(this.arena);
    } catch (error) {
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }

  private socket4(): number {
    if (this.fd4 < 0) this.fd4 = this.open(AF_INET);
    return this.fd4;
  }

  private socket6(): number {
    if (this.fd6 < 0) this.fd6 = this.open(AF_INET6);
    return this.fd6;
  }

  private open(family: number): number {
    const fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fd;
    // Nobody reads it: what anybody sends there shall not pile up.
    this.arena.i32[this.value >> 2] = 0;
    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, this.arena.address(this.value), 4), 'SO_RCVBUF');
    return fd;
  }
}

const MTU_OF_IPV4 = [SOL_IP, IP_MTU] as const;
const MTU_OF_IPV6 = [SOL_IPV6, IPV6_MTU] as const;
