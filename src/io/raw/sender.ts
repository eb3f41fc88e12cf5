/**
 * The transmitting half of the raw underlay, on the worker. Each datagram is one message: a UDP header of our own,
 * then slices of what the vector lends; no byte of it is copied. There is no UDP_SEGMENT on raw sockets, so a bundle
 * goes out as the datagrams that it stands for.
 *
 * raw-socket is not used here: it sends one packet a call, from the main thread, to an address in words, and tells an
 * error in words (docs/decisions/raw-and-pcap.md).
 */
import type { Arena } from '../../memory/arena.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import type { DatagramVector } from '../../memory/vectors.js';
import { EAFNOSUPPORT, EMSGSIZE } from '../../native/errno.js';
import { sendmmsg } from '../../native/libc.js';
import { MSG_DONTWAIT } from '../../native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr, SockaddrIn } from '../../native/structs.js';
import { putU16 } from '../../wire/bytes.js';
import { Checksummer, finish, fold } from '../../wire/checksum.js';
import { IPPROTO_UDP } from '../../wire/ip-protocol.js';
import { simdChecksums } from '../../wire/simd-checksums.js';
import { putUdpLength, UDP_CHECKSUM, UDP_DST_PORT, UDP_HEADER, UDP_SRC_PORT } from '../../wire/udp.js';
import { Addresses } from '../addresses.js';
import { CONTROL_SPACE, NAME_SPACE, writeControl, writeName } from '../udp/headers.js';
import type { RawFamily } from './sockets.js';
import { SourceAddress } from './source-address.js';

/** Messages of one sendmmsg call. */
const GROUP = 64;
/** UIO_MAXIOV: no message has more iovecs. */
const MAX_IOVECS = 1024;
/** A group's: those of any one datagram, and three for each of the others as a rule. */
const IOVECS = MAX_IOVECS + 3 * GROUP;
/** The longest payload whose length the UDP header can tell. */
const LONGEST = 65535 - UDP_HEADER;

export class RawSender {
  private readonly arena: Arena;
  private readonly checksums: Checksummer;
  private readonly four: RawFamily | undefined;
  private readonly six: RawFamily | undefined;
  private readonly sources: (SourceAddress | undefined)[] = [];
  private readonly messages: number;
  private readonly addresses: Addresses;
  private readonly iovecs: number;
  private readonly headers: number;
  private readonly names: number;
  private readonly controls: number;
  /** Vector entry of each message of the group. */
  private readonly entries: Int32Array;
  private count = 0;
  private iovecsUsed = 0;
  private fd = -1;
  private calls = 0;
  /** The unfolded sum of both addresses and the protocol, and of which record; -1: of none. */
  private pseudo = 0;
  private pseudoOf = -1;

  constructor(arena: Arena, families: readonly RawFamily[]) {
    this.arena = arena;
    this.checksums = new Checksummer(arena.memory.buffer, simdChecksums(arena.memory));
    this.four = families.find(({ family }) => family === 4);
    this.six = families.find(({ family }) => family === 6);
    for (const each of families) this.sources[each.family] = new SourceAddress(arena, each);
    this.messages = arena.alloc(GROUP * Mmsghdr.SIZE);
    this.addresses = new Addresses(arena, this.messages, Mmsghdr.SIZE, GROUP);
    this.iovecs = arena.alloc(IOVECS * Iovec.SIZE);
    this.headers = arena.alloc(GROUP * UDP_HEADER);
    this.names = arena.alloc(GROUP * NAME_SPACE);
    this.controls = arena.alloc(GROUP * CONTROL_SPACE);
    this.entries = arena.column(GROUP);
  }

  /** The source port of a flow; 0: there are no sockets of the family. */
  sourcePort(family: number, hash: number): number {
    const sockets = family === 4 ? this.four : this.six;
    return sockets === undefined ? 0 : portOf(sockets, hash);
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    this.calls = 0;
    this.pseudoOf = -1; // rules change between two vectors, and routes
    for (let m = 0; m < vector.count; m++) {
      vector.errno[m] = 0;
      vector.sentBefore[m] = 0;
      const record = vector.destination[m] * TUNNEL_WORDS;
      const familyNumber = tunnels[record + TunnelWord.FAMILY];
      const family = familyNumber === 4 ? this.four : familyNumber === 6 ? this.six : undefined;
      if (family === undefined) {
        vector.errno[m] = EAFNOSUPPORT;
        continue;
      }
      const flags = tunnels[record + TunnelWord.FLAGS];
      const fd = (flags & TUNNEL_DONT_FRAGMENT) === 0 ? family.fragmentFd : family.dontFragmentFd;
      if (fd !== this.fd) {
        this.flush(vector);
        this.fd = fd;
      }
      const error = (flags & TUNNEL_CSUM) === 0 ? 0 : this.sumAddresses(familyNumber, tunnels, record);
      if (error < 0) vector.errno[m] = -error;
      else this.addEntry(family, vector, m, tunnels, record, (flags & TUNNEL_CSUM) !== 0);
    }
    this.flush(vector);
    return this.calls;
  }

  private sumAddresses(family: number, tunnels: Int32Array, record: number): number {
    if (record === this.pseudoOf) return 0;
    const source = this.sources[family] as SourceAddress;
    const result = source.take(tunnels, record);
    if (result < 0) return result;
    let sum = IPPROTO_UDP;
    for (let w = 0; w < 4; w++) {
      const from = source.words[w];
      const to = tunnels[record + TunnelWord.DST_IP + w];
      sum += (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff);
    }
    this.pseudo = sum;
    this.pseudoOf = record;
    return 0;
  }

  /** Queues the datagrams of entry `m`. */
  private addEntry(
    family: RawFamily,
    vector: DatagramVector,
    m: number,
    tunnels: Int32Array,
    record: number,
    withChecksum: boolean,
  ): void {
    const { arena } = this;
    const { i32, u8 } = arena;
    const total = vector.bytes[m];
    const segmentSize = vector.segmentSize[m] > 0 && vector.segmentSize[m] < total ? vector.segmentSize[m] : total;
    if (segmentSize > LONGEST) {
      vector.errno[m] = EMSGSIZE;
      return;
    }
    const sourcePort = portOf(family, vector.hash[m]);
    const asked = tunnels[record + TunnelWord.DST_PORT];
    const destinationPort = asked === 0 ? family.port : asked;
    let left = total;
    let iovec = vector.iovecs.at(vector.iovecStart[m]) >> 2;
    let iovecsLeft = vector.iovecCount[m];
    let done = 0; // bytes of the present iovec that went into earlier datagrams
    do {
      if (this.count === GROUP || this.iovecsUsed + 1 + iovecsLeft > IOVECS) {
        this.flush(vector);
        if (vector.errno[m] !== 0) return;
      }
      const slot = this.count;
      const first = this.iovecsUsed;
      const length = segmentSize < left ? segmentSize : left;
      left -= length;
      const header = this.headers + slot * UDP_HEADER;
      putU16(u8, header + UDP_SRC_PORT, sourcePort);
      putU16(u8, header + UDP_DST_PORT, destinationPort);
      putUdpLength(u8, header, UDP_HEADER + length);
      putU16(u8, header + UDP_CHECKSUM, 0);
      arena.writeIovec(this.iovecs + this.iovecsUsed++ * Iovec.SIZE, header, UDP_HEADER);
      let sum = 0;
      let want = length;
      while (want > 0 && iovecsLeft > 0) {
        const rest = i32[iovec + 2] - done;
        const part = rest < want ? rest : want;
        // Unsigned difference of the lower halves: the arena is smaller than 2^31 bytes.
        const offset = ((i32[iovec] - arena.base) | 0) + done;
        if (part > 0) {
          arena.writeIovec(this.iovecs + this.iovecsUsed++ * Iovec.SIZE, offset, part);
          if (withChecksum) sum += this.sumPart(offset, part, (length - want) & 1);
        }
        want -= part;
        done += part;
        if (done >= i32[iovec + 2]) {
          iovec += Iovec.SIZE >> 2;
          iovecsLeft--;
          done = 0;
        }
      }
      if (withChecksum) {
        const whole = this.checksums.sum(header, UDP_HEADER, this.pseudo + UDP_HEADER + length + fold(sum));
        const field = finish(whole);
        putU16(u8, header + UDP_CHECKSUM, field === 0 ? 0xffff : field);
      }
      this.writeMessage(slot, first, family, vector, m, tunnels, record);
      this.entries[slot] = m;
      this.count++;
    } while (left > 0);
  }

  /** The folded sum of a part; behind an odd number of bytes its words straddle those of the datagram. */
  private sumPart(offset: number, length: number, odd: number): number {
    const sum = fold(this.checksums.sum(offset, length, 0));
    return odd === 0 ? sum : ((sum & 0xff) << 8) | (sum >> 8);
  }

  private writeMessage(
    slot: number,
    firstIovec: number,
    family: RawFamily,
    vector: DatagramVector,
    m: number,
    tunnels: Int32Array,
    record: number,
  ): void {
    const { arena } = this;
    const { i32 } = arena;
    const message = this.messages + slot * Mmsghdr.SIZE;
    const name = this.names + slot * NAME_SPACE;
    const control = this.controls + slot * CONTROL_SPACE;
    // Neighbours with one destination share name and control messages.
    const before = message - Mmsghdr.SIZE;
    if (slot > 0 && vector.destination[this.entries[slot - 1]] === vector.destination[m]) {
      for (let f = 0; f < SHARED_FIELDS.length; f++) {
        const field = SHARED_FIELDS[f] >> 2;
        i32[(message >> 2) + field] = i32[(before >> 2) + field];
      }
    } else {
      const length = writeName(i32, name, tunnels, record, family.port, family.scopeId);
      // A raw socket takes the port for the protocol, and wants none.
      arena.u16[(name + SockaddrIn.PORT) >> 1] = 0;
      i32[(message + Msghdr.NAME_LENGTH) >> 2] = length;
      i32[(message + Msghdr.CONTROL_LENGTH) >> 2] = writeControl(i32, control, tunnels, record, 0, family.scopeId);
      arena.writeAddress(message + Msghdr.NAME, name);
      arena.writeAddress(message + Msghdr.CONTROL, control);
    }
    arena.writeAddress(message + Msghdr.IOV, this.iovecs + firstIovec * Iovec.SIZE);
    i32[(message + Msghdr.IOV_LENGTH) >> 2] = this.iovecsUsed - firstIovec;
  }

  /** Sends the group. Of an entry whose datagram fails, those behind it are not sent. */
  private flush(vector: DatagramVector): void {
    let next = 0;
    while (next < this.count) {
      const result = sendmmsg(this.fd, this.addresses.at(next), this.count - next, MSG_DONTWAIT);
      this.calls++;
      if (result > 0) {
        for (let i = 0; i < result; i++) vector.sentBefore[this.entries[next + i]]++;
        next += result;
        continue;
      }
      const m = this.entries[next];
      vector.errno[m] = -result;
      while (next < this.count && this.entries[next] === m) next++;
    }
    this.count = 0;
    this.iovecsUsed = 0;
  }
}

/** The 32-bit halves of msg_name and msg_control, and both of their lengths. */
const SHARED_FIELDS: readonly number[] = [
  Msghdr.NAME,
  Msghdr.NAME + 4,
  Msghdr.NAME_LENGTH,
  Msghdr.CONTROL,
  Msghdr.CONTROL + 4,
  Msghdr.CONTROL_LENGTH,
];

function portOf({ sourcePortRange }: RawFamily, hash: number): number {
  const low = sourcePortRange[0];
  return low + (((hash >>> 16) * (sourcePortRange[1] - low)) >>> 16);
}
