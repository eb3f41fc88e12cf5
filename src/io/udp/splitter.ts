/**
 * Sends a bundle as the single datagrams it stands for, where the kernel cannot cut it itself: no checksum offload
 * on the route's device (EIO before Linux 6.11), zero checksums (UDP_SEGMENT refuses them), a kernel that refuses
 * good bundles, or no UDP_SEGMENT at all. The iovecs are cut at the segment boundaries; no byte is copied.
 */

import type { Arena } from '../../memory/arena.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { sendmmsg } from '../../native/libc.js';
import { MSG_DONTWAIT } from '../../native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr } from '../../native/structs.js';
import { Addresses } from '../addresses.js';
import { CONTROL_SPACE, NAME_SPACE, writeControl, writeName } from './headers.js';
import type { TransmitSocket } from './transmit-socket.js';

const MESSAGES = 64;
/** UIO_MAXIOV: a sendmsg takes no more, so no entry has more. */
const MAX_IOVECS = 1024;
/** A chunk's iovecs: those of any one datagram, and two for each of the others as a rule. */
const IOVECS = MAX_IOVECS + 2 * MESSAGES;

export class Splitter {
  /** 0, or the errno of the first datagram of the last bundle that failed; those behind it were not sent. */
  errno = 0;
  /** Datagrams of the last bundle that went out. */
  sent = 0;
  private readonly arena: Arena;
  private readonly messages: number;
  private readonly addresses: Addresses;
  private readonly iovecs: number;
  private readonly name: number;
  private readonly control: number;
  private count = 0;
  private iovecsUsed = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.messages = arena.alloc(MESSAGES * Mmsghdr.SIZE);
    this.addresses = new Addresses(arena, this.messages, Mmsghdr.SIZE, MESSAGES);
    this.iovecs = arena.alloc(IOVECS * Iovec.SIZE);
    this.name = arena.alloc(NAME_SPACE);
    this.control = arena.alloc(CONTROL_SPACE);
    for (let i = 0; i < MESSAGES; i++) {
      arena.writeAddress(this.messages + i * Mmsghdr.SIZE + Msghdr.NAME, this.name);
      arena.writeAddress(this.messages + i * Mmsghdr.SIZE + Msghdr.CONTROL, this.control);
    }
  }

  /** Sends entry `m` in segments of `segmentSize[m]`; sets `errno`; returns the number of system calls. */
  send(socket: TransmitSocket, vector: DatagramVector, m: number, tunnels: Int32Array, record: number): number {
    const { arena } = this;
    const { i32 } = arena;
    const { defaultPort, scopeId } = socket;
    const nameLength = writeName(i32, this.name, tunnels, record, defaultPort, scopeId);
    const controlLength = writeControl(i32, this.control, tunnels, record, 0, scopeId);
    const segmentSize = vector.segmentSize[m];
    this.errno = 0;
    this.sent = 0;
    this.count = 0;
    this.iovecsUsed = 0;
    let calls = 0;
    let left = vector.bytes[m];
    let iovec = vector.iovecs.at(vector.iovecStart[m]) >> 2;
    let iovecsLeft = vector.iovecCount[m];
    let done = 0; // bytes of the present iovec that went into earlier segments
    while (left > 0) {
      if (this.count === MESSAGES || this.iovecsUsed + iovecsLeft > IOVECS) {
        calls += this.flush(socket.fd);
        if (this.errno !== 0) return calls;
      }
      const first = this.iovecsUsed;
      let want = segmentSize < left ? segmentSize : left;
      left -= want;
      while (want > 0 && iovecsLeft > 0) {
        const rest = i32[iovec + 2] - done;
        const part = rest < want ? rest : want;
        // Unsigned difference of the lower halves: the arena is smaller than 2^31 bytes.
        const offset = ((i32[iovec] - arena.base) | 0) + done;
        if (part > 0) arena.writeIovec(this.iovecs + this.iovecsUsed++ * Iovec.SIZE, offset, part);
        want -= part;
        done += part;
        if (done >= i32[iovec + 2]) {
          iovec += Iovec.SIZE >> 2;
          iovecsLeft--;
          done = 0;
        }
      }
      const message = this.messages + this.count * Mmsghdr.SIZE;
      i32[(message + Msghdr.NAME_LENGTH) >> 2] = nameLength;
      arena.writeAddress(message + Msghdr.IOV, this.iovecs + first * Iovec.SIZE);
      i32[(message + Msghdr.IOV_LENGTH) >> 2] = this.iovecsUsed - first;
      i32[(message + Msghdr.CONTROL_LENGTH) >> 2] = controlLength;
      this.count++;
    }
    return calls + this.flush(socket.fd);
  }

  private flush(fd: number): number {
    let calls = 0;
    let sent = 0;
    while (sent < this.count) {
      const result = sendmmsg(fd, this.addresses.at(sent), this.count - sent, MSG_DONTWAIT);
      calls++;
      if (result <= 0) {
        this.errno = -result;
        break;
      }
      sent += result;
    }
    this.sent += sent;
    this.count = 0;
    this.iovecsUsed = 0;
    return calls;
  }
}
