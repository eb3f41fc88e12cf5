/** The worker's side of a handover: recvmmsg puts what a producer sent into the slots of a batch. */
import type { Arena } from '../../memory/arena.js';
import type { ReceivedDatagrams } from '../../memory/received.js';
import { TUNNEL_WORDS } from '../../memory/tunnel.js';
import { EAGAIN, EINTR } from '../../native/errno.js';
import { recvmmsg } from '../../native/libc.js';
import { MSG_DONTWAIT, MSG_TRUNC } from '../../native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr } from '../../native/structs.js';
import { HANDOVER_HEADER, HandoverWord } from './format.js';

export class HandoverReceiver {
  readonly fd: number;
  private readonly arena: Arena;
  private readonly capacity: number;
  private readonly messages: number;
  private readonly messagesAddress: number;
  private readonly iovecs: number;
  private readonly headers: number;
  private bound: ReceivedDatagrams | undefined;
  /** The producer's drop count as last told (32 bits, wraps). */
  private dropped: number;

  /**
   * `fd` is the receiving end, and stays the caller's. Batches of up to `capacity` entries can be received into.
   * `dropsBefore`: what another receiver has been told of already.
   */
  constructor(arena: Arena, fd: number, capacity: number, dropsBefore = 0) {
    this.dropped = dropsBefore;
    this.arena = arena;
    this.fd = fd;
    this.capacity = capacity;
    this.messages = arena.alloc(capacity * Mmsghdr.SIZE);
    this.messagesAddress = arena.address(this.messages);
    this.iovecs = arena.alloc(capacity * 2 * Iovec.SIZE);
    this.headers = arena.alloc(capacity * HANDOVER_HEADER);
  }

  /** As an underlay's. */
  receive(batch: ReceivedDatagrams): number {
    if (batch !== this.bound) this.bind(batch);
    batch.count = 0;
    batch.overflow = 0;
    const limit = batch.capacity < this.capacity ? batch.capacity : this.capacity;
    const received = recvmmsg(this.fd, this.messagesAddress, limit, MSG_DONTWAIT);
    if (received <= 0) return received === -EAGAIN || received === -EINTR ? 0 : received;
    const { i32 } = this.arena;
    let entries = 0;
    for (let i = 0; i < received; i++) {
      const message = (this.messages + i * Mmsghdr.SIZE) >> 2;
      const header = (this.headers + i * HANDOVER_HEADER) >> 2;
      const length = i32[message + (Mmsghdr.LENGTH >> 2)] - HANDOVER_HEADER;
      // Nobody but the producer has the other end; a message of its that is no datagram is not possible.
      if (length < 0) continue;
      const segmentSize = i32[header + HandoverWord.SEGMENT_SIZE];
      const record = entries * TUNNEL_WORDS;
      for (let w = 0; w < TUNNEL_WORDS; w++) batch.tunnels[record + w] = i32[header + HandoverWord.TUNNEL + w];
      batch.offset[entries] = batch.slots.data(i);
      batch.length[entries] = length;
      batch.segmentSize[entries] = segmentSize > 0 && segmentSize < length ? segmentSize : 0;
      const cut = i32[message + (Msghdr.FLAGS >> 2)] & MSG_TRUNC;
      batch.truncated[entries] = cut === 0 ? i32[header + HandoverWord.TRUNCATED] : 1;
      batch.refused[entries] = i32[header + HandoverWord.REFUSED];
      const dropped = i32[header + HandoverWord.DROPPED];
      batch.overflow += (dropped - this.dropped) >>> 0;
      this.dropped = dropped;
      entries++;
    }
    batch.count = entries;
    return entries;
  }

  /** None: the producer says what it drops with what it hands over. */
  takeOverflow(): number {
    return 0;
  }

  /** The producer's count as last told, as `dropsBefore` of who receives next. */
  get dropsTold(): readonly [fd: number, count: number] {
    return [this.fd, this.dropped];
  }

  private bind(batch: ReceivedDatagrams): void {
    const { arena } = this;
    const { i32 } = arena;
    const limit = Math.min(batch.capacity, this.capacity);
    for (let i = 0; i < limit; i++) {
      const at = this.messages + i * Mmsghdr.SIZE;
      const iovec = this.iovecs + i * 2 * Iovec.SIZE;
      arena.writeIovec(iovec, this.headers + i * HANDOVER_HEADER, HANDOVER_HEADER);
      arena.writeIovec(iovec + Iovec.SIZE, batch.slots.data(i), batch.slots.size);
      arena.writeAddress(at + Msghdr.IOV, iovec);
      i32[(at + Msghdr.IOV_LENGTH) >> 2] = 2;
    }
    this.bound = batch;
  }
}
