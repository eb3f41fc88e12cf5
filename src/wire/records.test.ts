import test from 'ava';
import * as fc from 'fast-check';
import { ARP_PACKET, emitArp, parseArp } from './arp.js';
import { ETH_HEADER, emitEthernet, parseEthernet } from './ethernet.js';
import { emitIcmp, ICMP_HEADER, parseIcmp } from './icmp.js';
import { emitIpv4, IPV4_HEADER, parseIpv4 } from './ipv4.js';
import { emitIpv6, IPV6_HEADER, parseIpv6 } from './ipv6.js';
import { emitTcp, parseTcp, TCP_HEADER } from './tcp.js';
import { emitUdp, parseUdp, UDP_HEADER } from './udp.js';
import { emitVlan, parseVlan, VLAN_TAG } from './vlan.js';
import { emitVxlan, parseVxlan, VXLAN_HEADER } from './vxlan.js';

const u8 = fc.nat({ max: 255 });
const u16 = fc.nat({ max: 65535 });
const u32 = fc.nat({ max: 0xffffffff });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const options = fc.nat({ max: 10 }).chain((words) => bytesOf(4 * words));

/** A protocol whose records are to survive emission and parsing. */
interface Protocol<R> {
  readonly name: string;
  readonly record: fc.Arbitrary<R>;
  readonly emit: (record: R, bytes: Uint8Array, at: number) => number;
  readonly parse: (bytes: Uint8Array, at: number, length: number) => R | undefined;
  readonly size: (record: R) => number;
}

function roundTrip<R>({ name, record, emit, parse, size }: Protocol<R>): void {
  test(`${name}: a record survives, writes exactly its bytes, and is refused where a byte is missing`, (t) => {
    fc.assert(
      fc.property(record, fc.nat({ max: 3 }), (value, before) => {
        const length = size(value);
        const bytes = new Uint8Array(before + length + 5).fill(0xa5);
        t.is(emit(value, bytes, before), length);
        t.deepEqual(parse(bytes, before, length + 5), value);
        t.deepEqual(parse(bytes, before, length), value);
        t.is(parse(bytes, before, length - 1), undefined);
        t.true(bytes.subarray(0, before).every((byte) => byte === 0xa5));
        t.true(bytes.subarray(before + length).every((byte) => byte === 0xa5));
        const other = new Uint8Array(length).fill(0x5a);
        emit(value, other, 0);
        t.deepEqual(other, bytes.slice(before, before + length), 'every byte is written');
        t.throws(() => emit(value, new Uint8Array(length - 1), 0), { instanceOf: RangeError });
      }),
      { seed: 20261 },
    );
  });
}

roundTrip({
  name: 'Ethernet',
  record: fc.record({ destination: bytesOf(6), source: bytesOf(6), type: u16 }, { noNullPrototype: true }),
  emit: emitEthernet,
  parse: parseEthernet,
  size: () => ETH_HEADER,
});

roundTrip({
  name: 'VLAN',
  record: fc.record(
    { id: fc.nat({ max: 4095 }), priority: fc.nat({ max: 7 }), dropEligible: fc.boolean(), type: u16 },
    { noNullPrototype: true },
  ),
  emit: emitVlan,
  parse: parseVlan,
  size: () => VLAN_TAG,
});

roundTrip({
  name: 'ARP',
  record: fc.record(
    { operation: u16, senderMac: bytesOf(6), senderIp: bytesOf(4), targetMac: bytesOf(6), targetIp: bytesOf(4) },
    { noNullPrototype: true },
  ),
  emit: emitArp,
  parse: parseArp,
  size: () => ARP_PACKET,
});

roundTrip({
  name: 'IPv4',
  record: fc.record(
    {
      tos: u8,
      totalLength: u16,
      id: u16,
      dontFragment: fc.boolean(),
      moreFragments: fc.boolean(),
      fragmentOffset: fc.nat({ max: 8191 }),
      ttl: u8,
      protocol: u8,
      checksum: u16,
      source: bytesOf(4),
      destination: bytesOf(4),
      options,
    },
    { noNullPrototype: true },
  ),
  emit: emitIpv4,
  parse: parseIpv4,
  size: (record) => IPV4_HEADER + record.options.length,
});

roundTrip({
  name: 'IPv6',
  record: fc.record(
    {
      trafficClass: u8,
      flowLabel: fc.nat({ max: 0xfffff }),
      payloadLength: u16,
      nextHeader: u8,
      hopLimit: u8,
      source: bytesOf(16),
      destination: bytesOf(16),
    },
    { noNullPrototype: true },
  ),
  emit: emitIpv6,
  parse: parseIpv6,
  size: () => IPV6_HEADER,
});

roundTrip({
  name: 'ICMP',
  record: fc.record({ type: u8, code: u8, checksum: u16, rest: u32 }, { noNullPrototype: true }),
  emit: emitIcmp,
  parse: parseIcmp,
  size: () => ICMP_HEADER,
});

roundTrip({
  name: 'TCP',
  record: fc.record(
    {
      sourcePort: u16,
      destinationPort: u16,
      seq: u32,
      ack: u32,
      flags: fc.nat({ max: 0xfff }),
      window: u16,
      checksum: u16,
      urgent: u16,
      options,
    },
    { noNullPrototype: true },
  ),
  emit: emitTcp,
  parse: parseTcp,
  size: (record) => TCP_HEADER + record.options.length,
});

roundTrip({
  name: 'UDP',
  record: fc.record({ sourcePort: u16, destinationPort: u16, length: u16, checksum: u16 }, { noNullPrototype: true }),
  emit: emitUdp,
  parse: parseUdp,
  size: () => UDP_HEADER,
});

roundTrip({
  name: 'VXLAN',
  record: fc.record({ flags: u32, vni: fc.nat({ max: 0xffffff }), reserved: u8 }, { noNullPrototype: true }),
  emit: emitVxlan,
  parse: parseVxlan,
  size: () => VXLAN_HEADER,
});

test('what is not the protocol, or says so itself, is no record', (t) => {
  const bytes = new Uint8Array(64);
  for (const first of [0x65, 0x44, 0x40]) {
    bytes[0] = first;
    t.is(parseIpv4(bytes, 0, 64), undefined, `IPv4 from ${first.toString(16)}`);
  }
  bytes[0] = 0x45;
  t.is(parseIpv6(bytes, 0, 64), undefined);
  t.is(parseArp(bytes, 0, 64), undefined);
  bytes[12] = 0x40;
  t.is(parseTcp(bytes, 0, 64), undefined);
});

test('options of an odd size, too many of them and addresses of another size are refused', (t) => {
  const ip = parseIpv4(Uint8Array.of(0x45, ...new Array(19).fill(0)), 0, 20);
  const tcp = parseTcp(Uint8Array.of(...new Array(12).fill(0), 0x50, ...new Array(7).fill(0)), 0, 20);
  if (ip === undefined || tcp === undefined) return t.fail('not parsed');
  const bytes = new Uint8Array(128);
  t.throws(() => emitIpv4({ ...ip, options: new Uint8Array(3) }, bytes, 0), { instanceOf: RangeError });
  t.throws(() => emitIpv4({ ...ip, options: new Uint8Array(44) }, bytes, 0), { instanceOf: RangeError });
  t.throws(() => emitIpv4({ ...ip, source: new Uint8Array(16) }, bytes, 0), { instanceOf: RangeError });
  t.throws(() => emitTcp({ ...tcp, options: new Uint8Array(6) }, bytes, 0), { instanceOf: RangeError });
  t.throws(() => emitTcp({ ...tcp, options: new Uint8Array(44) }, bytes, 0), { instanceOf: RangeError });
});
