/**
 * A structure-aware generator of frames, for tests only: mostly sound ones of every kind that the dissector knows,
 * some with lengths that lie, some cut or with bytes changed. Random bytes alone would hardly ever get past the
 * EtherType. Built on fast-check, so that a failing frame is shrunk and a seed repeats a run.
 */
import * as fc from 'fast-check';
import { ARP_PACKET, ARP_REPLY, ARP_REQUEST, emitArp } from './arp.js';
import { putU16 } from './bytes.js';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_QINQ,
  ETHERTYPE_RARP,
  ETHERTYPE_VLAN,
} from './ether-type.js';
import { ETH_HEADER, emitEthernet } from './ethernet.js';
import { emitIcmp, ICMP_HEADER } from './icmp.js';
import * as protocol from './ip-protocol.js';
import { emitIpv4, IPV4_HEADER } from './ipv4.js';
import { emitIpv6, IPV6_HEADER } from './ipv6.js';
import { emitTcp, TCP_HEADER } from './tcp.js';
import { emitUdp, UDP_HEADER } from './udp.js';
import { emitVlan, VLAN_TAG } from './vlan.js';

/** What a generator makes of one layer: the number that announces it, and its bytes with all that follows. */
export interface Layer {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const u8 = fc.nat({ max: 255 });
const u16 = fc.nat({ max: 65535 });
const u32 = fc.nat({ max: 0xffffffff });

function bytesOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

const mac = bytesOf(6);
const data = fc.uint8Array({ maxLength: 40 });
const options = fc.oneof(
  { weight: 3, arbitrary: fc.constant(new Uint8Array(0)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 10 }).chain((words) => bytesOf(words * 4)) },
);

/** A length field: the true value mostly, else one that lies. */
function lengthField(truth: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(truth) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 7, 8, 19, 20, 21, 65535) },
    { weight: 1, arbitrary: fc.integer({ min: -9, max: 9 }).map((by) => Math.max(0, truth + by)) },
  );
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function emitted(size: number, emit: (bytes: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(size);
  emit(bytes);
  return bytes;
}

const tcp = fc
  .record({
    sourcePort: u16,
    destinationPort: u16,
    seq: u32,
    ack: u32,
    flags: fc.oneof(fc.constantFrom(0x02, 0x10, 0x18, 0x11), fc.nat({ max: 0xfff })),
    window: u16,
    checksum: u16,
    urgent: fc.constant(0),
    options,
  })
  .chain((record) =>
    data.map((payload) => ({
      type: protocol.IPPROTO_TCP,
      bytes: join([emitted(TCP_HEADER + record.options.length, (out) => emitTcp(record, out, 0)), payload]),
    })),
  );

const udp = data
  .chain((payload) =>
    fc.record({
      sourcePort: u16,
      destinationPort: u16,
      length: lengthField(UDP_HEADER + payload.length),
      checksum: u16,
      payload: fc.constant(payload),
    }),
  )
  .map((record) => ({
    type: protocol.IPPROTO_UDP,
    bytes: join([emitted(UDP_HEADER, (out) => emitUdp(record, out, 0)), record.payload]),
  }));

const icmp = fc
  .record({ type: u8, code: u8, checksum: u16, rest: u32, protocol: fc.constantFrom(1, 58), payload: data })
  .map((record) => ({
    type: record.protocol,
    bytes: join([emitted(ICMP_HEADER, (out) => emitIcmp(record, out, 0)), record.payload]),
  }));

const otherTransport = fc
  .record({ type: fc.oneof(fc.constantFrom(...Object.values(protocol)), u8), bytes: data })
  .map((record): Layer => record);

/** A transport header and its payload; `type` is the IP protocol. */
export const transportLayer: fc.Arbitrary<Layer> = fc.oneof(
  { weight: 4, arbitrary: tcp },
  { weight: 3, arbitrary: udp },
  { weight: 2, arbitrary: icmp },
  { weight: 2, arbitrary: otherTransport },
);

/** Wraps a transport layer into hop-by-hop, routing, destination options and fragment headers, now and then many. */
function extended(inner: Layer): fc.Arbitrary<Layer> {
  const one = fc.record({
    type: fc.constantFrom(
      protocol.IPPROTO_HOPOPTS,
      protocol.IPPROTO_ROUTING,
      protocol.IPPROTO_DSTOPTS,
      protocol.IPPROTO_FRAGMENT,
    ),
    // a fragment header's second byte is reserved, elsewhere it is the length; 255 reaches behind any frame made here
    units: fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 2 }) }, { weight: 1, arbitrary: fc.constant(255) }),
    fragment: fc.constantFrom(0, 1, 8, 0xfff8, 0x0006),
  });
  const chain = fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(one, { minLength: 1, maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constant({ type: protocol.IPPROTO_DSTOPTS, units: 0, fragment: 0 }), {
        minLength: 12,
        maxLength: 18,
      }),
    },
  );
  return chain.map((headers) => {
    let type = inner.type;
    const parts = [inner.bytes];
    for (const header of headers) {
      const bytes = new Uint8Array(header.units < 255 && header.type !== 44 ? 8 * (header.units + 1) : 8);
      bytes[0] = type;
      bytes[1] = header.units;
      putU16(bytes, 2, header.fragment);
      parts.unshift(bytes);
      type = header.type;
    }
    return { type, bytes: join(parts) };
  });
}

const ipv4 = fc
  .tuple(transportLayer, options)
  .chain(([inner, ipOptions]) => {
    const header = IPV4_HEADER + ipOptions.length;
    return fc.record({
      inner: fc.constant(inner),
      tos: u8,
      totalLength: lengthField(header + inner.bytes.length),
      id: u16,
      dontFragment: fc.boolean(),
      moreFragments: fc.oneof(
        { weight: 7, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
      fragmentOffset: fc.oneof(
        { weight: 7, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constantFrom(1, 185, 8191) },
      ),
      ttl: u8,
      checksum: u16,
      source: bytesOf(4),
      destination: bytesOf(4),
      options: fc.constant(ipOptions),
    });
  })
  .map((record) => ({
    type: ETHERTYPE_IPV4,
    bytes: join([
      emitted(IPV4_HEADER + record.options.length, (out) =>
        emitIpv4({ ...record, protocol: record.inner.type }, out, 0),
      ),
      record.inner.bytes,
    ]),
  }));

const ipv6 = transportLayer
  .chain(extended)
  .chain((inner) =>
    fc.record({
      inner: fc.constant(inner),
      trafficClass: u8,
      flowLabel: fc.nat({ max: 0xfffff }),
      payloadLength: lengthField(inner.bytes.length),
      hopLimit: u8,
      source: bytesOf(16),
      destination: bytesOf(16),
    }),
  )
  .map((record) => ({
    type: ETHERTYPE_IPV6,
    bytes: join([
      emitted(IPV6_HEADER, (out) => emitIpv6({ ...record, nextHeader: record.inner.type }, out, 0)),
      record.inner.bytes,
    ]),
  }));

const arp = fc
  .record({
    type: fc.constantFrom(ETHERTYPE_ARP, ETHERTYPE_ARP, ETHERTYPE_RARP),
    operation: fc.oneof(fc.constantFrom(ARP_REQUEST, ARP_REPLY), u16),
    senderMac: mac,
    senderIp: bytesOf(4),
    targetMac: mac,
    targetIp: bytesOf(4),
  })
  .map((record) => ({ type: record.type, bytes: emitted(ARP_PACKET, (out) => emitArp(record, out, 0)) }));

const otherNetwork = fc
  .record({
    type: fc.oneof(fc.constantFrom(ETHERTYPE_IPV4, ETHERTYPE_IPV6, 0x88cc, 0x05ff, 0x0600, 46), u16),
    bytes: data,
  })
  .map((record): Layer => record);

/** Everything behind the Ethernet header and its tags; `type` is the EtherType. */
export const networkLayer: fc.Arbitrary<Layer> = fc.oneof(
  { weight: 5, arbitrary: ipv4 },
  { weight: 4, arbitrary: ipv6 },
  { weight: 1, arbitrary: arp },
  { weight: 1, arbitrary: otherNetwork },
);

/** A whole frame, tagged or not, padded or not, with nothing cut or changed (its length fields may lie). */
export const wholeFrame: fc.Arbitrary<Uint8Array> = fc
  .record({
    destination: mac,
    source: mac,
    network: networkLayer,
    tags: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) },
      { weight: 1, arbitrary: fc.integer({ min: 14, max: 18 }) },
    ),
    tpid: fc.constantFrom(ETHERTYPE_VLAN, ETHERTYPE_QINQ),
    tci: u16,
    padding: fc.oneof(fc.constant(0), fc.nat({ max: 46 })),
  })
  .map(({ destination, source, network, tags, tpid, tci, padding }) => {
    let type = network.type;
    const parts = [network.bytes, new Uint8Array(padding)];
    for (let tag = 0; tag < tags; tag++) {
      const record = { id: (tci + tag) & 0xfff, priority: tci >>> 13, dropEligible: (tci & 0x1000) !== 0, type };
      parts.unshift(emitted(VLAN_TAG, (out) => emitVlan(record, out, 0)));
      type = tag % 2 === 0 ? tpid : ETHERTYPE_VLAN;
    }
    parts.unshift(emitted(ETH_HEADER, (out) => emitEthernet({ destination, source, type }, out, 0)));
    return join(parts);
  });

/** A frame of at least `min` bytes, default an Ethernet header: whole, or cut, or with up to four bytes changed. */
export function anyFrame(min = ETH_HEADER): fc.Arbitrary<Uint8Array> {
  const cut = wholeFrame.chain((frame) =>
    fc.integer({ min, max: frame.length }).map((length) => frame.slice(0, length)),
  );
  const changed = fc
    .tuple(wholeFrame, fc.array(fc.tuple(fc.nat({ max: 90 }), u8), { minLength: 1, maxLength: 4 }))
    .map(([frame, changes]) => {
      const bytes = frame.slice();
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  return fc.oneof(
    { weight: 4, arbitrary: wholeFrame },
    { weight: 3, arbitrary: cut },
    { weight: 3, arbitrary: changed },
  );
}
