import { TUNNEL_DONT_FRAGMENT, TunnelWord } from '../../memory/tunnel.js';
import { IPPROTO_UDP } from '../../wire/ip-protocol.js';
import { emitIpv4, IPV4_HEADER, putIpv4Checksum } from '../../wire/ipv4.js';
import { emitIpv6, IPV6_HEADER } from '../../wire/ipv6.js';
import { emitUdp, UDP_HEADER } from '../../wire/udp.js';
import { addressBytes } from '../frame-words.js';

const LONGEST = 65_535;
/** What a record to send by calls the route's. */
const DEFAULT_TTL = 64;

/**
 * The IP and UDP header before a payload of `length` bytes, as a tunnel record tells them: the outer headers themselves
 * the socket keeps to itself. The UDP checksum is left out: 0.
 */
export function outerHeader(record: Int32Array, length: number, isSent: boolean): Uint8Array {
  const word = (at: number): number => record[at] ?? 0;
  const isFour = word(TunnelWord.FAMILY) !== 6;
  const header = isFour ? IPV4_HEADER : IPV6_HEADER;
  const bytes = new Uint8Array(header + UDP_HEADER);
  const udpLength = Math.min(LONGEST, UDP_HEADER + length);
  const ttl = word(TunnelWord.TTL) || DEFAULT_TTL;
  if (isFour) {
    emitIpv4(
      {
        tos: word(TunnelWord.TOS),
        totalLength: Math.min(LONGEST, header + udpLength),
        id: 0,
        dontFragment: (word(TunnelWord.FLAGS) & TUNNEL_DONT_FRAGMENT) !== 0,
        moreFragments: false,
        fragmentOffset: 0,
        ttl,
        protocol: IPPROTO_UDP,
        checksum: 0,
        source: addressBytes(record, TunnelWord.SRC_IP, 4),
        destination: addressBytes(record, TunnelWord.DST_IP, 4),
        options: new Uint8Array(0),
      },
      bytes,
      0,
    );
    putIpv4Checksum(bytes, 0, headerChecksum(bytes));
  } else {
    emitIpv6(
      {
        trafficClass: word(TunnelWord.TOS),
        flowLabel: isSent ? word(TunnelWord.FLOW_LABEL) : 0,
        payloadLength: udpLength,
        nextHeader: IPPROTO_UDP,
        hopLimit: ttl,
        source: addressBytes(record, TunnelWord.SRC_IP, 16),
        destination: addressBytes(record, TunnelWord.DST_IP, 16),
      },
      bytes,
      0,
    );
  }
  const sourcePort = word(TunnelWord.SRC_PORT);
  emitUdp({ sourcePort, destinationPort: word(TunnelWord.DST_PORT), length: udpLength, checksum: 0 }, bytes, header);
  return bytes;
}

/** RFC 1071, of the twenty bytes of a header whose field is 0. */
function headerChecksum(header: Uint8Array): number {
  const view = new DataView(header.buffer);
  let sum = 0;
  for (let at = 0; at < IPV4_HEADER; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
