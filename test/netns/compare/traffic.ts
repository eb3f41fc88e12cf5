/** Every kind of frame that goes out, and every kind of datagram that comes in. */
import { ethernet } from '../frames.js';
import { ipv4Frame, ipv6Frame, SORTED_FRAMES, tagged } from '../inner-frames.js';
import { type Datagram, DEVICE_MAC, STATIONS } from './row.js';

const hex = (mac: string): string => mac.replaceAll(':', '');

/** The frame with another source, and with another destination. */
export function from(mac: string, frame: string): string {
  return frame.slice(0, 12) + hex(mac) + frame.slice(24);
}

export function to(mac: string, frame: string): string {
  return hex(mac) + frame.slice(12);
}

/** A frame of an EtherType for local experiments, whose number is not that of a marker. */
function unknownType(number: number, bytes = 46): string {
  return `${ethernet('02:00:00:00:00:99', '02:00:00:00:00:98', 0x88b6)}${number.toString(16).padStart(bytes * 2, '0')}`;
}

const BROADCAST = to('ff:ff:ff:ff:ff:ff', ipv4Frame({ sourcePort: 900 }));
const MULTICAST = to('01:00:5e:01:01:01', ipv4Frame({ sourcePort: 901 }));
const TWICE_TAGGED = tagged(tagged(ipv4Frame({ sourcePort: 902, tos: 0xb8 }))).replace(/^(.{24})8100/, '$188a8');

/** Both families with every ECN field and two DSCPs, TTLs, DF, tags, ARP, broadcast, multicast, and what is not IP. */
export const FRAMES: readonly string[] = [...SORTED_FRAMES, BROADCAST, MULTICAST, TWICE_TAGGED, unknownType(1)];

/** What a router takes of them. */
export const PACKETS: readonly string[] = [0, 1, 2, 3, 0xb8, 0xb9, 0xba, 0xbb]
  .map((tos) => ipv4Frame({ tos, sourcePort: 3000 + tos }))
  .concat([ipv4Frame({ dontFragment: true }), ipv4Frame({ ttl: 7, dontFragment: true }), ipv4Frame({ size: 1200 })]);

/** Forty flows. */
export const FLOWS = Array.from({ length: 40 }, (_, n) => ipv4Frame({ sourcePort: 2000 + n }));

/** More than 1500 bytes of underlay takes, and one that fits. */
export const OVERSIZED: readonly string[] = [ipv4Frame({ size: 1600 }), ipv4Frame()];

/** Every pair of inner and outer ECN fields, in both families and behind a tag, with a DSCP or two. */
const ECN: readonly Datagram[] = [0, 1, 2, 3].flatMap((outer) =>
  [0, 1, 2, 3].flatMap((inner) => [
    { tos: outer, inner: ipv4Frame({ tos: inner, sourcePort: 100 + outer * 4 + inner }) },
    { tos: 0xb8 | outer, inner: ipv4Frame({ tos: 0x28 | inner, sourcePort: 200 + outer * 4 + inner }) },
    { tos: 0x2c | outer, inner: ipv6Frame({ tos: 0xb8 | inner, sourcePort: 300 + outer * 4 + inner }) },
    { tos: outer, inner: tagged(ipv4Frame({ tos: inner, sourcePort: 400 + outer * 4 + inner })) },
  ]),
);

/** Each kind of bit of the header's two words that can be set beside the I flag and the VNI. */
const BITS: readonly Datagram[] = [
  ...[0, 2, 4, 8, 16, 19, 22, 23, 24, 26, 28, 29, 30, 31].map((bit) => ({
    first: (0x08000000 | (1 << bit)) >>> 0,
    inner: ipv4Frame({ sourcePort: 500 + bit }),
  })),
  ...[0, 7].map((bit) => ({ last: 7 * 256 + (1 << bit), inner: ipv4Frame({ sourcePort: 600 + bit }) })),
];

const MALFORMED: readonly Datagram[] = [
  ...[0, 4, 7].map((cut) => ({ cut, inner: '' })),
  { first: 0, inner: ipv4Frame({ sourcePort: 700 }) },
  { vni: 8, inner: ipv4Frame({ sourcePort: 701 }) },
  { inner: '' },
  { inner: ipv4Frame().slice(0, 2) },
  { inner: ipv4Frame().slice(0, 2 * 13) },
  { inner: ipv4Frame().slice(0, 2 * (14 + 19)) },
  { inner: ipv6Frame().slice(0, 2 * (14 + 39)) },
  { badChecksum: true, inner: ipv4Frame({ sourcePort: 702 }) },
  { inner: from(DEVICE_MAC, ipv4Frame({ sourcePort: 703 })) },
  { inner: from('01:00:00:00:00:01', ipv4Frame({ sourcePort: 704 })) },
  { inner: from('00:00:00:00:00:00', ipv4Frame({ sourcePort: 705 })) },
];

/** Not malformed, whatever they look like. */
const GOOD: readonly Datagram[] = [
  { zeroChecksum: true, inner: ipv4Frame({ sourcePort: 800 }) },
  { inner: unknownType(2) },
  { inner: ethernet('02:00:00:00:00:99', '02:00:00:00:00:98', 0x88b6) },
  { inner: BROADCAST },
  { inner: MULTICAST },
  { inner: TWICE_TAGGED },
  // A wrong checksum of the inner header is the receiver's to see.
  { inner: ipv4Frame({ sourcePort: 801 }).replace(/^(.{48}).{4}/, '$1dead') },
];

/** Two stations; the first of them moves to another peer. */
const MOVES: readonly Datagram[] = [
  { inner: from(STATIONS[0], ipv4Frame({ sourcePort: 850 })) },
  { inner: from(STATIONS[1], ipv4Frame({ sourcePort: 851 })) },
  { inner: from(STATIONS[2], ipv4Frame({ sourcePort: 852 })) },
  { fromOther: true, inner: from(STATIONS[0], ipv4Frame({ sourcePort: 853 })) },
];

export const DATAGRAMS: readonly Datagram[] = [...ECN, ...BITS, ...MALFORMED, ...GOOD, ...MOVES];

/** To each of the stations. */
export const ANSWERS: readonly string[] = STATIONS.map((mac, n) => to(mac, ipv4Frame({ sourcePort: 950 + n })));
