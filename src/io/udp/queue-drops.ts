/**
 * How many datagrams a full receive queue has cost, asked of the kernel (SO_MEMINFO, Linux 4.12) now and then.
 *
 * The control message SO_RXQ_OVFL would tell it with each datagram, and must not be asked for: the kernel copies it out of
 * the packet's own memory (sock_recv_drops), and where that packet is a sender's TCP segment, as over plain veth, a kernel
 * with hardened usercopy takes that for an attack and kills the thread that receives (docs/decisions/counting-full-queues.md).
 */
import type { Arena } from '../../memory/arena.js';
import { getsockopt } from '../../native/libc.js';
import { SK_MEMINFO_DROPS, SO_MEMINFO, SOL_SOCKET } from '../../native/socket-constants.js';

/** Words of what SO_MEMINFO tells (SK_MEMINFO_VARS). */
const MEMINFO_WORDS = 9;
/** Bytes that the question takes: those words, and their length behind them. */
export const MEMINFO_SPACE = (MEMINFO_WORDS + 1) * 4;

/**
 * Asks the kernel about a socket's memory; false where it does not tell. `words` are MEMINFO_SPACE bytes at `address`,
 * from word `at` on; `words[at + SK_MEMINFO_DROPS]` is then what the queue has dropped in all, as 32 bits that wrap.
 */
export function askMeminfo(fd: number, words: Int32Array, at: number, address: number): boolean {
  words[at + MEMINFO_WORDS] = MEMINFO_WORDS * 4;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, address, address + MEMINFO_WORDS * 4) >= 0;
}

/** The drops of one socket. */
export class QueueDrops {
  private readonly arena: Arena;
  private readonly fd: number;
  private readonly words: number;
  private readonly address: number;
  /** The count as last told (32 bits, wraps). */
  told: number;

  /** `before`: what had been counted when the socket began to be used. */
  constructor(arena: Arena, fd: number, before: number) {
    this.arena = arena;
    this.fd = fd;
    this.words = arena.alloc(MEMINFO_SPACE);
    this.address = arena.address(this.words);
    this.told = before | 0;
  }

  /** Datagrams lost since the last call; one system call. 0 where the kernel does not tell. */
  take(): number {
    const { i32 } = this.arena;
    const word = this.words >> 2;
    if (!askMeminfo(this.fd, i32, word, this.address)) return 0;
    const now = i32[word + SK_MEMINFO_DROPS];
    const lost = (now - this.told) >>> 0;
    this.told = now;
    return lost;
  }
}
