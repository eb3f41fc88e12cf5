/** For tests: an underlay with batch and vector on loopback, and a wait with a deadline. */

import { Arena } from '../../memory/arena.js';
import { ReceivedDatagrams } from '../../memory/received.js';
import { TUNNEL_CSUM, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { DatagramVector } from '../../memory/vectors.js';
import { must } from '../../native/errno.js';
import { ppoll } from '../../native/libc.js';
import { NativeBuffer } from '../../native/scratch.js';
import { POLLIN } from '../../native/socket-constants.js';
import { Pollfd, Timespec } from '../../native/structs.js';
import { closeUdpSockets, openUdpSockets, type UdpSocketOptions, type UdpSockets } from '../udp/sockets.js';
import { UdpUnderlay } from '../udp/underlay.js';

const poll = new NativeBuffer(64);

/** Waits until `fd` can be read, at most `milliseconds`; false where the time ran out. Blocks the thread. */
export function readable(fd: number, milliseconds = 5000): boolean {
  poll.view.setInt32(Pollfd.FD, fd, true);
  poll.view.setInt16(Pollfd.EVENTS, POLLIN, true);
  poll.view.setBigInt64(16 + Timespec.SECONDS, BigInt(Math.floor(milliseconds / 1000)), true);
  poll.view.setBigInt64(16 + Timespec.NANOSECONDS, BigInt((milliseconds % 1000) * 1e6), true);
  return must(ppoll(poll.address, 1, poll.address + 16), 'ppoll') > 0;
}

/** The words of an address of 4 or 16 bytes, as tunnel records have them. */
export function addressWords(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = [0, 0, 0, 0];
  for (let i = 0; i < bytes.length; i += 4) words[i / 4] = view.getInt32(i, false);
  return words;
}

export const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
export const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** One endpoint: sockets, underlay, a batch of 64 and a vector of 256, all in one arena. */
export class Endpoint {
  readonly arena = new Arena(32 << 20);
  readonly sockets: UdpSockets;
  readonly underlay: UdpUnderlay;
  readonly batch = new ReceivedDatagrams(this.arena, 64, 0);
  readonly vector = new DatagramVector(this.arena, 256, 4096, 4096);
  /** Room for 16 records to send to. */
  readonly tunnels = this.arena.column(16 * TUNNEL_WORDS);
  private readonly bytes = this.arena.alloc(1 << 20);
  private used = 0;

  /** `bundles` false: whatever is sent leaves as single datagrams, as from a kernel without UDP_SEGMENT. */
  constructor(family: 4 | 6, options: Partial<UdpSocketOptions> = {}, bundles = true) {
    const sockets = openUdpSockets({
      family,
      port: 0,
      local: family === 4 ? LOOPBACK4 : LOOPBACK6,
      receiveBuffer: 4 << 20,
      sendBuffer: 4 << 20,
      sourcePorts: 4,
      ...options,
    });
    this.sockets = { ...sockets, segmentation: sockets.segmentation && bundles };
    this.underlay = new UdpUnderlay(this.arena, [this.sockets], { receive: 64, send: 256 });
  }

  close(): void {
    closeUdpSockets(this.sockets);
  }

  /** Writes record `i`: to `port` on loopback, with the words of `more` over it. */
  record(i: number, port: number, more: Partial<Record<keyof typeof TunnelWord, number>> = {}): void {
    const { family } = this.sockets;
    const at = i * TUNNEL_WORDS;
    this.tunnels.fill(0, at, at + TUNNEL_WORDS);
    this.tunnels[at + TunnelWord.FAMILY] = family;
    this.tunnels[at + TunnelWord.FLAGS] = TUNNEL_CSUM;
    this.tunnels.set(addressWords(family === 4 ? LOOPBACK4 : LOOPBACK6), at + TunnelWord.DST_IP);
    this.tunnels[at + TunnelWord.DST_PORT] = port;
    for (const [name, value] of Object.entries(more))
      this.tunnels[at + TunnelWord[name as keyof typeof TunnelWord]] = value;
  }

  /** Adds an entry whose payload is `parts` joined, each in an iovec of its own. */
  add(parts: readonly Uint8Array[], destination = 0, hash = 0, segmentSize = 0): number {
    const { vector } = this;
    const m = vector.count++;
    vector.iovecStart[m] = vector.iovecs.used;
    vector.iovecCount[m] = parts.length;
    let bytes = 0;
    for (const part of parts) {
      const at = this.bytes + this.used;
      this.arena.u8.set(part, at);
      this.used += part.length;
      vector.iovecs.add(at, part.length);
      bytes += part.length;
    }
    vector.bytes[m] = bytes;
    vector.segmentSize[m] = segmentSize;
    vector.segments[m] = segmentSize === 0 ? 1 : Math.ceil(bytes / segmentSize);
    vector.destination[m] = destination;
    vector.hash[m] = hash;
    vector.errno[m] = -1;
    return m;
  }

  send(): number {
    return this.underlay.send(this.vector, this.tunnels);
  }

  clear(): void {
    this.vector.reset();
    this.used = 0;
  }

  errnos(): number[] {
    return [...this.vector.errno.subarray(0, this.vector.count)];
  }

  /** The payload of entry `i` of the batch. */
  payload(i: number): Uint8Array {
    const { offset, length } = this.batch;
    return this.arena.u8.slice(offset[i], offset[i] + length[i]);
  }

  /** Receives until `datagrams` have come (bundles count as what they hold), or the deadline; datagram by datagram. */
  collect(datagrams: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    while (all.length < datagrams && readable(this.sockets.receiveFd)) {
      must(this.underlay.receive(0, this.batch), 'receive');
      for (let i = 0; i < this.batch.count; i++) {
        const payload = this.payload(i);
        const size = this.batch.segmentSize[i] === 0 ? payload.length : this.batch.segmentSize[i];
        for (let at = 0; at < payload.length; at += size) all.push(payload.subarray(at, at + size));
      }
    }
    return all;
  }
}
