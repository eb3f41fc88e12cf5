/**
 * What routers behind vtep have said of the path: "fragmentation needed" (RFC 1191) and "packet too big" (RFC 8201),
 * seen as they leave the host through a TAP, on their way to the sender.
 *
 * Why a tunnel endpoint listens to them: a peer on the same machine hands over unsegmented TCP super-frames, and
 * nothing tells a UDP socket how long their segments are. vtep must say it to the TAP, and says what the device's MTU
 * allows. Where the host routes such a frame on over a smaller MTU, the sender has learnt of it and cuts smaller; if
 * vtep went on claiming the larger size, the router would refuse every segment for ever.
 *
 * A fixed table, one slot for each hash: what does not fit replaces what was there, and costs one more refusal. It is
 * all workers', for what the host is told on one concerns what is received on another. Nobody locks it: a slot that is
 * read while it is written is at worst one guess of a size that is too small, or one more refusal.
 */
import { KeyWord } from '../classifier/flow-key.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { i32, u16, u32 } from '../wire/bytes.js';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../wire/ip-protocol.js';
import { IPV4_DST, IPV4_HEADER } from '../wire/ipv4.js';
import { IPV6_DST, IPV6_HEADER } from '../wire/ipv6.js';

const SLOTS = 1024;
/** Words of a slot: address (four, as in the flow key), MTU, and when it was told (seconds). */
const SLOT = 6;
const MTU = 4;
const TOLD = 5;
/** Whether anything was ever told (most endpoints never hear a word): the word behind the slots. */
const ANY = SLOTS * SLOT;
/** Bytes of the table. */
export const PATH_MTU_BYTES = (ANY + 1) * 4;
/** Seconds that a word of a router is believed (net.ipv4.route.mtu_expires). */
const LIFETIME = 600;
/** The least that is believed: net.ipv4.route.min_pmtu, and the minimum of RFC 8200. */
const LEAST_IPV4 = 552;
const LEAST_IPV6 = 1280;

const ICMP_HEADER = 8;
const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;

export class PathMtus {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly slots: Int32Array;
  /** Seconds since the epoch (32 bits); the worker sets it once a batch. */
  now = 0;

  /** `shared`: PATH_MTU_BYTES of shared memory, zero at first; absent: the table is nobody else's. */
  constructor(bytes: Uint8Array, packets: Packets, shared = new SharedArrayBuffer(PATH_MTU_BYTES)) {
    this.bytes = bytes;
    this.packets = packets;
    this.slots = new Int32Array(shared);
  }

  /** Notes what a packet says, if it is such a message. `key` is its flow key. */
  observe(packet: PacketIndex, key: Int32Array): void {
    const protocol = key[KeyWord.IP_PROTO];
    if (protocol !== IPPROTO_ICMP && protocol !== IPPROTO_ICMPV6) return;
    const l4 = this.packets.l4[packet];
    if (l4 < 0) return;
    const icmp = this.packets.frame[packet] + l4;
    const about = icmp + ICMP_HEADER;
    const room = this.packets.end[packet] - l4 - ICMP_HEADER;
    if (protocol === IPPROTO_ICMP) {
      if (key[KeyWord.ICMP_TYPE] !== UNREACHABLE || key[KeyWord.ICMP_CODE] !== FRAGMENTATION_NEEDED) return;
      const mtu = u16(this.bytes, icmp + 6);
      if (room >= IPV4_HEADER && mtu >= LEAST_IPV4) this.learn(about + IPV4_DST, 1, mtu);
    } else {
      if (key[KeyWord.ICMP_TYPE] !== PACKET_TOO_BIG) return;
      const mtu = u32(this.bytes, icmp + 4);
      if (room >= IPV6_HEADER && mtu >= LEAST_IPV6 && mtu <= 65535) this.learn(about + IPV6_DST, 4, mtu);
    }
  }

  /** `mtu`, or less where a router has said so of the way to the destination of flow key `key`. */
  limit(key: Int32Array, mtu: number): number {
    if (this.slots[ANY] === 0) return mtu;
    const a = key[KeyWord.DST_IP];
    const b = key[KeyWord.DST_IP + 1];
    const c = key[KeyWord.DST_IP + 2];
    const d = key[KeyWord.DST_IP + 3];
    const { slots } = this;
    const at = slotOf(a, b, c, d);
    if (slots[at] !== a || slots[at + 1] !== b || slots[at + 2] !== c || slots[at + 3] !== d) return mtu;
    const known = slots[at + MTU];
    return known !== 0 && known < mtu && ((this.now - slots[at + TOLD]) | 0) <= LIFETIME ? known : mtu;
  }

  private learn(address: number, words: number, mtu: number): void {
    const a = i32(this.bytes, address);
    const b = words === 4 ? i32(this.bytes, address + 4) : 0;
    const c = words === 4 ? i32(this.bytes, address + 8) : 0;
    const d = words === 4 ? i32(this.bytes, address + 12) : 0;
    const { slots } = this;
    const at = slotOf(a, b, c, d);
    slots[at] = a;
    slots[at + 1] = b;
    slots[at + 2] = c;
    slots[at + 3] = d;
    slots[at + MTU] = mtu;
    slots[at + TOLD] = this.now;
    slots[ANY] = 1;
  }
}

function slotOf(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ Math.imul(b ^ Math.imul(c ^ Math.imul(d, 0x9e3779b1), 0x85ebca6b), 0xc2b2ae35), 0x27d4eb2f);
  hash ^= hash >>> 15;
  return (hash & (SLOTS - 1)) * SLOT;
}
