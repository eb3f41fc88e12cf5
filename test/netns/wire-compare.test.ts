// The kernel's vxlan device is the judge: the same options and the same frames give the same outer headers.
import { ipv4Frame, ipv6Frame, SORTED_FRAMES, tagged } from './inner-frames.js';
import { rooted, twoHosts } from './rooted.js';
import {
  type ArrivingDatagram,
  compareOnTheWire,
  compareReceived,
  type ReceiveRow,
  type WireRow,
} from './wire-compare.js';

/** Forty flows. */
const FLOWS = Array.from({ length: 40 }, (_, n) => ipv4Frame({ sourcePort: 2000 + n }));

const BOTH: readonly WireRow[] = [
  { title: 'defaults', frames: SORTED_FRAMES },
  { title: 'a TOS', options: 'tos 0x48', frames: SORTED_FRAMES },
  { title: 'a TOS of the rule', kernel: 'tos 0x48', vtep: 'tos 0xf0', set: 'tos 0x48', frames: SORTED_FRAMES },
  { title: 'the inner TOS', options: 'tos inherit', frames: SORTED_FRAMES },
  { title: 'a TTL', options: 'ttl 17', frames: SORTED_FRAMES },
  { title: 'a TTL of the rule', kernel: 'ttl 17', vtep: 'ttl 200', set: 'ttl 17', frames: SORTED_FRAMES },
  { title: 'the inner TTL', options: 'ttl inherit', frames: SORTED_FRAMES },
  { title: 'everything inherited', options: 'ttl inherit tos inherit df inherit', frames: SORTED_FRAMES },
  { title: 'df set', options: 'df set', frames: SORTED_FRAMES },
  { title: 'df inherit', options: 'df inherit', frames: SORTED_FRAMES },
  { title: 'nofrag of the rule', kernel: 'df set', vtep: '', set: 'nofrag', frames: SORTED_FRAMES },
  { title: 'a range of source ports', options: 'srcport 5000 5100', ports: [5000, 5100], frames: FLOWS },
  { title: 'fewer source ports than sockets', options: 'srcport 6000 6003', ports: [6000, 6003], frames: FLOWS },
  { title: 'one source port', options: 'srcport 6000 6001', ports: [6000, 6001], frames: FLOWS },
  { title: 'a group policy that is none', options: 'gbp', frames: [ipv4Frame()] },
];

const IPV4: readonly WireRow[] = [
  ...BOTH,
  { title: 'no checksum', kernel: 'noudpcsum', vtep: '', set: 'nocsum', frames: SORTED_FRAMES },
  {
    title: 'more than the underlay takes, in fragments',
    mtu: 2000,
    // What must not be fragmented is answered instead (see path-mtu.test.ts).
    frames: [ipv4Frame({ size: 1600 }), ipv4Frame()],
  },
  {
    title: 'more than the underlay takes, with DF',
    options: 'df set',
    mtu: 2000,
    lost: 1,
    frames: [ipv4Frame({ size: 1600 }), ipv4Frame()],
  },
];

const IPV6: readonly WireRow[] = [
  ...BOTH,
  { title: 'a flow label', options: 'flowlabel 0xabcde', frames: SORTED_FRAMES },
  { title: 'no checksum', kernel: 'udp6zerocsumtx', vtep: '', set: 'nocsum', frames: SORTED_FRAMES },
  { title: 'more than the underlay takes', mtu: 2000, lost: 1, frames: [ipv4Frame({ size: 1600 }), ipv4Frame()] },
];

/** Every pair of inner and outer ECN fields, in both families and behind a tag, with a DSCP or two. */
const ECN: readonly ArrivingDatagram[] = [0, 1, 2, 3].flatMap((outer) =>
  [0, 1, 2, 3].flatMap((inner) => [
    { tos: outer, inner: ipv4Frame({ tos: inner, sourcePort: 100 + outer * 4 + inner }) },
    { tos: 0xb8 | outer, inner: ipv4Frame({ tos: 0x28 | inner, sourcePort: 200 + outer * 4 + inner }) },
    { tos: 0x2c | outer, inner: ipv6Frame({ tos: 0xb8 | inner, sourcePort: 300 + outer * 4 + inner }) },
    { tos: outer, inner: tagged(ipv4Frame({ tos: inner, sourcePort: 400 + outer * 4 + inner })) },
  ]),
);
/** Each bit of the header's two words that can be set beside the I flag and the VNI. */
const BITS: readonly ArrivingDatagram[] = [
  ...[0, 2, 4, 8, 16, 19, 22, 23, 24, 26, 28, 29, 30, 31].map((bit) => ({
    first: (0x08000000 | (1 << bit)) >>> 0,
    inner: ipv4Frame({ sourcePort: 500 + bit }),
  })),
  ...[0, 7].map((bit) => ({ last: 7 * 256 + (1 << bit), inner: ipv4Frame({ sourcePort: 600 + bit }) })),
];
const SHORT: readonly ArrivingDatagram[] = [
  { inner: ipv4Frame().slice(0, 2 * (14 + 19)) },
  { inner: ipv6Frame().slice(0, 2 * (14 + 39)) },
  { inner: ipv4Frame().slice(0, 2 * 13) },
  { inner: '' },
];

const RECEIVED: readonly ReceiveRow[] = [
  { title: 'every ECN field', datagrams: ECN, lost: 3 },
  { title: 'reserved bits', datagrams: BITS, lost: 16 },
  { title: 'the bits of a group policy', options: 'gbp', datagrams: BITS, lost: 7 },
  { title: 'inner headers cut short', datagrams: SHORT, lost: 4 },
];
const ZERO: readonly ArrivingDatagram[] = [{ zeroChecksum: true, inner: ipv4Frame() }];
const RECEIVED4: readonly ReceiveRow[] = [...RECEIVED, { title: 'no checksum', datagrams: ZERO }];
const RECEIVED6: readonly ReceiveRow[] = [
  ...RECEIVED,
  { title: 'no checksum', datagrams: ZERO, lost: 1 },
  { title: 'no checksum where that is allowed', options: 'udp6zerocsumrx', datagrams: ZERO },
];

for (const [underlay, rows] of [
  [4, RECEIVED4],
  [6, RECEIVED6],
] as const) {
  rooted(`over IPv${underlay} what comes out of the tunnel is what comes out of the kernel's`, async (t) => {
    const topology = await twoHosts(t, { underlay, mode: 'wire' });
    t.timeout(300_000);
    for (const row of rows) await compareReceived(t, topology, row);
  });
}

for (const [underlay, rows] of [
  [4, IPV4],
  [6, IPV6],
] as const) {
  rooted(`over IPv${underlay} vtep's outer headers are the kernel's`, async (t) => {
    const topology = await twoHosts(t, { underlay, mode: 'wire' });
    t.timeout(300_000);
    for (const row of rows) await compareOnTheWire(t, topology, row);
  });
}
