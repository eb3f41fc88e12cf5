/**
 * The source that the kernel would choose for a destination: the outer UDP checksum covers it, so it must be known
 * before the datagram is sent. Asked for by connecting a UDP socket, which sends nothing.
 */
import type { Arena } from '../../memory/arena.js';
import { TunnelWord } from '../../memory/tunnel.js';
import { connect, getsockname, setsockopt } from '../../native/libc.js';
import { AF_UNSPEC, SO_BINDTOIFINDEX, SOL_SOCKET } from '../../native/socket-constants.js';
import { SockaddrIn, SockaddrIn6 } from '../../native/structs.js';
import { swap32 } from '../udp/byte-order.js';
import { NAME_SPACE, writeName } from '../udp/headers.js';
import type { RawFamily } from './sockets.js';

/** Any port will do: nothing is sent. */
const SOME_PORT = 9;

export class SourceAddress {
  /** The address last found, in words as tunnel records have them (an IPv4 address in the first). */
  readonly words = new Int32Array(4);
  private readonly arena: Arena;
  private readonly family: 4 | 6;
  private readonly scopeId: number;
  private readonly fd: number;
  private readonly name: number;
  private readonly length: number;
  /** The interface that the route has to lead through, 0: any. */
  private ifindex = 0;

  /** The family's `probeFd` stays its owner's. */
  constructor(arena: Arena, { family, scopeId, probeFd }: RawFamily) {
    this.arena = arena;
    this.family = family;
    this.scopeId = scopeId;
    this.fd = probeFd;
    this.name = arena.alloc(NAME_SPACE);
    this.length = arena.alloc(4, 4);
  }

  /** Finds the source for the destination of a tunnel record. Returns 0, or -errno where there is no route. */
  find(tunnels: Int32Array, record: number): number {
    const { arena, name, words } = this;
    const { i32 } = arena;
    this.bind(tunnels[record + TunnelWord.IFINDEX]);
    // A socket keeps the first address that it was given, until it is disconnected.
    i32[name >> 2] = AF_UNSPEC;
    connect(this.fd, arena.address(name), SockaddrIn.SIZE);
    const length = writeName(i32, name, tunnels, record, SOME_PORT, this.scopeId);
    const result = connect(this.fd, arena.address(name), length);
    if (result < 0) return result;
    i32[this.length >> 2] = SockaddrIn6.SIZE;
    const named = getsockname(this.fd, arena.address(name), arena.address(this.length));
    if (named < 0) return named;
    words.fill(0);
    if (this.family === 4) {
      words[0] = swap32(i32[(name + SockaddrIn.ADDRESS) >> 2]);
      return 0;
    }
    for (let w = 0; w < 4; w++) words[w] = swap32(i32[((name + SockaddrIn6.ADDRESS) >> 2) + w]);
    return 0;
  }

  private bind(ifindex: number): void {
    if (ifindex === this.ifindex) return;
    this.arena.i32[this.length >> 2] = ifindex;
    // Where that is refused the route alone decides, as it mostly would have anyway.
    setsockopt(this.fd, SOL_SOCKET, SO_BINDTOIFINDEX, this.arena.address(this.length), 4);
    this.ifindex = ifindex;
  }

  /** Copies the source of a record, or finds it where the record leaves it open. Returns 0, or -errno. */
  take(tunnels: Int32Array, record: number): number {
    const at = record + TunnelWord.SRC_IP;
    if ((tunnels[at] | tunnels[at + 1] | tunnels[at + 2] | tunnels[at + 3]) === 0) return this.find(tunnels, record);
    for (let w = 0; w < 4; w++) this.words[w] = tunnels[at + w];
    return 0;
  }
}
