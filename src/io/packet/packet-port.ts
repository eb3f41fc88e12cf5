/**
 * An interface of the host as a frame port that is only written to, through an AF_PACKET socket. Its frames have the
 * virtio-net header of a TAP's, so super-frames stay whole and unfinished checksums unfinished for as long as the
 * interface can make use of that; unlike a TAP's a batch of them takes one system call.
 */
import type { Arena } from '../../memory/arena.js';
import type { FrameVector } from '../../memory/vectors.js';
import { sendmmsg } from '../../native/libc.js';
import { MSG_DONTWAIT } from '../../native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr } from '../../native/structs.js';
import { Addresses } from '../addresses.js';
import { type FramePort, VNET_HEADER_BYTES } from '../device.js';
import type { PacketSocket } from './open-packet.js';

/** Frames of one system call. */
const GROUP = 32;

export class PacketPort implements FramePort {
  /** Nothing is ever to be read. */
  readonly fd: number = -1;
  readonly short: number = 0;
  readonly malformed: number = 0;
  private readonly arena: Arena;
  private readonly socket: number;
  /** Bytes by which the header is too long for the socket. */
  private readonly surplus: number;
  private readonly messages: number;
  private readonly addresses: Addresses;

  /** The socket stays the caller's. Vectors must live in the arena given. */
  constructor(arena: Arena, { fd, headerBytes }: PacketSocket) {
    this.arena = arena;
    this.socket = fd;
    this.surplus = VNET_HEADER_BYTES - headerBytes;
    this.messages = arena.alloc(GROUP * Mmsghdr.SIZE);
    this.addresses = new Addresses(arena, this.messages, Mmsghdr.SIZE, GROUP);
  }

  read(): number {
    return 0;
  }

  write(vector: FrameVector): void {
    for (let first = 0; first < vector.count; first += GROUP) {
      const rest = vector.count - first;
      this.writeGroup(vector, first, rest < GROUP ? rest : GROUP);
    }
  }

  private writeGroup(vector: FrameVector, first: number, count: number): void {
    const { arena } = this;
    const { i32 } = arena;
    for (let i = 0; i < count; i++) {
      const f = first + i;
      const iovecs = vector.iovecs.at(vector.iovecStart[f]);
      if (this.surplus > 0) this.shorten(iovecs);
      const message = this.messages + i * Mmsghdr.SIZE;
      arena.writeAddress(message + Msghdr.IOV, iovecs);
      i32[(message + Msghdr.IOV_LENGTH) >> 2] = vector.iovecCount[f];
      vector.errno[f] = 0;
    }
    // sendmmsg stops at the first frame that fails, and the next call tells why.
    let sent = 0;
    while (sent < count) {
      const result = sendmmsg(this.socket, this.addresses.at(sent), count - sent, MSG_DONTWAIT);
      if (result > 0) sent += result;
      else vector.errno[first + sent++] = -result;
    }
  }

  /** Moves the header's fields up to the frame, over the last one, and has the first iovec begin with them. */
  private shorten(iovec: number): void {
    const { arena, surplus } = this;
    const { i32, u8 } = arena;
    const word = iovec >> 2;
    const at = (i32[word] - arena.base) | 0;
    u8.copyWithin(at + surplus, at, at + VNET_HEADER_BYTES - surplus);
    arena.writeIovec(iovec, at + surplus, i32[word + (Iovec.LENGTH >> 2)] - surplus);
  }
}
