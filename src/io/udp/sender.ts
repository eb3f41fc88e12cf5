/**
 * The transmitting half of a UDP underlay. The entries of a vector are dealt into lanes, one for each source port
 * and mode, by the upper bits of their flow hash, and each lane is sent with as few sendmmsg calls as it takes. Order
 * within a lane is that of the vector. So it is within a flow: where one changes its mode (DF inherited from the inner
 * header, say) what was dealt out before is sent first.
 *
 * Single datagrams of a lane that can be strung together are (bundler.ts); where the kernel refuses a bundle, its
 * datagrams are sent one by one.
 *
 * sendmmsg stops at the first message that fails and tells how many went before it; the next call begins with that
 * message and tells why. So a failure costs one call and stops nobody else's datagrams.
 */

import type { Arena } from '../../memory/arena.js';
import { GSO_NONE } from '../../memory/packets.js';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { EAFNOSUPPORT, EINVAL, EIO, EMSGSIZE } from '../../native/errno.js';
import { sendmmsg } from '../../native/libc.js';
import { MSG_DONTWAIT } from '../../native/socket-constants.js';
import { Mmsghdr, Msghdr } from '../../native/structs.js';
import { Addresses } from '../addresses.js';
import type { TunnelGso } from '../tunnel-gso/tunnel-gso.js';
import { Bundler } from './bundler.js';
import { CONTROL_SPACE, NAME_SPACE, writeControl, writeName } from './headers.js';
import { Splitter } from './splitter.js';
import { MODE_DONT_FRAGMENT, MODE_NO_CHECKSUM, MODES, modeOf, type TransmitSocket } from './transmit-socket.js';

/** Messages of one sendmmsg call. */
const GROUP = 64;
/** Iovecs of the bundles of a group: 64 messages of 64 datagrams of two parts each would be twice as many. */
const BUNDLE_IOVECS = 4096;
const NOBODY = -1;
/**
 * Modes of flows that are noted, by the lower bits of their hash, for each family by others: copies of one frame for many
 * remotes have one hash, and no order. A power of two.
 */
const NOTED = 256;

export class UdpSender {
  /** Messages handed to sendmmsg since the start; those of the splitter and of refused bundles not counted. */
  messagesSent = 0;
  private readonly arena: Arena;
  private readonly sockets: readonly TransmitSocket[];
  /** Where the sockets of each family begin, and how many they are. */
  private readonly first4: number;
  private readonly count4: number;
  private readonly first6: number;
  private readonly count6: number;
  private readonly head: Int32Array;
  private readonly tail: Int32Array;
  private readonly next: Int32Array;
  private readonly busy: Int32Array;
  /** By NOTED: the deal in which an entry came under it, and the mode of all of that deal that did. */
  private readonly noted = new Int32Array(NOTED);
  private deals = 0;
  /** The entry that the next deal begins with. */
  private undealt = 0;
  private readonly messages: number;
  private readonly addresses: Addresses;
  private readonly names: number;
  private readonly controls: number;
  /** First vector entry of each message of the group, and how many entries it bundles. */
  private readonly entries: Int32Array;
  private readonly bundled: Int32Array;
  private readonly bundler: Bundler;
  private readonly splitter: Splitter;
  private readonly gso: TunnelGso | null;
  private calls = 0;

  /**
   * `sockets`: those of one family first, then those of the other. `capacity`: entries of the largest vector. `gso`:
   * what sends the entries that are super-frames; null: there are none.
   */
  constructor(arena: Arena, sockets: readonly TransmitSocket[], capacity: number, gso: TunnelGso | null = null) {
    this.arena = arena;
    this.gso = gso;
    this.sockets = sockets;
    this.first4 = sockets.findIndex((socket) => socket.family === 4);
    this.first6 = sockets.findIndex((socket) => socket.family === 6);
    this.count4 = sockets.filter((socket) => socket.family === 4).length;
    this.count6 = sockets.length - this.count4;
    const lanes = sockets.length * MODES;
    this.head = arena.column(lanes).fill(NOBODY);
    this.tail = arena.column(lanes);
    this.busy = arena.column(lanes);
    this.next = arena.column(capacity);
    this.entries = arena.column(GROUP);
    this.bundled = arena.column(GROUP);
    this.bundler = new Bundler(arena, BUNDLE_IOVECS);
    // one more than a group has, for a datagram that is sent alone while a group is under way
    this.messages = arena.alloc((GROUP + 1) * Mmsghdr.SIZE);
    this.addresses = new Addresses(arena, this.messages, Mmsghdr.SIZE, GROUP + 1);
    this.names = arena.alloc((GROUP + 1) * NAME_SPACE);
    this.controls = arena.alloc((GROUP + 1) * CONTROL_SPACE);
    this.splitter = new Splitter(arena);
  }

  /** The source port of a flow; 0: there are no sockets of the family. */
  sourcePort(family: number, hash: number): number {
    const sockets = this.sockets.filter((socket) => socket.family === family);
    return sockets[((hash >>> 16) * sockets.length) >>> 16]?.port ?? 0;
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    this.calls = 0;
    this.undealt = 0;
    do {
      const busy = this.deal(vector, tunnels);
      for (let b = 0; b < busy; b++) {
        const lane = this.busy[b];
        const socket = this.sockets[(lane / MODES) | 0];
        const mode = lane % MODES;
        this.calls += socket.enter(mode);
        this.sendLane(socket, mode, vector, tunnels, this.head[lane]);
        this.head[lane] = NOBODY;
      }
    } while (this.undealt < vector.count);
    return this.calls;
  }

  /** Chains entries to their lanes, as far as no flow has two; returns the number of lanes in use. */
  private deal(vector: DatagramVector, tunnels: Int32Array): number {
    let busy = 0;
    this.deals = (this.deals + 1) & 0xffffff;
    const deal = this.deals * MODES;
    let m = this.undealt;
    for (; m < vector.count; m++) {
      const record = vector.destination[m] * TUNNEL_WORDS;
      const family = tunnels[record + TunnelWord.FAMILY];
      const count = family === 4 ? this.count4 : family === 6 ? this.count6 : 0;
      if (count === 0) {
        vector.errno[m] = EAFNOSUPPORT;
        continue;
      }
      const mode = modeOf(tunnels[record + TunnelWord.FLAGS], family);
      const note = (vector.hash[m] ^ family) & (NOTED - 1);
      const before = this.noted[note];
      if (before !== deal + mode && (before & -MODES) === deal) break;
      this.noted[note] = deal + mode;
      vector.errno[m] = 0;
      vector.sentBefore[m] = 0;
      const socket = (family === 4 ? this.first4 : this.first6) + (((vector.hash[m] >>> 16) * count) >>> 16);
      const lane = socket * MODES + mode;
      if (this.head[lane] === NOBODY) {
        this.head[lane] = m;
        this.busy[busy++] = lane;
      } else {
        this.next[this.tail[lane]] = m;
      }
      this.tail[lane] = m;
      this.next[m] = NOBODY;
    }
    this.undealt = m;
    return busy;
  }

  private sendLane(
    socket: TransmitSocket,
    mode: number,
    vector: DatagramVector,
    tunnels: Int32Array,
    head: number,
  ): void {
    let group = 0;
    // Neighbours with one destination and segment size share name and control messages.
    let sharedDestination = -1;
    let sharedSegment = -1;
    let shared = 0;
    let nameLength = 0;
    let controlLength = 0;
    const { bundler } = this;
    let count = 1;
    for (let m = head; m !== NOBODY; m = this.after(m, count)) {
      count = 1;
      const record = vector.destination[m] * TUNNEL_WORDS;
      if (this.gso !== null && vector.gsoType[m] !== GSO_NONE) {
        this.flush(socket, mode, vector, tunnels, group);
        group = 0;
        sharedDestination = -1;
        const to = tunnels[record + TunnelWord.DST_PORT] || socket.defaultPort;
        vector.errno[m] = this.gso.send(vector, m, tunnels, record, socket.port, to);
        this.calls++;
        continue;
      }
      const cuts = socket.segmentation && (mode & MODE_NO_CHECKSUM) === 0;
      let segmentSize = vector.segmentSize[m] < vector.bytes[m] ? vector.segmentSize[m] : 0;
      if (segmentSize !== 0 && !cuts) {
        this.flush(socket, mode, vector, tunnels, group);
        group = 0;
        sharedDestination = -1;
        this.split(socket, vector, m, tunnels, record);
        continue;
      }
      if (segmentSize === 0 && cuts && bundler.gather(vector, m, this.next)) {
        count = bundler.count;
        segmentSize = vector.bytes[m];
      }
      const { arena } = this;
      const { i32 } = arena;
      if (vector.destination[m] !== sharedDestination || segmentSize !== sharedSegment) {
        shared = group;
        sharedDestination = vector.destination[m];
        sharedSegment = segmentSize;
        const { defaultPort, scopeId } = socket;
        nameLength = writeName(i32, this.names + group * NAME_SPACE, tunnels, record, defaultPort, scopeId);
        controlLength = writeControl(i32, this.controls + group * CONTROL_SPACE, tunnels, record, segmentSize, scopeId);
      }
      const message = this.messages + group * Mmsghdr.SIZE;
      arena.writeAddress(message + Msghdr.NAME, this.names + shared * NAME_SPACE);
      i32[(message + Msghdr.NAME_LENGTH) >> 2] = nameLength;
      arena.writeAddress(message + Msghdr.IOV, count > 1 ? bundler.iovecs : vector.iovecs.at(vector.iovecStart[m]));
      i32[(message + Msghdr.IOV_LENGTH) >> 2] = count > 1 ? bundler.iovecCount : vector.iovecCount[m];
      arena.writeAddress(message + Msghdr.CONTROL, this.controls + shared * CONTROL_SPACE);
      i32[(message + Msghdr.CONTROL_LENGTH) >> 2] = controlLength;
      this.entries[group] = m;
      this.bundled[group] = count;
      group++;
      if (group === GROUP) {
        this.flush(socket, mode, vector, tunnels, group);
        group = 0;
        sharedDestination = -1;
      }
    }
    this.flush(socket, mode, vector, tunnels, group);
  }

  private flush(
    socket: TransmitSocket,
    mode: number,
    vector: DatagramVector,
    tunnels: Int32Array,
    count: number,
  ): void {
    let sent = 0;
    while (sent < count) {
      const result = sendmmsg(socket.fd, this.addresses.at(sent), count - sent, MSG_DONTWAIT);
      this.calls++;
      if (result > 0) {
        sent += result;
        this.messagesSent += result;
        continue;
      }
      const m = this.entries[sent];
      const datagrams = this.bundled[sent++];
      const errno = -result;
      if (datagrams > 1) {
        this.unbundle(socket, mode, vector, tunnels, m, datagrams, errno);
      } else if (
        vector.segmentSize[m] < vector.bytes[m] &&
        vector.segmentSize[m] > 0 &&
        worthSplitting(errno, mode, socket.family)
      ) {
        if (errno === EIO) socket.segmentation = false;
        this.split(socket, vector, m, tunnels, vector.destination[m] * TUNNEL_WORDS);
      } else {
        vector.errno[m] = errno;
      }
    }
    this.bundler.reset();
  }

  /** The entry that stands `count` behind `m` in its lane. */
  private after(m: number, count: number): number {
    for (; count > 0; count--) m = this.next[m];
    return m;
  }

  /**
   * A bundle that the kernel refused with `errno`: its datagrams one by one, or the errno for each. Where they are too
   * long for the path the last one, which may be shorter, need not be.
   */
  private unbundle(
    socket: TransmitSocket,
    mode: number,
    vector: DatagramVector,
    tunnels: Int32Array,
    m: number,
    count: number,
    errno: number,
  ): void {
    const again = worthSplitting(errno, mode, socket.family);
    const longest = vector.bytes[m];
    if (errno === EIO) socket.segmentation = false;
    for (; count > 0; count--) {
      const fits = errno === EMSGSIZE && vector.bytes[m] < longest;
      vector.errno[m] = again || fits ? this.sendAlone(socket, vector, tunnels, m) : errno;
      m = this.next[m];
    }
  }

  /** Sends the single datagram of entry `m` by itself; returns 0 or the errno. */
  private sendAlone(socket: TransmitSocket, vector: DatagramVector, tunnels: Int32Array, m: number): number {
    const { arena } = this;
    const { i32 } = arena;
    const { defaultPort, scopeId } = socket;
    const record = vector.destination[m] * TUNNEL_WORDS;
    const name = this.names + GROUP * NAME_SPACE;
    const control = this.controls + GROUP * CONTROL_SPACE;
    const message = this.messages + GROUP * Mmsghdr.SIZE;
    arena.writeAddress(message + Msghdr.NAME, name);
    i32[(message + Msghdr.NAME_LENGTH) >> 2] = writeName(i32, name, tunnels, record, defaultPort, scopeId);
    arena.writeAddress(message + Msghdr.IOV, vector.iovecs.at(vector.iovecStart[m]));
    i32[(message + Msghdr.IOV_LENGTH) >> 2] = vector.iovecCount[m];
    arena.writeAddress(message + Msghdr.CONTROL, control);
    i32[(message + Msghdr.CONTROL_LENGTH) >> 2] = writeControl(i32, control, tunnels, record, 0, scopeId);
    const result = sendmmsg(socket.fd, this.addresses.at(GROUP), 1, MSG_DONTWAIT);
    this.calls++;
    return result > 0 ? 0 : -result;
  }

  private split(socket: TransmitSocket, vector: DatagramVector, m: number, tunnels: Int32Array, record: number): void {
    this.calls += this.splitter.send(socket, vector, m, tunnels, record);
    vector.errno[m] = this.splitter.errno;
    if (this.splitter.errno !== 0) vector.sentBefore[m] = this.splitter.sent;
  }
}

/**
 * Whether single datagrams may succeed where the bundle failed. EIO: no checksum offload. EINVAL: some kernels refuse
 * good bundles (6.6.44), older ones answer it where a segment exceeds the MTU. EMSGSIZE: a segment exceeds the MTU,
 * and over IPv4 without DF the kernel fragments single datagrams.
 */
function worthSplitting(errno: number, mode: number, family: 4 | 6): boolean {
  if (errno === EMSGSIZE) return family === 4 && (mode & MODE_DONT_FRAGMENT) === 0;
  return errno === EIO || errno === EINVAL;
}
