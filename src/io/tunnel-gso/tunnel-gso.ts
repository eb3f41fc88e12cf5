/**
 * Sending super-frames in one piece: behind outer headers of our own they are written to a TAP that nobody else
 * uses, and the host forwards them to the underlay. The kernel cuts them where its own vxlan device would have them
 * cut: in the device of the underlay, or just before it, or, to a peer on the same machine, never.
 *
 * A socket cannot do that: UDP_SEGMENT cuts the outer datagram, so that every segment has to be complete before.
 *
 * Writing to the TAP runs the host's forwarding to its end, as sendmsg runs its sending, so what is written and what
 * is sent through sockets leaves in the order of the calls.
 */
import type { Arena } from '../../memory/arena.js';
import { GSO_ECN, GSO_NONE, GSO_UDP_L4 } from '../../memory/packets.js';
import { TUNNEL_DONT_FRAGMENT, TunnelWord } from '../../memory/tunnel.js';
import { type DatagramVector, FOLLOWS } from '../../memory/vectors.js';
import { EAGAIN, EINTR, EMSGSIZE, ENOBUFS, ENODEV, ENOMEM } from '../../native/errno.js';
import { writev } from '../../native/libc.js';
import { Iovec } from '../../native/structs.js';
import { TunnelVnetHeader } from '../../native/tun-constants.js';
import { TCP_CHECKSUM } from '../../wire/tcp.js';
import { UDP_CHECKSUM } from '../../wire/udp.js';
import { Addresses } from '../addresses.js';
import { type DefaultHopLimit, FORWARD_PATHS_BYTES, ForwardPaths } from './forward-paths.js';
import { OUTER_BYTES_IPV4, OUTER_BYTES_IPV6, type OuterFrame, writeOuterFrame } from './outer-frame.js';

/** What the control thread opened (open-tunnel-gso.ts): plain data, and a descriptor that stays its own. */
export interface TunnelGsoParts {
  readonly fd: number;
  /** Index and hardware address of the TAP. */
  readonly ifindex: number;
  readonly address: Uint8Array;
  /** Families of outer headers that the host forwards. */
  readonly families: readonly (4 | 6)[];
}

/** Iovecs of a write: the outer headers, and those of an entry. */
const IOVECS = 8;
const HEADERS = 96;
/** Bytes of arena that it needs. */
export const TUNNEL_GSO_BYTES = FORWARD_PATHS_BYTES + IOVECS * Iovec.SIZE + HEADERS + 256;

export class TunnelGso {
  /** Errno for which it was given up, or 0. Everything goes through the sockets from then on. */
  failure = 0;
  private readonly arena: Arena;
  private readonly fd: number;
  private readonly takes4: boolean;
  private readonly takes6: boolean;
  private readonly paths: ForwardPaths;
  private readonly headers: number;
  private readonly iovecs: number;
  private readonly iovecsAddress: Addresses;
  private id = (Math.random() * 0x10000) | 0;
  private readonly frame: OuterFrame = {
    payload: 0,
    sourcePort: 0,
    destinationPort: 0,
    id: 0,
    gsoType: 0,
    gsoSize: 0,
    innerNetwork: 0,
    innerTransport: 0,
    innerPayload: 0,
    checksumOffset: 0,
  };

  /** Throws a SystemError where there is no rtnetlink. */
  constructor(arena: Arena, parts: TunnelGsoParts) {
    this.arena = arena;
    this.fd = parts.fd;
    this.takes4 = parts.families.includes(4);
    this.takes6 = parts.families.includes(6);
    this.paths = new ForwardPaths(arena, parts.ifindex);
    this.headers = arena.alloc(HEADERS);
    this.iovecs = arena.alloc(IOVECS * Iovec.SIZE);
    this.iovecsAddress = new Addresses(arena, this.iovecs, Iovec.SIZE, 1);
    // The frame is for the TAP itself, so that its host takes it; where it comes from says nothing.
    arena.u8.set(parts.address.subarray(0, 6), this.headers + TunnelVnetHeader.SIZE);
  }

  /** The descriptor stays its owner's. */
  close(): void {
    this.paths.close();
  }

  /** Completes the record at word `record`, and is true, where what is sent there can go this way (ForwardPaths). */
  complete(tunnels: Int32Array, record: number, hopLimit: DefaultHopLimit): boolean {
    const four = tunnels[record + TunnelWord.FAMILY] === 4;
    if (this.failure !== 0 || !(four ? this.takes4 : this.takes6)) return false;
    const completed = this.paths.complete(tunnels, record, hopLimit);
    if (this.paths.gone) this.failure = ENODEV;
    return completed;
  }

  /**
   * Sends the super-frame, or the datagram that FOLLOWS, that is entry `m`, whose record at word `record` is complete.
   * Returns 0 or the errno; an errno that does not pass is `failure` too.
   */
  send(vector: DatagramVector, m: number, tunnels: Int32Array, record: number, from: number, to: number): number {
    const { frame } = this;
    frame.gsoType = vector.gsoType[m] === FOLLOWS ? GSO_NONE : vector.gsoType[m];
    frame.gsoSize = vector.gsoSize[m];
    frame.innerNetwork = vector.innerNetwork[m];
    frame.innerTransport = vector.innerTransport[m];
    frame.innerPayload = vector.innerPayload[m];
    frame.checksumOffset = (frame.gsoType & ~GSO_ECN) === GSO_UDP_L4 ? UDP_CHECKSUM : TCP_CHECKSUM;
    return this.write(vector, m, tunnels, record, from, to);
  }

  private write(
    vector: DatagramVector,
    m: number,
    tunnels: Int32Array,
    record: number,
    from: number,
    to: number,
  ): number {
    const { arena, frame, headers, iovecs } = this;
    const { i32 } = arena;
    const count = vector.iovecCount[m];
    if (count >= IOVECS) return EMSGSIZE;
    const words = Iovec.SIZE >> 2;
    const source = vector.iovecs.at(vector.iovecStart[m]) >> 2;
    const target = (iovecs >> 2) + words;
    for (let w = 0; w < count * words; w++) i32[target + w] = i32[source + w];
    let payload = 0;
    for (let n = 0; n < count; n++) payload += i32[source + n * words + (Iovec.LENGTH >> 2)];
    frame.payload = payload;
    frame.sourcePort = from;
    frame.destinationPort = to;
    // Without DF every datagram has an id of its own, from a series of our own; with it the sockets' say 0.
    frame.id = (tunnels[record + TunnelWord.FLAGS] & TUNNEL_DONT_FRAGMENT) !== 0 ? 0 : this.id;
    this.id = (this.id + vector.segments[m]) & 0xffff;
    writeOuterFrame(arena.u8, headers, tunnels, record, frame);
    const four = tunnels[record + TunnelWord.FAMILY] === 4;
    arena.writeIovec(iovecs, headers, four ? OUTER_BYTES_IPV4 : OUTER_BYTES_IPV6);
    let result: number;
    do result = writev(this.fd, this.iovecsAddress.at(0), count + 1);
    while (result === -EINTR);
    if (result >= 0) return 0;
    if (!passes(-result)) this.failure = -result;
    return -result;
  }
}

/** Whether another try may be met better. */
function passes(errno: number): boolean {
  return errno === EAGAIN || errno === ENOBUFS || errno === ENOMEM;
}
