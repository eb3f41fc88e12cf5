/** The producer's side of a handover: gathers datagrams and sends them with one system call. */
import { TUNNEL_WORDS } from '../../memory/tunnel.js';
import { EINTR } from '../../native/errno.js';
import { sendmmsg } from '../../native/libc.js';
import { NativeBuffer } from '../../native/scratch.js';
import { MSG_DONTWAIT } from '../../native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr } from '../../native/structs.js';
import { HANDOVER_HEADER, HandoverWord } from './format.js';

/** Datagrams that are gathered at most. */
export const HANDOVER_BATCH = 32;
/** Bytes for the longest packet with all of its outer headers, a multiple of 64. */
export const HANDOVER_SLOT = 65536 + 256;

const HEADERS_AT = HANDOVER_BATCH * HANDOVER_SLOT;
const IOVECS_AT = HEADERS_AT + HANDOVER_BATCH * HANDOVER_HEADER;
const MESSAGES_AT = IOVECS_AT + HANDOVER_BATCH * 2 * Iovec.SIZE;

export class HandoverWriter {
  /** Where packets are put before they are parsed: `slot` tells at which offset. */
  readonly bytes: Uint8Array;
  /** The tunnel record of the datagram that `push` will hand over stands here, from word `record` on. */
  readonly words: Int32Array;
  private readonly fd: number;
  private readonly memory = new NativeBuffer(MESSAGES_AT + HANDOVER_BATCH * Mmsghdr.SIZE);
  private count = 0;
  private dropped = 0;

  /** `fd` is the sending end of the pair, and stays the caller's. */
  constructor(fd: number) {
    this.fd = fd;
    this.bytes = this.memory.bytes;
    this.words = new Int32Array(this.memory.bytes.buffer);
    for (let i = 0; i < HANDOVER_BATCH; i++) this.prepare(i);
  }

  /** Offset in `bytes` of HANDOVER_SLOT free bytes for the next packet. */
  get slot(): number {
    return this.count * HANDOVER_SLOT;
  }

  /** The slot as the packages want it: a Buffer over the same bytes. */
  slotBuffers(): Buffer[] {
    return Array.from({ length: HANDOVER_BATCH }, (_, i) =>
      Buffer.from(this.memory.bytes.buffer, i * HANDOVER_SLOT, HANDOVER_SLOT),
    );
  }

  /** Which slot that is: 0 … HANDOVER_BATCH - 1. */
  get index(): number {
    return this.count;
  }

  /** Word offset of the record of the next datagram. */
  get record(): number {
    return (HEADERS_AT + this.count * HANDOVER_HEADER) >> 2;
  }

  /** Counts datagrams that were lost before they came here. */
  addDropped(datagrams: number): void {
    this.dropped = (this.dropped + datagrams) | 0;
  }

  /**
   * Hands over `length` bytes of UDP payload at offset `at` of the slot's bytes, under the record that the caller has
   * filled in; with a `refused` reason no byte of it. Sends when HANDOVER_BATCH are gathered.
   */
  push(at: number, length: number, refused: number, segmentSize: number, truncated: boolean): void {
    const header = this.record;
    this.words[header + HandoverWord.REFUSED] = refused;
    this.words[header + HandoverWord.SEGMENT_SIZE] = segmentSize;
    this.words[header + HandoverWord.TRUNCATED] = truncated ? 1 : 0;
    const payload = IOVECS_AT + (this.count * 2 + 1) * Iovec.SIZE;
    this.memory.pointer(payload + Iovec.BASE, this.memory, at);
    this.memory.view.setUint32(payload + Iovec.LENGTH, refused === 0 ? length : 0, true);
    this.count++;
    if (this.count === HANDOVER_BATCH) this.flush();
  }

  /** Sends what is gathered; what the queue has no room for is dropped and counted. */
  flush(): void {
    const { count } = this;
    if (count === 0) return;
    this.count = 0;
    for (let i = 0; i < count; i++)
      this.words[((HEADERS_AT + i * HANDOVER_HEADER) >> 2) + HandoverWord.DROPPED] = this.dropped;
    let sent = 0;
    while (sent < count) {
      const result = sendmmsg(
        this.fd,
        this.memory.address + MESSAGES_AT + sent * Mmsghdr.SIZE,
        count - sent,
        MSG_DONTWAIT,
      );
      if (result > 0) sent += result;
      else if (result !== -EINTR) break;
    }
    this.addDropped(count - sent);
  }

  /** Empties the record of the next datagram. */
  clearRecord(): void {
    const at = this.record;
    this.words.fill(0, at, at + TUNNEL_WORDS);
  }

  private prepare(i: number): void {
    const { memory } = this;
    const message = MESSAGES_AT + i * Mmsghdr.SIZE;
    const iovec = IOVECS_AT + i * 2 * Iovec.SIZE;
    memory.pointer(iovec + Iovec.BASE, memory, HEADERS_AT + i * HANDOVER_HEADER);
    memory.view.setUint32(iovec + Iovec.LENGTH, HANDOVER_HEADER, true);
    memory.pointer(message + Msghdr.IOV, memory, iovec);
    memory.view.setUint32(message + Msghdr.IOV_LENGTH, 2, true);
  }
}
