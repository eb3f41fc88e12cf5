/** The receiving half of one UDP socket: a recvmmsg call fills a batch, without copying and without garbage. */

import type { Arena } from '../../memory/arena.js';
import type { ReceivedDatagrams } from '../../memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { EAGAIN, EINTR } from '../../native/errno.js';
import { recvmmsg } from '../../native/libc.js';
import { MSG_DONTWAIT, MSG_TRUNC } from '../../native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr, SockaddrIn6 } from '../../native/structs.js';
import { swap16, swap32 } from './byte-order.js';
import { ControlMessages } from './control-messages.js';
import { QueueDrops } from './queue-drops.js';
import type { UdpSockets } from './sockets.js';

/** Bytes for a socket address, a multiple of 8. */
const NAME_SPACE = 32;
/** Four control messages take at most 112 bytes; the rest is for what a later kernel may add. */
const CONTROL_SPACE = 256;

/** Receive calls after which the kernel is asked what the queue has lost, though nothing hints at it. */
const CALLS = 256;

/** What is needed to know of a receive socket. */
export type ReceiveSocket = Pick<UdpSockets, 'receiveFd' | 'family' | 'port'> & { readonly dropsBefore?: number };

export class UdpReceiver {
  private readonly arena: Arena;
  private readonly fd: number;
  private readonly family: 4 | 6;
  private readonly port: number;
  private readonly capacity: number;
  private readonly messages: number;
  private readonly messagesAddress: number;
  private readonly iovecs: number;
  private readonly names: number;
  private readonly controls: number;
  private readonly control = new ControlMessages();
  private bound: ReceivedDatagrams | undefined;
  private readonly drops: QueueDrops;
  /** Receive calls since the kernel was asked what the queue has lost. */
  private calls = 0;
  /** The last batch was full: more may have waited than the queue holds. */
  private pressed = false;

  /** Batches of up to `capacity` entries of the same arena can be received into. */
  constructor(arena: Arena, sockets: ReceiveSocket, capacity: number) {
    this.arena = arena;
    this.fd = sockets.receiveFd;
    this.family = sockets.family;
    this.port = sockets.port;
    this.capacity = capacity;
    this.messages = arena.alloc(capacity * Mmsghdr.SIZE);
    this.messagesAddress = arena.address(this.messages);
    this.iovecs = arena.alloc(capacity * Iovec.SIZE);
    this.names = arena.alloc(capacity * NAME_SPACE);
    this.controls = arena.alloc(capacity * CONTROL_SPACE);
    this.drops = new QueueDrops(arena, sockets.receiveFd, sockets.dropsBefore ?? 0);
  }

  receive(batch: ReceivedDatagrams): number {
    if (batch !== this.bound) this.bind(batch);
    batch.count = 0;
    batch.overflow = 0;
    const limit = batch.capacity < this.capacity ? batch.capacity : this.capacity;
    const received = recvmmsg(this.fd, this.messagesAddress, limit, MSG_DONTWAIT);
    // A queue overflows behind full batches: when they end is the time to ask, and now and then meanwhile.
    if (++this.calls >= CALLS || (this.pressed && received < limit)) batch.overflow = this.takeOverflow();
    this.pressed = received === limit;
    if (received <= 0) return received === -EAGAIN || received === -EINTR ? 0 : received;
    for (let i = 0; i < received; i++) this.take(batch, i);
    batch.count = received;
    return received;
  }

  /** Datagrams that the queue has lost and nobody was told of; asks the kernel. */
  takeOverflow(): number {
    this.calls = 0;
    return this.drops.take();
  }

  /** How much of it has been told, as `dropsBefore` of who receives next. */
  get dropsTold(): readonly [fd: number, count: number] {
    return [this.fd, this.drops.told];
  }

  private take(batch: ReceivedDatagrams, i: number): void {
    const { i32 } = this.arena;
    const { tunnels } = batch;
    const message = (this.messages + i * Mmsghdr.SIZE) >> 2;
    const record = i * TUNNEL_WORDS;
    for (let w = 0; w < TUNNEL_WORDS; w++) tunnels[record + w] = 0;
    tunnels[record + TunnelWord.FAMILY] = this.family;
    tunnels[record + TunnelWord.DST_PORT] = this.port;
    const name = (this.names + i * NAME_SPACE) >> 2;
    tunnels[record + TunnelWord.SRC_PORT] = swap16(i32[name] >>> 16);
    if (this.family === 4) {
      tunnels[record + TunnelWord.SRC_IP] = swap32(i32[name + 1]);
    } else {
      tunnels[record + TunnelWord.SRC_IP] = swap32(i32[name + 2]);
      tunnels[record + TunnelWord.SRC_IP + 1] = swap32(i32[name + 3]);
      tunnels[record + TunnelWord.SRC_IP + 2] = swap32(i32[name + 4]);
      tunnels[record + TunnelWord.SRC_IP + 3] = swap32(i32[name + 5]);
    }
    const { control } = this;
    control.read(i32, this.controls + i * CONTROL_SPACE, i32[message + (Msghdr.CONTROL_LENGTH >> 2)], tunnels, record);
    const length = i32[message + (Mmsghdr.LENGTH >> 2)];
    batch.offset[i] = batch.slots.data(i);
    batch.length[i] = length;
    batch.segmentSize[i] = control.segmentSize > 0 && control.segmentSize < length ? control.segmentSize : 0;
    batch.truncated[i] = (i32[message + (Msghdr.FLAGS >> 2)] & MSG_TRUNC) === 0 ? 0 : 1;
    batch.refused[i] = 0;
    // The kernel shortened both; the next call needs the room again.
    i32[message + (Msghdr.NAME_LENGTH >> 2)] = SockaddrIn6.SIZE;
    i32[message + (Msghdr.CONTROL_LENGTH >> 2)] = CONTROL_SPACE;
  }

  /** Points the message headers at the slots of a batch: once for the one batch of a worker. */
  private bind(batch: ReceivedDatagrams): void {
    const { arena } = this;
    const { i32 } = arena;
    const limit = Math.min(batch.capacity, this.capacity);
    for (let i = 0; i < limit; i++) {
      const at = this.messages + i * Mmsghdr.SIZE;
      const iovec = this.iovecs + i * Iovec.SIZE;
      arena.writeIovec(iovec, batch.slots.data(i), batch.slots.size);
      arena.writeAddress(at + Msghdr.NAME, this.names + i * NAME_SPACE);
      i32[(at + Msghdr.NAME_LENGTH) >> 2] = SockaddrIn6.SIZE;
      arena.writeAddress(at + Msghdr.IOV, iovec);
      i32[(at + Msghdr.IOV_LENGTH) >> 2] = 1;
      arena.writeAddress(at + Msghdr.CONTROL, this.controls + i * CONTROL_SPACE);
      i32[(at + Msghdr.CONTROL_LENGTH) >> 2] = CONTROL_SPACE;
    }
    this.bound = batch;
  }
}
