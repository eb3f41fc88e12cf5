/** What an underlay was given to send, and what left of it, in the words of the model. Slow, and believes nothing. */

import { gather } from '../../src/io/fake/fake-port.js';
import type { Arena } from '../../src/memory/arena.js';
import { GSO_NONE, SHAPE_IPV4, SHAPE_IPV6, SHAPE_TCP, SHAPE_UDP } from '../../src/memory/packets.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';
import type { DatagramVector } from '../../src/memory/vectors.js';
import { naiveSum } from '../../src/offload/test-frames.js';
import { type Outer, segmentsOf } from './sending-model.js';
import { hold } from './target.js';

/** A datagram, or a super-frame in one piece. */
export interface Sent {
  readonly outer: Outer;
  /** The UDP payload, from the VXLAN header on. */
  readonly payload: Uint8Array;
  /** What tells the source port: a hash, or the port itself. */
  readonly entropy: number;
  /** The errno for which it did not leave, or 0. */
  readonly lost: number;
  /** Of a super-frame: the payloads that a kernel makes of it by its virtio-net header, as many as are wanted of it. */
  readonly cut?: (most: number) => Uint8Array[] | undefined;
  readonly gso?: { readonly type: number; readonly size: number };
}

/** The outer header that a tunnel record asks for. */
export function outerOfRecord(tunnels: Int32Array, record: number): Outer {
  const word = (at: number): number => tunnels[record + at] ?? 0;
  return {
    family: word(TunnelWord.FAMILY),
    tos: word(TunnelWord.TOS),
    ttl: word(TunnelWord.TTL),
    dontFragment: (word(TunnelWord.FLAGS) & TUNNEL_DONT_FRAGMENT) !== 0,
    checksum: (word(TunnelWord.FLAGS) & TUNNEL_CSUM) !== 0,
    source: word(TunnelWord.SRC_IP),
    destination: [0, 1, 2, 3].map((n) => word(TunnelWord.DST_IP + n)),
    port: word(TunnelWord.DST_PORT),
  };
}

/** The datagrams of entry `m`, an ordinary one; those behind the first `lostFrom` are lost for `errno`. */
export function datagramsOf(
  arena: Arena,
  vector: DatagramVector,
  m: number,
  tunnels: Int32Array,
  errno = 0,
  lostFrom = 0,
): Sent[] {
  const bytes = gather(arena, vector.iovecs.at(vector.iovecStart[m] ?? 0), vector.iovecCount[m] ?? 0);
  const said = vector.segmentSize[m] ?? 0;
  hold(bytes.length === vector.bytes[m], () => `an entry says ${vector.bytes[m]} bytes and has ${bytes.length}`);
  hold(bytes.length <= 65_507, () => `${bytes.length} bytes in one message`);
  const size = said === 0 ? bytes.length : said;
  const count = Math.ceil(bytes.length / size);
  hold(count === vector.segments[m] && count <= 64, () => `${count} datagrams, and ${vector.segments[m]} are counted`);
  const outer = outerOfRecord(tunnels, (vector.destination[m] ?? 0) * TUNNEL_WORDS);
  const entropy = vector.hash[m] ?? 0;
  return Array.from({ length: count }, (_, n) => ({
    ...{ outer, entropy, payload: bytes.slice(n * size, (n + 1) * size) },
    lost: n < lostFrom ? 0 : errno,
  }));
}

const at16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const ETHERNET = 24;
const IP = ETHERNET + 14;

/** What a write to the TAP of tunnel GSO says, read as the kernel reads it (virtio 1.4, UDP tunnel offload). */
export function sentWhole(written: Uint8Array, port: number): Sent {
  const view = new DataView(written.buffer, written.byteOffset, written.length);
  const little = (at: number): number => view.getUint16(at, true);
  const four = (written[IP] ?? 0) >>> 4 === 4;
  hold(at16(written, IP - 2) === (four ? 0x0800 : 0x86dd), 'the outer EtherType is not that of the IP header');
  const udp = IP + (four ? 20 : 40);
  const vxlan = udp + 8;
  hold(at16(written, udp + 4) === written.length - udp, 'the outer UDP length is wrong');
  if (four) {
    hold(at16(written, IP + 2) === written.length - IP, 'the outer total length is wrong');
    hold(naiveSum(written.slice(IP, udp)) === 0xffff, 'the outer IPv4 checksum is wrong');
  } else {
    hold(at16(written, IP + 4) === written.length - udp, 'the outer payload length is wrong');
  }
  const [flags = 0, type = 0] = written;
  const gsoType = type & 0x9f;
  const isWhole = gsoType !== GSO_NONE;
  const checksum = isWhole ? (flags & 8) !== 0 : (flags & 1) !== 0;
  const field = at16(written, udp + 6);
  if (checksum) {
    const addresses = four ? written.slice(IP + 12, IP + 20) : written.slice(IP + 8, IP + 40);
    const length = written.length - udp;
    const pseudo = naiveSum(Uint8Array.of(...addresses, 0, 17, length >>> 8, length));
    hold(field === pseudo, 'the outer checksum is not begun with the pseudo-header');
  } else {
    hold(field === 0, 'an outer checksum that nobody finishes');
  }
  const word = four ? 4 : 16;
  const outer: Outer = {
    family: four ? 4 : 6,
    tos: four ? (written[IP + 1] ?? 0) : (at16(written, IP) >>> 4) & 0xff,
    // The host forwards it.
    ttl: (written[IP + (four ? 8 : 7)] ?? 0) - 1,
    dontFragment: four && (at16(written, IP + 6) & 0x4000) !== 0,
    checksum,
    source: four ? view.getInt32(IP + 12) : 0,
    destination: [0, 1, 2, 3].map((n) => (n * 4 < word ? view.getInt32(IP + (four ? 16 : 24) + n * 4) : 0)),
    port: at16(written, udp + 2) === port ? 0 : at16(written, udp + 2),
  };
  const payload = written.slice(vxlan);
  const plain = { outer, payload, entropy: at16(written, udp), lost: 0 };
  if (!isWhole) {
    const sum = [little(6), little(8)];
    hold(!checksum || sum.join() === [udp - ETHERNET, 6].join(), () => `the checksum is said to be at ${sum}`);
    return plain;
  }
  const tunnelBit = four ? 0x20 : 0x40;
  hold((type & 0x60) === tunnelBit && (flags & 1) !== 0, 'the tunnel is of the other family, or nothing unfinished');
  hold(little(20) === udp - ETHERNET, 'the outer transport header is elsewhere');
  const [headerLength, gsoSize, start, offset, network] = [2, 4, 6, 8, 22].map(little);
  const inner = (at = 0): number => at - (vxlan - ETHERNET) - 8;
  const transport = inner(start);
  const ip = inner(network);
  const frame = payload.slice(8);
  const tcp = gsoType !== 5;
  const innerFour = (frame[ip] ?? 0) >>> 4 === 4;
  const payloadAt = transport + (tcp ? ((frame[transport + 12] ?? 0) >>> 4) * 4 : 8);
  hold(inner(headerLength) === payloadAt, 'hdr_len does not end where the inner headers do');
  hold(offset === (tcp ? 16 : 6), () => `the inner checksum is said to be ${offset} bytes into its header`);
  hold(
    transport === ip + (innerFour ? ((frame[ip] ?? 0) & 15) * 4 : 40),
    'csum_start is not the inner transport header',
  );
  const shape = (innerFour ? SHAPE_IPV4 : SHAPE_IPV6) | (tcp ? SHAPE_TCP : SHAPE_UDP);
  const found = { shape, l3: ip, l4: transport, payload: payloadAt, end: frame.length };
  const size = gsoSize ?? 0;
  const sum = { unfinished: true, csumStart: transport, csumOffset: offset ?? 0 };
  const cut = (most: number): Uint8Array[] | undefined => {
    if ((frame.length - payloadAt) / size > most) return undefined;
    const packets = segmentsOf({ bytes: frame, found, gsoSize: size, ...sum });
    return packets.map((packet) => Uint8Array.from(Buffer.concat([payload.subarray(0, 8), packet])));
  };
  return { ...plain, cut, gso: { type: gsoType, size } };
}
