/**
 * The dissector once more, for tests: slow, on a copy of the frame, by the records of src/wire and in the order of the
 * rules at the top of dissect.ts. It shares no code with the fast one but the constants.
 */
import * as shape from '../memory/packets.js';
import { parseArp } from '../wire/arp.js';
import { parseEthernet } from '../wire/ethernet.js';
import { parseIcmp } from '../wire/icmp.js';
import { parseIpv4 } from '../wire/ipv4.js';
import { parseIpv6 } from '../wire/ipv6.js';
import { parseTcp } from '../wire/tcp.js';
import { parseUdp } from '../wire/udp.js';
import { parseVlan } from '../wire/vlan.js';
import { KEY_TUNNEL, KeyWord } from './flow-key.js';

export interface Dissected {
  /** The frame's words of the key; INDEV is 0. */
  readonly key: Int32Array;
  shape: number;
  l3: number;
  l4: number;
  payload: number;
  end: number;
}

/** What `dissect` must find in `frame` (at least 14 bytes), the hash excepted. */
export function dissectSlowly(frame: Uint8Array): Dissected {
  const found: Dissected = {
    key: new Int32Array(KEY_TUNNEL),
    shape: 0,
    l3: -1,
    l4: -1,
    payload: -1,
    end: frame.length,
  };
  const { key } = found;
  const ethernet = parseEthernet(frame, 0, frame.length);
  if (ethernet === undefined) throw new RangeError('shorter than an Ethernet header');
  putBytes(key, KeyWord.ETH_DST, [...ethernet.destination, ...ethernet.source]);

  let offset = 14;
  let type = kernelType(ethernet.type, frame, offset);
  const tags = [];
  let cut = false;
  while ((type === 0x8100 || type === 0x88a8) && tags.length < 16 && !cut) {
    found.shape |= shape.SHAPE_VLAN;
    const tag = parseVlan(frame, offset, frame.length - offset);
    if (tag === undefined) {
      cut = true;
    } else {
      offset += 4;
      type = kernelType(tag.type, frame, offset);
      tags.push({ ...tag, type });
    }
  }
  key[KeyWord.ETH_TYPE] = type;
  key[KeyWord.NUM_OF_VLANS] = tags.length;
  key[KeyWord.VLAN_ID] = tags[0]?.id ?? 0;
  key[KeyWord.VLAN_PRIO] = tags[0]?.priority ?? 0;
  key[KeyWord.VLAN_ETHTYPE] = tags[0]?.type ?? 0;
  key[KeyWord.CVLAN_ID] = tags[1]?.id ?? 0;
  key[KeyWord.CVLAN_PRIO] = tags[1]?.priority ?? 0;
  key[KeyWord.CVLAN_ETHTYPE] = tags[1]?.type ?? 0;
  if (cut || tags.length > 2) {
    found.shape |= shape.SHAPE_ODD;
  } else if (type === 0x0800) {
    slowIpv4(frame, offset, found);
  } else if (type === 0x86dd) {
    slowIpv6(frame, offset, found, tags.length);
  } else if (type === 0x0806 || type === 0x8035) {
    const arp = parseArp(frame, offset, frame.length - offset);
    if (arp !== undefined && (arp.operation === 1 || arp.operation === 2)) {
      key[KeyWord.ARP_OP] = arp.operation;
      putBytes(key, KeyWord.ARP_SIP, [...arp.senderIp]);
      putBytes(key, KeyWord.ARP_TIP, [...arp.targetIp]);
      putBytes(key, KeyWord.ARP_SHA, [...arp.senderMac, 0, 0]);
      putBytes(key, KeyWord.ARP_THA, [...arp.targetMac, 0, 0]);
    }
  }
  return found;
}

/** Big-endian words of a multiple of four bytes. */
function putBytes(key: Int32Array, word: number, bytes: number[]): void {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  for (let at = 0; at < bytes.length; at += 4) key[word + at / 4] = view.getInt32(at);
}

function kernelType(type: number, frame: Uint8Array, next: number): number {
  if (type >= 1536) return type;
  return frame[next] === 255 && frame[next + 1] === 255 ? 1 : 4;
}

function slowIpv4(frame: Uint8Array, l3: number, found: Dissected): void {
  const { key } = found;
  const packet = frame.slice(l3);
  const header = ((packet[0] ?? 0) & 15) * 4;
  // a header cut within its options still has its fixed part
  const padded = new Uint8Array(Math.max(packet.length, header));
  padded.set(packet);
  const ip = packet.length < 20 ? undefined : parseIpv4(padded, 0, padded.length);
  if (ip === undefined) {
    found.shape |= shape.SHAPE_ODD;
    return;
  }
  found.l3 = l3;
  found.shape |= shape.SHAPE_IPV4;
  if (ip.options.length > 0) found.shape |= shape.SHAPE_OPTIONS;
  key[KeyWord.IP_VERSION] = 4;
  key[KeyWord.IP_PROTO] = ip.protocol;
  key[KeyWord.IP_TOS] = ip.tos;
  key[KeyWord.IP_TTL] = ip.ttl;
  putBytes(key, KeyWord.SRC_IP, [...ip.source]);
  putBytes(key, KeyWord.DST_IP, [...ip.destination]);
  if (ip.totalLength < header || ip.totalLength > packet.length) found.shape |= shape.SHAPE_ODD;
  else if (ip.totalLength < packet.length) {
    found.shape |= shape.SHAPE_PADDED;
    found.end = l3 + ip.totalLength;
  }
  if (ip.moreFragments || ip.fragmentOffset > 0) {
    found.shape |= shape.SHAPE_FRAGMENT;
    key[KeyWord.IP_FLAGS] = ip.fragmentOffset > 0 ? 1 : 3;
  } else if (header <= packet.length) {
    slowTransport(frame, l3 + header, ip.protocol, found);
  }
}

function slowIpv6(frame: Uint8Array, l3: number, found: Dissected, tags: number): void {
  const { key } = found;
  const packet = frame.slice(l3);
  const ip = parseIpv6(packet, 0, packet.length);
  if (ip === undefined) {
    found.shape |= shape.SHAPE_ODD;
    return;
  }
  found.l3 = l3;
  found.shape |= shape.SHAPE_IPV6;
  key[KeyWord.IP_VERSION] = 6;
  key[KeyWord.IP_TOS] = ip.trafficClass;
  key[KeyWord.IP_TTL] = ip.hopLimit;
  putBytes(key, KeyWord.SRC_IP, [...ip.source]);
  putBytes(key, KeyWord.DST_IP, [...ip.destination]);
  if (40 + ip.payloadLength > packet.length || (ip.payloadLength === 0 && ip.nextHeader !== 59)) {
    found.shape |= shape.SHAPE_ODD;
  } else if (40 + ip.payloadLength < packet.length) {
    found.shape |= shape.SHAPE_PADDED;
    found.end = l3 + 40 + ip.payloadLength;
  }

  let next = ip.nextHeader;
  let rest = frame.slice(l3 + 40, found.end);
  for (let followed = tags; [0, 43, 60].includes(next); ) {
    found.shape |= shape.SHAPE_OPTIONS;
    key[KeyWord.IP_PROTO] = next;
    const [following, units] = rest;
    if (following === undefined || units === undefined) {
      found.shape |= shape.SHAPE_ODD;
      return;
    }
    key[KeyWord.IP_PROTO] = following;
    next = following;
    followed++;
    if (followed > 15 || (units + 1) * 8 > rest.length) {
      found.shape |= shape.SHAPE_ODD;
      return;
    }
    rest = rest.slice((units + 1) * 8);
  }
  key[KeyWord.IP_PROTO] = next;
  if (next === 44) {
    found.shape |= shape.SHAPE_OPTIONS;
    if (rest.length < 8) {
      found.shape |= shape.SHAPE_ODD;
      return;
    }
    const view = new DataView(rest.buffer);
    found.shape |= shape.SHAPE_FRAGMENT;
    key[KeyWord.IP_PROTO] = view.getUint8(0);
    key[KeyWord.IP_FLAGS] = view.getUint16(2) >> 3 > 0 ? 1 : 3;
    return;
  }
  slowTransport(frame, found.end - rest.length, next, found);
}

function slowTransport(frame: Uint8Array, l4: number, protocol: number, found: Dissected): void {
  const { key } = found;
  const segment = frame.slice(l4, found.end);
  const view = new DataView(segment.buffer);
  const tcp = parseTcp(segment, 0, segment.length);
  const udp = parseUdp(segment, 0, segment.length);
  const icmp = parseIcmp(segment, 0, segment.length);
  if (protocol === 6 && tcp !== undefined) {
    found.shape |= shape.SHAPE_TCP;
    found.l4 = l4;
    found.payload = l4 + 20 + tcp.options.length;
    key[KeyWord.SRC_PORT] = tcp.sourcePort;
    key[KeyWord.DST_PORT] = tcp.destinationPort;
    key[KeyWord.TCP_FLAGS] = tcp.flags;
  } else if (protocol === 17 && udp !== undefined) {
    found.shape |= shape.SHAPE_UDP;
    if (udp.length !== segment.length) found.shape |= shape.SHAPE_ODD;
    found.l4 = l4;
    found.payload = l4 + 8;
    key[KeyWord.SRC_PORT] = udp.sourcePort;
    key[KeyWord.DST_PORT] = udp.destinationPort;
  } else if ((protocol === 1 || protocol === 58) && icmp !== undefined) {
    found.l4 = l4;
    key[KeyWord.ICMP_TYPE] = icmp.type;
    key[KeyWord.ICMP_CODE] = icmp.code;
  } else if ((protocol === 136 && segment.length >= 8) || ([33, 132].includes(protocol) && segment.length >= 12)) {
    found.l4 = l4;
    key[KeyWord.SRC_PORT] = view.getUint16(0);
    key[KeyWord.DST_PORT] = view.getUint16(2);
  } else if ([1, 6, 17, 33, 58, 132, 136].includes(protocol)) {
    found.shape |= shape.SHAPE_ODD;
  } else if (segment.length > 0 && protocol !== 59) {
    found.l4 = l4;
  }
}
