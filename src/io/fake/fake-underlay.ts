/** An underlay in memory: for tests of what stands above it, and for endpoints without a host (lab/). Allocates freely. */

import type { Arena } from '../../memory/arena.js';
import type { ReceivedDatagrams } from '../../memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { EAFNOSUPPORT, EINVAL } from '../../native/errno.js';
import type { Underlay } from '../device.js';
import { gather } from './fake-port.js';

export type TunnelFields = Readonly<Partial<Record<keyof typeof TunnelWord, number>>>;

/** A datagram, or with `segmentSize` a bundle, that the network delivers. */
export interface NetworkDatagram {
  readonly bytes: Uint8Array;
  /** Words of its tunnel record; of an address, the first word (set the others in `words`). FAMILY is 4 unless given. */
  readonly tunnel?: TunnelFields;
  /** The whole record, instead of `tunnel`. */
  readonly words?: Int32Array;
  readonly segmentSize?: number;
  readonly truncated?: boolean;
  /** The number of the reason for which the underlay refuses it. */
  readonly refused?: number;
}

/** An entry that was sent. */
export interface SentDatagram {
  readonly bytes: Uint8Array;
  /** Copy of the 16 words of its tunnel record. */
  readonly tunnel: Int32Array;
  readonly segmentSize: number;
  readonly segments: number;
  readonly hash: number;
}

export class FakeUnderlay implements Underlay {
  readonly receiveFds: readonly number[];
  /** What `receive` will hand over, for each of the descriptors, the first one first. */
  readonly incoming: readonly NetworkDatagram[][];
  /** What was sent, the first one first. */
  readonly sent: SentDatagram[] = [];
  /** Overflow that the next `receive` tells. */
  overflow = 0;
  private readonly arena: Arena;

  /** `sockets` descriptors, all -1: ppoll passes over them. */
  constructor(arena: Arena, sockets = 1) {
    this.arena = arena;
    this.receiveFds = new Array<number>(sockets).fill(-1);
    this.incoming = Array.from({ length: sockets }, () => []);
  }

  receive(which: number, batch: ReceivedDatagrams): number {
    batch.count = 0;
    batch.overflow = this.overflow;
    this.overflow = 0;
    const queue = this.incoming[which];
    if (queue === undefined) return -EINVAL;
    // Taken away together: to shift each one moves all that wait.
    for (const datagram of queue.splice(0, batch.capacity)) {
      const i = batch.count++;
      const record = i * TUNNEL_WORDS;
      batch.offset[i] = batch.slots.data(i);
      this.arena.u8.set(datagram.bytes, batch.offset[i]);
      batch.length[i] = datagram.bytes.length;
      batch.segmentSize[i] = datagram.segmentSize ?? 0;
      batch.truncated[i] = datagram.truncated === true ? 1 : 0;
      batch.refused[i] = datagram.refused ?? 0;
      if (datagram.words !== undefined) {
        for (let w = 0; w < TUNNEL_WORDS; w++) batch.tunnels[record + w] = datagram.words[w] ?? 0;
        continue;
      }
      batch.tunnels.fill(0, record, record + TUNNEL_WORDS);
      batch.tunnels[record + TunnelWord.FAMILY] = 4;
      for (const [name, value] of Object.entries(datagram.tunnel ?? {}))
        batch.tunnels[record + TunnelWord[name as keyof typeof TunnelWord]] = value;
    }
    return batch.count;
  }

  takeOverflow(): number {
    return 0;
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    for (let m = 0; m < vector.count; m++) {
      const at = vector.destination[m] * TUNNEL_WORDS;
      const tunnel = tunnels.slice(at, at + TUNNEL_WORDS);
      const family = tunnel[TunnelWord.FAMILY];
      vector.errno[m] = family === 4 || family === 6 ? 0 : EAFNOSUPPORT;
      if (vector.errno[m] !== 0) continue;
      this.sent.push({
        bytes: gather(this.arena, vector.iovecs.at(vector.iovecStart[m]), vector.iovecCount[m]),
        tunnel,
        segmentSize: vector.segmentSize[m],
        segments: vector.segments[m],
        hash: vector.hash[m],
      });
    }
    return vector.count === 0 ? 0 : 1;
  }
}

/** The datagrams that an entry stands for on the wire. */
export function segmentsOf(sent: SentDatagram): Uint8Array[] {
  if (sent.segmentSize === 0) return [sent.bytes];
  const segments: Uint8Array[] = [];
  for (let at = 0; at < sent.bytes.length; at += sent.segmentSize)
    segments.push(sent.bytes.subarray(at, at + sent.segmentSize));
  return segments;
}
