/**
 * Asks the kernel's routing table (RTM_GETROUTE) how a packet would go: one that this host sends, or one that comes
 * in by a device and is to be forwarded. Two system calls and no garbage; for whoever asks seldom. The kernel
 * answers within the first of them.
 */
import type { Arena } from '../../memory/arena.js';
import { TunnelWord } from '../../memory/tunnel.js';
import { must } from '../../native/errno.js';
import { bindSocket, close, recv, send, socket } from '../../native/libc.js';
import {
  NETLINK_ROUTE,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  RTA_DST,
  RTA_GATEWAY,
  RTA_IIF,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_SRC,
  RTA_VIA,
  RTAX_HOPLIMIT,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from '../../native/netlink-constants.js';
import { AF_INET, AF_INET6, AF_NETLINK, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_RAW } from '../../native/socket-constants.js';
import { Nlmsghdr, Rtattr, Rtmsg, SockaddrNl } from '../../native/structs.js';
import { i32, putU32 } from '../../wire/bytes.js';

const REQUEST = 256;
const ANSWER = 4096;
const NAME = 16;
/** Bytes of arena that a look-up needs. */
export const ROUTE_LOOKUP_BYTES = REQUEST + ANSWER + NAME + 256;

export class RouteLookup {
  /** Of the last answer: index of the device that the packet leaves by. */
  device = 0;
  /** The next hop's address, four words as in a tunnel record; zeros where the destination is on the link. */
  readonly gateway = new Int32Array(4);
  /** The source that the host would choose; zeros where the answer does not say. */
  readonly source = new Int32Array(4);
  /** The route's own hop limit, or 0. */
  hopLimit = 0;
  /** The errno that the kernel answered last with, or 0. */
  errno = 0;
  private readonly arena: Arena;
  private readonly request: number;
  private readonly answer: number;
  private readonly fd: number;
  private used = 0;
  private sequence = 0;

  /** Opens a socket in this thread's network namespace. Throws a SystemError. */
  constructor(arena: Arena) {
    this.arena = arena;
    this.request = arena.alloc(REQUEST);
    this.answer = arena.alloc(ANSWER);
    const name = arena.alloc(NAME);
    arena.i32[name >> 2] = AF_NETLINK;
    this.fd = must(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), 'socket', 'rtnetlink');
    must(bindSocket(this.fd, arena.address(name), SockaddrNl.SIZE), 'bind', 'rtnetlink');
  }

  close(): void {
    close(this.fd);
  }

  /**
   * Asks for the destination of the tunnel record at word `record`, from the source in it where there is one: as sent
   * by this host (through device `out`, unless that is 0), or where `into` is not 0 as coming in by that device. False
   * where no unicast route leads there, or the kernel would not take such a packet from that device.
   */
  ask(tunnels: Int32Array, record: number, out: number, into: number): boolean {
    const four = tunnels[record + TunnelWord.FAMILY] === 4;
    this.begin(four);
    this.address(RTA_DST, tunnels, record + TunnelWord.DST_IP, four, Rtmsg.DST_LENGTH);
    if (!isZero(tunnels, record + TunnelWord.SRC_IP))
      this.address(RTA_SRC, tunnels, record + TunnelWord.SRC_IP, four, Rtmsg.SRC_LENGTH);
    if (out !== 0) this.number(RTA_OIF, out);
    if (into !== 0) this.number(RTA_IIF, into);
    return this.exchange(four);
  }

  private begin(four: boolean): void {
    const { request } = this;
    const { u8, u16, i32: words } = this.arena;
    u8.fill(0, request, request + REQUEST);
    u16[(request + Nlmsghdr.TYPE) >> 1] = RTM_GETROUTE;
    u16[(request + Nlmsghdr.FLAGS) >> 1] = NLM_F_REQUEST;
    this.sequence = (this.sequence + 1) | 0;
    words[(request + Nlmsghdr.SEQUENCE) >> 2] = this.sequence;
    u8[request + Nlmsghdr.SIZE + Rtmsg.FAMILY] = four ? AF_INET : AF_INET6;
    this.used = Nlmsghdr.SIZE + Rtmsg.SIZE;
  }

  private header(type: number, bytes: number): number {
    const at = this.request + this.used;
    this.arena.u16[(at + Rtattr.LENGTH) >> 1] = Rtattr.SIZE + bytes;
    this.arena.u16[(at + Rtattr.TYPE) >> 1] = type;
    this.used += Rtattr.SIZE + bytes;
    return at + Rtattr.SIZE;
  }

  private address(type: number, tunnels: Int32Array, from: number, four: boolean, bits: number): void {
    const words = four ? 1 : 4;
    this.arena.u8[this.request + Nlmsghdr.SIZE + bits] = words * 32;
    const at = this.header(type, words * 4);
    for (let w = 0; w < words; w++) putU32(this.arena.u8, at + w * 4, tunnels[from + w]);
  }

  private number(type: number, value: number): void {
    this.arena.i32[this.header(type, 4) >> 2] = value;
  }

  private exchange(four: boolean): boolean {
    const { arena, request, answer } = this;
    arena.i32[(request + Nlmsghdr.LENGTH) >> 2] = this.used;
    if (send(this.fd, arena.address(request), this.used, 0) < 0) return false;
    for (;;) {
      const length = recv(this.fd, arena.address(answer), ANSWER, MSG_DONTWAIT);
      if (length < Nlmsghdr.SIZE) return false;
      // An answer to nobody's question, or to one that was given up.
      if (arena.i32[(answer + Nlmsghdr.SEQUENCE) >> 2] !== this.sequence) continue;
      const whole = arena.i32[(answer + Nlmsghdr.LENGTH) >> 2];
      const type = arena.u16[(answer + Nlmsghdr.TYPE) >> 1];
      this.errno = type === NLMSG_ERROR ? -arena.i32[(answer + Nlmsghdr.SIZE) >> 2] : 0;
      if (type !== RTM_NEWROUTE || whole > length) return false;
      return this.read(answer + Nlmsghdr.SIZE, answer + whole, four);
    }
  }

  private read(message: number, end: number, four: boolean): boolean {
    const { u8 } = this.arena;
    this.device = 0;
    this.hopLimit = 0;
    this.gateway.fill(0);
    this.source.fill(0);
    if (message + Rtmsg.SIZE > end || u8[message + Rtmsg.TYPE] !== RTN_UNICAST) return false;
    this.attributes(message + Rtmsg.SIZE, end, four, false);
    return this.device !== 0;
  }

  private attributes(from: number, end: number, four: boolean, metrics: boolean): void {
    const { u16, i32: words } = this.arena;
    for (let at = from; at + Rtattr.SIZE <= end; ) {
      const length = u16[(at + Rtattr.LENGTH) >> 1];
      if (length < Rtattr.SIZE || at + length > end) return;
      const type = u16[(at + Rtattr.TYPE) >> 1];
      const data = at + Rtattr.SIZE;
      if (metrics) {
        if (type === RTAX_HOPLIMIT) this.hopLimit = words[data >> 2];
      } else if (type === RTA_OIF) this.device = words[data >> 2];
      else if (type === RTA_METRICS) this.attributes(data, at + length, four, true);
      else if (type === RTA_GATEWAY) this.copy(this.gateway, data, four ? 1 : 4);
      else if (type === RTA_VIA && length >= Rtattr.SIZE + 18) this.copy(this.gateway, data + 2, 4);
      else if (type === RTA_PREFSRC) this.copy(this.source, data, four ? 1 : 4);
      at += (length + 3) & -4;
    }
  }

  private copy(to: Int32Array, from: number, count: number): void {
    for (let w = 0; w < count; w++) to[w] = i32(this.arena.u8, from + w * 4);
  }
}

function isZero(words: Int32Array, at: number): boolean {
  return (words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0;
}
