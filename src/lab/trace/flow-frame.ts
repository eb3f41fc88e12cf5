/** The frame of a flow: what its words say, and plain values for all else. */
import type { FlowerKey, FlowerKeyName } from '../../iproute/commands.js';
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP } from '../../iproute/ether-type.js';
import { fromBytes } from '../../iproute/numbers.js';
import { ARP_PACKET, ARP_REQUEST, emitArp } from '../../wire/arp.js';
import { putU16 } from '../../wire/bytes.js';
import { Checksummer, finish } from '../../wire/checksum.js';
import { ETH_HEADER, emitEthernet } from '../../wire/ethernet.js';
import { emitIcmp, ICMP_CHECKSUM, ICMP_HEADER } from '../../wire/icmp.js';
import * as ip from '../../wire/ip-protocol.js';
import { emitIpv4, IPV4_HEADER, putIpv4Checksum } from '../../wire/ipv4.js';
import { emitIpv6, IPV6_FRAGMENT_HEADER, IPV6_HEADER } from '../../wire/ipv6.js';
import { emitTcp, TCP_CHECKSUM, TCP_FLAG_SYN, TCP_HEADER } from '../../wire/tcp.js';
import { emitUdp, UDP_CHECKSUM, UDP_HEADER } from '../../wire/udp.js';
import { emitVlan, VLAN_TAG } from '../../wire/vlan.js';

/** The shortest frame, without its check sequence. */
const SHORTEST = 60;
const SCTP_HEADER = 12;
const ECHO_REQUEST = 8;
const ECHO_REQUEST_6 = 128;
/** Bits of ip_flags. */
const FRAGMENT = 1;
const FIRST = 2;
/** The place of a fragment that is not the first, in units of 8 bytes. */
const LATER = 100;

/** What a flow says: its protocol and keys by name. */
export class FlowValues {
  /** EtherType of the frame, the outermost. */
  readonly protocol: number;
  private readonly values: ReadonlyMap<FlowerKeyName, Uint8Array>;

  constructor(protocol: number, keys: readonly FlowerKey[]) {
    this.protocol = protocol;
    this.values = new Map(keys.map(({ name, value }) => [name, value]));
  }

  has(name: FlowerKeyName): boolean {
    return this.values.has(name);
  }

  bytes(name: FlowerKeyName, otherwise: readonly number[]): Uint8Array {
    return this.values.get(name) ?? Uint8Array.from(otherwise);
  }

  number(name: FlowerKeyName, otherwise: number): number {
    const value = this.values.get(name);
    return value === undefined ? otherwise : fromBytes(value);
  }
}

/** 192.0.2.1 and 192.0.2.2; 2001:db8::1 and 2001:db8::2 (RFC 5737, RFC 3849). */
const address = (isSix: boolean, last: number): number[] =>
  isSix ? [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), last] : [192, 0, 2, last];

/** Bytes of the frame, which is at least as long as a frame on a wire. */
export function flowFrame(flow: FlowValues): Uint8Array {
  const tags = tagsOf(flow);
  const network = tags.at(-1)?.type ?? flow.protocol;
  const inner = networkOf(flow, network);
  const frame = new Uint8Array(Math.max(SHORTEST, ETH_HEADER + tags.length * VLAN_TAG + inner.length));
  const ethernet = {
    destination: flow.bytes('dst_mac', [2, 0, 0, 0, 0, 2]),
    source: flow.bytes('src_mac', [2, 0, 0, 0, 0, 1]),
    type: flow.protocol,
  };
  let at = emitEthernet(ethernet, frame, 0);
  for (const tag of tags) at += emitVlan({ ...tag, dropEligible: false }, frame, at);
  frame.set(inner, at);
  return frame;
}

function tagsOf(flow: FlowValues): { readonly id: number; readonly priority: number; readonly type: number }[] {
  const hasTag = flow.protocol === ETH_P_8021Q || flow.has('vlan_ethtype') || flow.has('vlan_id');
  const hasTwo = ['cvlan_id', 'cvlan_prio', 'cvlan_ethtype'].some((name) => flow.has(name as FlowerKeyName));
  const count = flow.number('num_of_vlans', hasTwo ? 2 : hasTag ? 1 : 0);
  const last = ['dst_ip', 'src_ip'].some((name) => flow.bytes(name as FlowerKeyName, []).length === 16)
    ? ETH_P_IPV6
    : ETH_P_IP;
  return Array.from({ length: count }, (_, n) => ({
    id: flow.number(n === 0 ? 'vlan_id' : 'cvlan_id', 1),
    priority: flow.number(n === 0 ? 'vlan_prio' : 'cvlan_prio', 0),
    type:
      n === count - 1
        ? flow.number(n === 0 ? 'vlan_ethtype' : 'cvlan_ethtype', last)
        : flow.number('vlan_ethtype', ETH_P_8021Q),
  }));
}

function networkOf(flow: FlowValues, type: number): Uint8Array {
  switch (type) {
    case ETH_P_IP:
      return ipv4Of(flow);
    case ETH_P_IPV6:
      return ipv6Of(flow);
    case ETH_P_ARP:
    case ETH_P_RARP:
      return arpOf(flow);
    default:
      return new Uint8Array(0);
  }
}

function arpOf(flow: FlowValues): Uint8Array {
  const bytes = new Uint8Array(ARP_PACKET);
  emitArp(
    {
      operation: flow.number('arp_op', ARP_REQUEST),
      senderMac: flow.bytes('arp_sha', [2, 0, 0, 0, 0, 1]),
      senderIp: flow.bytes('arp_sip', address(false, 1)),
      targetMac: flow.bytes('arp_tha', [0, 0, 0, 0, 0, 0]),
      targetIp: flow.bytes('arp_tip', address(false, 2)),
    },
    bytes,
    0,
  );
  return bytes;
}

function ipv4Of(flow: FlowValues): Uint8Array {
  const protocol = flow.number('ip_proto', ip.IPPROTO_UDP);
  const length = IPV4_HEADER + transportLength(protocol);
  const { checksums, bytes } = buffer(length);
  const flags = flow.number('ip_flags', 0);
  const isFragment = (flags & FRAGMENT) !== 0;
  const isLater = isFragment && (flags & FIRST) === 0;
  const header = {
    ...{ tos: flow.number('ip_tos', 0), totalLength: length, id: 1, dontFragment: false },
    ...{ moreFragments: isFragment, fragmentOffset: isLater ? LATER : 0 },
    ...{ ttl: flow.number('ip_ttl', 64), protocol, checksum: 0, options: new Uint8Array(0) },
    source: flow.bytes('src_ip', address(false, 1)),
    destination: flow.bytes('dst_ip', address(false, 2)),
  };
  emitIpv4(header, bytes, 0);
  putIpv4Checksum(bytes, 0, finish(checksums.sum(0, IPV4_HEADER, 0)));
  if (!isFragment) {
    const pseudo = checksums.pseudoHeader4(0, protocol, length - IPV4_HEADER);
    emitTransport(flow, protocol, bytes, IPV4_HEADER, checksums, pseudo);
  }
  return bytes;
}

function ipv6Of(flow: FlowValues): Uint8Array {
  const protocol = flow.number('ip_proto', ip.IPPROTO_UDP);
  const flags = flow.number('ip_flags', 0);
  const isFragment = (flags & FRAGMENT) !== 0;
  const extension = isFragment ? IPV6_FRAGMENT_HEADER : 0;
  const at = IPV6_HEADER + extension;
  const length = at + transportLength(protocol);
  const { checksums, bytes } = buffer(length);
  const header = {
    ...{ trafficClass: flow.number('ip_tos', 0), flowLabel: 0, payloadLength: length - IPV6_HEADER },
    nextHeader: isFragment ? ip.IPPROTO_FRAGMENT : protocol,
    hopLimit: flow.number('ip_ttl', 64),
    source: flow.bytes('src_ip', address(true, 1)),
    destination: flow.bytes('dst_ip', address(true, 2)),
  };
  emitIpv6(header, bytes, 0);
  if (isFragment) {
    bytes[IPV6_HEADER] = protocol;
    // Offset, two reserved bits, and that more follow.
    putU16(bytes, IPV6_HEADER + 2, ((flags & FIRST) === 0 ? LATER << 3 : 0) | 1);
  } else {
    const pseudo = checksums.pseudoHeader6(0, protocol, length - at);
    emitTransport(flow, protocol, bytes, at, checksums, pseudo);
  }
  return bytes;
}

/** With room for checksums, which look at whole words. */
function buffer(length: number): { readonly checksums: Checksummer; readonly bytes: Uint8Array } {
  const memory = new ArrayBuffer((length + 3) & ~3);
  return { checksums: new Checksummer(memory), bytes: new Uint8Array(memory, 0, length) };
}

function transportLength(protocol: number): number {
  switch (protocol) {
    case ip.IPPROTO_TCP:
      return TCP_HEADER;
    case ip.IPPROTO_UDP:
      return UDP_HEADER;
    case ip.IPPROTO_SCTP:
      return SCTP_HEADER;
    case ip.IPPROTO_ICMP:
    case ip.IPPROTO_ICMPV6:
      return ICMP_HEADER;
    default:
      return UDP_HEADER;
  }
}

function emitTransport(
  flow: FlowValues,
  protocol: number,
  bytes: Uint8Array,
  at: number,
  checksums: Checksummer,
  pseudo: number,
): void {
  const length = bytes.length - at;
  const ports = { sourcePort: flow.number('src_port', 49152), destinationPort: flow.number('dst_port', 9) };
  const put = (field: number, initial: number): void => {
    putU16(bytes, at + field, finish(checksums.sum(at, length, initial)));
  };
  switch (protocol) {
    case ip.IPPROTO_TCP: {
      const flags = flow.number('tcp_flags', TCP_FLAG_SYN);
      const rest = { seq: 1, ack: 0, window: 65535, checksum: 0, urgent: 0, options: new Uint8Array(0) };
      emitTcp({ ...ports, ...rest, flags }, bytes, at);
      put(TCP_CHECKSUM, pseudo);
      break;
    }
    case ip.IPPROTO_UDP:
      emitUdp({ ...ports, length, checksum: 0 }, bytes, at);
      put(UDP_CHECKSUM, pseudo);
      break;
    case ip.IPPROTO_SCTP:
      putU16(bytes, at, ports.sourcePort);
      putU16(bytes, at + 2, ports.destinationPort);
      break;
    case ip.IPPROTO_ICMP:
    case ip.IPPROTO_ICMPV6: {
      const isSix = protocol === ip.IPPROTO_ICMPV6;
      const type = flow.number('icmp_type', isSix ? ECHO_REQUEST_6 : ECHO_REQUEST);
      emitIcmp({ type, code: flow.number('icmp_code', 0), checksum: 0, rest: 0x10001 }, bytes, at);
      put(ICMP_CHECKSUM, isSix ? pseudo : 0);
      break;
    }
  }
}
