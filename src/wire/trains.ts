/**
 * Trains: VXLAN datagrams of one inner flow in a row, as a sender's TSO makes them of one large write. Whatever is
 * decided by header fields is decided for all of them when it is for the first.
 *
 * A plan says for one layout of headers which bits must be those of the datagram before, under two masks. KEY: all
 * that a dissector or a validation looks at, and so all that a flow key, a packet's columns and every check can depend
 * on; what is left out are the IPv4 ID and checksum, and of TCP the numbers, window, checksum, urgent pointer and options,
 * of UDP the checksum. SAME: as well, what must be equal where segments are merged, everything but the IPv4 ID, the
 * checksums and the TCP sequence number. Under these masks headers are compared 16 bytes at a time; what stands behind
 * them within the last 16 is masked out.
 *
 * A datagram *follows* where it is the one before it under KEY. It *joins* where moreover both may stand in one
 * super-frame, one directly behind the other: equal under SAME, the next sequence number, the next IPv4 ID unless DF is
 * set, and all checksums of both right.
 *
 * In WebAssembly (assembly/trains.ts) a bundle takes one call, and per datagram little more than its checksum; the
 * JavaScript is the fallback, and the oracle of the tests.
 */
import { i32, u16 } from './bytes.js';
import { type Checksummer, fold } from './checksum.js';
import { IPV4_CHECKSUM, IPV4_DONT_FRAGMENT, IPV4_FRAGMENT, IPV4_HEADER, IPV4_ID } from './ipv4.js';
import type { SimdChecksums } from './simd-checksums.js';
import { TCP_ACK, TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_SEQ, TCP_WINDOW } from './tcp.js';
import { UDP_CHECKSUM } from './udp.js';

/** Words of a plan, read by assembly/trains.ts too. */
const PlanWord = {
  /** How many times 16 bytes the masks are. */
  VECTORS: 0,
  /** Bytes from the datagram's start to the IP header, and to the TCP or UDP header. */
  L3: 1,
  L4: 2,
  /** Bytes of a datagram, and of its TCP or UDP payload. */
  LENGTH: 3,
  PAYLOAD: 4,
  /** TRAIN_*. */
  KIND: 5,
  /** The pseudo-header's folded sum. */
  PSEUDO: 6,
} as const;
const KEY_MASK = 32;
/** Two VLAN tags, IPv6, TCP with all options, behind VXLAN: 130 bytes. */
const MASK_BYTES = 144;
const SAME_MASK = KEY_MASK + MASK_BYTES;

/** Bytes that a plan takes in the memory that is looked at, at a multiple of 16. */
export const PLAN_BYTES = SAME_MASK + MASK_BYTES;

/** Bits of a plan's kind: IPv4 (without options), else IPv6 (without extension headers). */
export const TRAIN_IPV4 = 1;
/** TCP, else UDP. */
export const TRAIN_TCP = 2;
/** The first datagram's kind is merged: without it none joins. */
export const TRAIN_MERGES = 4;

const LAYOUT = TRAIN_IPV4 | TRAIN_TCP;

export class Trains {
  private readonly checksums: Checksummer;
  private readonly simd: SimdChecksums | null;
  private readonly plan: number;
  private readonly i32: Int32Array;

  /** `plan`: offset of PLAN_BYTES bytes of the memory of `checksums`, a multiple of 16. */
  constructor(checksums: Checksummer, simd: SimdChecksums | null, plan: number) {
    this.checksums = checksums;
    this.simd = simd;
    this.plan = plan;
    this.i32 = new Int32Array(checksums.u8.buffer);
  }

  /**
   * What follows is compared with datagrams of this layout: `length` bytes, the IP header at `l3`, the transport header
   * at `l4`, its payload at `payload`, all from the datagram's start. `pseudo` is the pseudo-header's folded sum.
   */
  use(kind: number, l3: number, l4: number, payload: number, length: number, pseudo: number): void {
    const words = this.i32;
    const at = this.plan >> 2;
    const other =
      words[at + PlanWord.L3] !== l3 ||
      words[at + PlanWord.L4] !== l4 ||
      words[at + PlanWord.LENGTH] - words[at + PlanWord.PAYLOAD] !== payload ||
      ((words[at + PlanWord.KIND] ^ kind) & LAYOUT) !== 0;
    words[at + PlanWord.L3] = l3;
    words[at + PlanWord.L4] = l4;
    words[at + PlanWord.LENGTH] = length;
    words[at + PlanWord.PAYLOAD] = length - payload;
    words[at + PlanWord.KIND] = kind;
    words[at + PlanWord.PSEUDO] = pseudo;
    if (other) this.writeMasks(kind, l3, l4, payload);
  }

  private writeMasks(kind: number, l3: number, l4: number, payload: number): void {
    const { u8 } = this.checksums;
    const key = this.plan + KEY_MASK;
    const same = this.plan + SAME_MASK;
    this.i32[(this.plan >> 2) + PlanWord.VECTORS] = (payload + 15) >> 4;
    u8.fill(0, key, key + 2 * MASK_BYTES);
    u8.fill(0xff, same, same + payload);
    if ((kind & TRAIN_IPV4) !== 0) {
      u8.fill(0, same + l3 + IPV4_ID, same + l3 + IPV4_ID + 2);
      u8.fill(0, same + l3 + IPV4_CHECKSUM, same + l3 + IPV4_CHECKSUM + 2);
    }
    const tcp = (kind & TRAIN_TCP) !== 0;
    if (tcp) u8.fill(0, same + l4 + TCP_SEQ, same + l4 + TCP_SEQ + 4);
    const checksum = same + l4 + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
    u8.fill(0, checksum, checksum + 2);
    u8.copyWithin(key, same, same + payload);
    if (!tcp) return;
    u8.fill(0, key + l4 + TCP_ACK, key + l4 + TCP_DATA_OFFSET);
    u8.fill(0, key + l4 + TCP_WINDOW, key + payload);
  }

  /**
   * How many of the `count` datagrams at `at`, `at + stride`, … follow, each the one before it, the first the one at
   * `before`; a checksum that its sender may have left unfinished (it is the pseudo-header's sum) ends the train. The
   * 32-bit integers from byte offset `joins` (a multiple of 4) on, as many, become 1 where a datagram joins, else 0.
   */
  followers(before: number, at: number, stride: number, count: number, joins: number): number {
    if (this.simd !== null) return this.simd.followers(before, at, stride, count, this.plan, joins);
    for (let n = 0; n < count; n++) {
      if (!this.areEqual(before, at, KEY_MASK) || this.mayBeUnfinished(at)) return n;
      this.i32[(joins >> 2) + n] = this.joins(before, at) ? 1 : 0;
      before = at;
      at += stride;
    }
    return count;
  }

  private word(word: number): number {
    return this.i32[(this.plan >> 2) + word];
  }

  private areEqual(a: number, b: number, mask: number): boolean {
    const { u8 } = this.checksums;
    const bytes = this.word(PlanWord.LENGTH) - this.word(PlanWord.PAYLOAD);
    for (let n = 0; n < bytes; n++) if (((u8[a + n] ^ u8[b + n]) & u8[this.plan + mask + n]) !== 0) return false;
    return true;
  }

  private mayBeUnfinished(at: number): boolean {
    return this.checksum(at) === this.word(PlanWord.PSEUDO);
  }

  private checksum(at: number): number {
    const tcp = (this.word(PlanWord.KIND) & TRAIN_TCP) !== 0;
    return u16(this.checksums.u8, at + this.word(PlanWord.L4) + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM));
  }

  private joins(before: number, at: number): boolean {
    const { u8 } = this.checksums;
    const kind = this.word(PlanWord.KIND);
    const l4 = this.word(PlanWord.L4);
    if ((kind & TRAIN_MERGES) === 0 || !this.areEqual(before, at, SAME_MASK)) return false;
    if ((kind & TRAIN_TCP) !== 0) {
      const next = (i32(u8, before + l4 + TCP_SEQ) + this.word(PlanWord.PAYLOAD)) | 0;
      if (i32(u8, at + l4 + TCP_SEQ) !== next) return false;
    } else if (this.checksum(before) === 0 || this.checksum(at) === 0) {
      return false;
    }
    if ((kind & TRAIN_IPV4) !== 0) {
      const l3 = this.word(PlanWord.L3);
      const next = (u16(u8, before + l3 + IPV4_ID) + 1) & 0xffff;
      const mayFragment = (u16(u8, at + l3 + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) === 0;
      if (mayFragment && u16(u8, at + l3 + IPV4_ID) !== next) return false;
    }
    return this.isIntact(before) && this.isIntact(at);
  }

  private isIntact(at: number): boolean {
    const { checksums } = this;
    const ipv4 = (this.word(PlanWord.KIND) & TRAIN_IPV4) !== 0;
    if (ipv4 && fold(checksums.sum(at + this.word(PlanWord.L3), IPV4_HEADER, 0)) !== 0xffff) return false;
    const l4 = this.word(PlanWord.L4);
    return fold(checksums.sum(at + l4, this.word(PlanWord.LENGTH) - l4, this.word(PlanWord.PSEUDO))) === 0xffff;
  }
}
