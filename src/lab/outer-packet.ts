import type { SentDatagram } from '../io/fake/fake-underlay.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TunnelWord } from '../memory/tunnel.js';
import { Checksummer, finish } from '../wire/checksum.js';
import { IPPROTO_UDP } from '../wire/ip-protocol.js';
import { emitIpv4, IPV4_HEADER, putIpv4Checksum } from '../wire/ipv4.js';
import { emitIpv6, IPV6_HEADER } from '../wire/ipv6.js';
import { emitUdp, putUdpChecksum, UDP_HEADER } from '../wire/udp.js';

/** What a record calls the route's. */
const DEFAULT_TTL = 64;
/** Linux's ip_local_port_range. */
const DEFAULT_PORTS = [32768, 61000] as const;

/** Where packets are put together: their views and their checksummer are made once, not for each. */
let room = new ArrayBuffer(2048);
let bytes = new Uint8Array(room);
let checksums = new Checksummer(room);
const NO_OPTIONS = new Uint8Array(0);

function makeRoom(length: number): void {
  if (length <= room.byteLength) return;
  room = new ArrayBuffer((length * 2 + 3) & ~3);
  bytes = new Uint8Array(room);
  checksums = new Checksummer(room);
}

/** The IP packet that carries a datagram as an entry of a vxlan device wants it. Where a record leaves the source open it is zero. */
export function outerPacket(
  { tunnel: record, hash }: Pick<SentDatagram, 'tunnel' | 'hash'>,
  payload: Uint8Array,
  { dstport = 0, srcport = DEFAULT_PORTS }: Partial<Pick<VxlanOptions, 'dstport' | 'srcport'>> = {},
): Uint8Array {
  const isFour = record[TunnelWord.FAMILY] === 4;
  const header = isFour ? IPV4_HEADER : IPV6_HEADER;
  const flags = record[TunnelWord.FLAGS] ?? 0;
  const ttl = (record[TunnelWord.TTL] ?? 0) || DEFAULT_TTL;
  const tos = record[TunnelWord.TOS] ?? 0;
  const length = UDP_HEADER + payload.length;
  makeRoom((header + length + 3) & ~3);
  if (isFour) {
    emitIpv4(
      {
        tos,
        totalLength: header + length,
        id: 0,
        dontFragment: (flags & TUNNEL_DONT_FRAGMENT) !== 0,
        moreFragments: false,
        fragmentOffset: 0,
        ttl,
        protocol: IPPROTO_UDP,
        checksum: 0,
        source: addressOf(record, TunnelWord.SRC_IP, 4),
        destination: addressOf(record, TunnelWord.DST_IP, 4),
        options: NO_OPTIONS,
      },
      bytes,
      0,
    );
    putIpv4Checksum(bytes, 0, finish(checksums.sum(0, header, 0)));
  } else {
    emitIpv6(
      {
        trafficClass: tos,
        flowLabel: record[TunnelWord.FLOW_LABEL] ?? 0,
        payloadLength: length,
        nextHeader: IPPROTO_UDP,
        hopLimit: ttl,
        source: addressOf(record, TunnelWord.SRC_IP, 16),
        destination: addressOf(record, TunnelWord.DST_IP, 16),
      },
      bytes,
      0,
    );
  }
  const [low, high] = srcport;
  const sourcePort = low + (((hash >>> 16) * (high - low)) >>> 16);
  emitUdp(
    { sourcePort, destinationPort: (record[TunnelWord.DST_PORT] ?? 0) || dstport, length, checksum: 0 },
    bytes,
    header,
  );
  bytes.set(payload, header + UDP_HEADER);
  if ((flags & TUNNEL_CSUM) !== 0) {
    const pseudo = isFour
      ? checksums.pseudoHeader4(0, IPPROTO_UDP, length)
      : checksums.pseudoHeader6(0, IPPROTO_UDP, length);
    // Zero would say that there is none.
    putUdpChecksum(bytes, header, finish(checksums.sum(header, length, pseudo)) || 0xffff);
  }
  return bytes.slice(0, header + length);
}

function addressOf(record: Int32Array, word: number, size: 4 | 16): Uint8Array {
  const address = new Uint8Array(size);
  const view = new DataView(address.buffer);
  for (let at = 0; at < size; at += 4) view.setInt32(at, record[word + at / 4] ?? 0);
  return address;
}
