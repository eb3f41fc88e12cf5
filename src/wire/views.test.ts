import test from 'ava';
import { arpOperation, arpSenderIp, arpTargetIp } from './arp.js';
import { u32 } from './bytes.js';
import { ethIsGroup, ethType, frameProtocol, putEthType } from './ethernet.js';
import { icmpChecksum, icmpCode, icmpType, putIcmpChecksum } from './icmp.js';
import { ipHeaderCut } from './ip.js';
import * as ipv4 from './ipv4.js';
import * as ipv6 from './ipv6.js';
import * as tcp from './tcp.js';
import * as udp from './udp.js';
import { isVlanType, vlanId, vlanPriority, vlanType } from './vlan.js';

/** Hex text at offset 2 of a buffer full of 0xa5, so that no accessor gets by with an offset of its own. */
function at2(...lines: string[]): Uint8Array {
  const bytes = Buffer.from(lines.join('').replace(/\s/g, ''), 'hex');
  const buffer = new Uint8Array(bytes.length + 4).fill(0xa5);
  buffer.set(bytes, 2);
  return buffer;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(2, -2)).toString('hex');
}

test('Ethernet', (t) => {
  const bytes = at2('0102030405f6 0708090a0bfc', '86dd');
  t.is(ethType(bytes, 2), 0x86dd);
  t.true(ethIsGroup(bytes, 2));
  t.false(ethIsGroup(bytes, 3));
  putEthType(bytes, 2, 0x0800);
  t.is(text(bytes), '0102030405f60708090a0bfc0800');
});

test('the protocol of a frame is its type field, the outermost tag, or a name for IEEE 802.3', (t) => {
  const macs = '0102030405f6 0708090a0bfc';
  t.is(frameProtocol(at2(macs, '0800 4500'), 2, 16), 0x0800);
  t.is(frameProtocol(at2(macs, '88a8 0064 0800'), 2, 18), 0x88a8);
  t.is(frameProtocol(at2(macs, '0600 4500'), 2, 16), 0x0600);
  t.is(frameProtocol(at2(macs, '05ff 4242'), 2, 16), 0x0004);
  t.is(frameProtocol(at2(macs, '05ff ffff'), 2, 16), 0x0001);
  t.is(frameProtocol(at2(macs, '05ff ffff'), 2, 15), 0x0004, 'nothing behind the frame is looked at');
});

test('VLAN', (t) => {
  const bytes = at2('b064 0800'); // priority 5, drop eligible, VLAN 100
  t.is(vlanId(bytes, 2), 100);
  t.is(vlanPriority(bytes, 2), 5);
  t.is(vlanType(bytes, 2), 0x0800);
  t.true(isVlanType(0x8100) && isVlanType(0x88a8) && !isVlanType(0x0800));
});

test('ARP', (t) => {
  const bytes = at2('0001 0800 06 04 0002', '525400000001 c0a80001', '525400000002 c0a80002');
  t.is(arpOperation(bytes, 2), 2);
  t.is(arpSenderIp(bytes, 2) >>> 0, 0xc0a80001);
  t.is(arpTargetIp(bytes, 2) >>> 0, 0xc0a80002);
});

test('IPv4', (t) => {
  const bytes = at2('46 b9 01f4 1234 6001 40 11 beef', 'c0a8010d c0a8010e', '01010101');
  t.is(ipv4.ipVersion(bytes, 2), 4);
  t.is(ipv4.ipv4HeaderLength(bytes, 2), 24);
  t.is(ipv4.ipv4Tos(bytes, 2), 0xb9);
  t.is(ipv4.ipv4TotalLength(bytes, 2), 500);
  t.is(ipv4.ipv4Id(bytes, 2), 0x1234);
  t.is(ipv4.ipv4Fragment(bytes, 2), ipv4.IPV4_DONT_FRAGMENT | ipv4.IPV4_MORE_FRAGMENTS | 1);
  t.is(ipv4.ipv4Ttl(bytes, 2), 64);
  t.is(ipv4.ipv4Protocol(bytes, 2), 17);
  t.is(ipv4.ipv4Checksum(bytes, 2), 0xbeef);
  t.is(ipv4.ipv4Src(bytes, 2), 0xc0a8010d | 0);
  t.is(ipv4.ipv4Dst(bytes, 2), 0xc0a8010e | 0);
  ipv4.putIpv4Tos(bytes, 2, 0x03);
  ipv4.putIpv4TotalLength(bytes, 2, 65535);
  ipv4.putIpv4Id(bytes, 2, 0x1_5678);
  ipv4.putIpv4Checksum(bytes, 2, 0xcafe);
  t.is(text(bytes), '4603ffff567860014011cafec0a8010dc0a8010e01010101');
});

test('IPv6', (t) => {
  const bytes = at2('6abfffff 0123 3a 40', 'fd000000000000000000000000000001', 'fd000000000000000000000000000002');
  t.is(ipv4.ipVersion(bytes, 2), 6);
  t.is(ipv6.ipv6TrafficClass(bytes, 2), 0xab);
  t.is(ipv6.ipv6FlowLabel(bytes, 2), 0xfffff);
  t.is(ipv6.ipv6PayloadLength(bytes, 2), 0x123);
  t.is(ipv6.ipv6NextHeader(bytes, 2), 58);
  t.is(ipv6.ipv6HopLimit(bytes, 2), 64);
  t.is(u32(bytes, 2 + ipv6.IPV6_SRC + 12), 1);
  t.is(u32(bytes, 2 + ipv6.IPV6_DST + 12), 2);
  ipv6.putIpv6TrafficClass(bytes, 2, 0x5c);
  ipv6.putIpv6PayloadLength(bytes, 2, 0xffee);
  t.is(text(bytes).slice(0, 16), '65cfffffffee3a40');
});

test('IPv6 extension headers', (t) => {
  const bytes = at2('3c 02 0000', '06 00 0ff1 00000001');
  t.is(ipv6.ipv6ExtensionNext(bytes, 2), 60);
  t.is(ipv6.ipv6ExtensionLength(bytes, 2), 24);
  t.is(ipv6.ipv6ExtensionNext(bytes, 6), 6);
  t.is(ipv6.ipv6Fragment(bytes, 6), 0x0ff1);
  t.is(ipv6.ipv6Fragment(bytes, 6) & ipv6.IPV6_OFFSET_MASK, 0x0ff0);
});

test('ICMP', (t) => {
  const bytes = at2('0805 beef 00010002');
  t.is(icmpType(bytes, 2), 8);
  t.is(icmpCode(bytes, 2), 5);
  t.is(icmpChecksum(bytes, 2), 0xbeef);
  putIcmpChecksum(bytes, 2, 0x0102);
  t.is(text(bytes), '0805010200010002');
});

test('TCP', (t) => {
  const bytes = at2('8235 1451 fffffffe 80000000', '8 918 1234 beef 0007', '0101080a 00000001 00000002');
  t.is(tcp.tcpSrcPort(bytes, 2), 33333);
  t.is(tcp.tcpDstPort(bytes, 2), 5201);
  t.is(tcp.tcpSeq(bytes, 2), -2);
  t.is((tcp.tcpSeq(bytes, 2) + 3) | 0, 1, 'sequence numbers wrap');
  t.is(tcp.tcpAck(bytes, 2), 0x80000000 | 0);
  t.is(tcp.tcpHeaderLength(bytes, 2), 32);
  t.is(tcp.tcpFlags(bytes, 2), tcp.TCP_FLAG_ACK | tcp.TCP_FLAG_PSH);
  t.is(tcp.tcpFlags12(bytes, 2), 0x918);
  t.is(tcp.tcpWindow(bytes, 2), 0x1234);
  t.is(tcp.tcpChecksum(bytes, 2), 0xbeef);
  t.is(tcp.tcpUrgent(bytes, 2), 7);
  tcp.putTcpSeq(bytes, 2, -1);
  tcp.putTcpFlags(bytes, 2, tcp.TCP_FLAG_ACK);
  tcp.putTcpChecksum(bytes, 2, 0xcafe);
  t.is(text(bytes), '82351451ffffffff8000000089101234cafe00070101080a0000000100000002');
});

test('UDP', (t) => {
  const bytes = at2('8235 12b5 0010 beef');
  t.is(udp.udpSrcPort(bytes, 2), 33333);
  t.is(udp.udpDstPort(bytes, 2), 4789);
  t.is(udp.udpLength(bytes, 2), 16);
  t.is(udp.udpChecksum(bytes, 2), 0xbeef);
  udp.putUdpLength(bytes, 2, 0xffff);
  udp.putUdpChecksum(bytes, 2, 0);
  t.is(text(bytes), '823512b5ffff0000');
});

test('robustness 12: an IP header that is cut short is told by the EtherType and the length', (t) => {
  const macs = '0102030405f6 0708090a0bfc';
  const four = at2(macs, '0800');
  const six = at2(macs, '86dd');
  t.true(ipHeaderCut(four, 2, 14));
  t.true(ipHeaderCut(four, 2, 33));
  t.false(ipHeaderCut(four, 2, 34));
  t.true(ipHeaderCut(six, 2, 53));
  t.false(ipHeaderCut(six, 2, 54));
  t.false(ipHeaderCut(at2(macs, '0806'), 2, 14));
  t.false(ipHeaderCut(at2(macs, '8100'), 2, 18), 'behind a tag the kernel does not look');
});
