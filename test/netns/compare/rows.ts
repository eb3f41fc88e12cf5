/**
 * The option lists that are compared. Every word that the grammar knows is in one of them, or docs/differences.md says
 * why it is not: options-covered.test.ts asks.
 */
import { ipv4Frame, SORTED_FRAMES } from '../inner-frames.js';
import type { Row } from './row.js';
import { DATAGRAMS, FLOWS, FRAMES, OVERSIZED } from './traffic.js';

/** A way to host A for markers, where the device has no remote. */
const WAY = 'bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {A}';

/** The same for markers alone: the MAC that they are sent to. */
const MARKERS = ['bridge fdb add 02:00:00:00:00:97 dev vxlan0 dst {A}'];

function classic(title: string, options: string, more: Partial<Row> = {}): Row {
  return { title, mode: 'classic', options, ...more };
}

const CLASSIC: readonly Row[] = [
  classic('nothing but addresses', ''),
  classic('what is off, said', 'noproxy norsc nol2miss nol3miss noremcsumtx noexternal novnifilter'),
  // The kernel stops looking at the bits of remote checksum offload, whether the word is on or off.
  classic('no checksum offload of the peer’s', 'noremcsumrx', { vtep: 'noremcsumrx reserved_bits 0xf7dfffff00000000' }),
  classic('what is on, said', 'learning udpcsum'),
  classic('no addresses, one entry for all', '', { addresses: '', underlay: 4, setup: [WAY] }),
  classic('an underlay device', 'dev vb', { addresses: 'remote A' }),
  classic('another port', '', { port: 8472 }),
  classic('a TTL', 'ttl 17'),
  classic('the route’s TTL', 'hoplimit auto'),
  classic('the inner TTL', 'ttl inherit'),
  classic('a TOS', 'tos 0x48'),
  classic('the inner TOS', 'dsfield inherit'),
  classic('DF as it comes', 'df unset'),
  classic('DF set', 'df set'),
  classic('DF of the inner header', 'df inherit'),
  classic('everything inherited', 'ttl inherit tos inherit df inherit'),
  classic('a flow label', 'flowlabel 0xabcde', { underlay: 6 }),
  classic('a range of source ports', 'srcport 5000 5100', { ports: [5000, 5100], frames: FLOWS }),
  classic('fewer source ports than sockets', 'port 6000 6003', { ports: [6000, 6003], frames: FLOWS }),
  classic('one source port', 'srcport 6000 6001', { ports: [6000, 6001], frames: FLOWS }),
  classic('nothing learned', 'nolearning'),
  classic('forgotten soon', 'ageing 1', { forgets: true }),
  classic('never forgotten, which is 300', 'ageing none'),
  classic('a full table', 'maxaddress 3'),
  classic('a table without limit', 'maxaddress unlimited'),
  classic('entries that stay', '', {
    setup: [
      'bridge fdb add 02:00:00:00:00:a1 dev vxlan0 dst {A} static',
      'bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst {A} port 4790 vni 9 self permanent',
      'bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {other}',
    ],
  }),
  classic('neighbours answered for', 'proxy', {
    setup: ['host ip neigh replace 10.7.0.2 lladdr 02:00:00:00:00:99 dev vxlan0 nud permanent'],
  }),
  classic('frames for a router, for the neighbour behind it at once', 'rsc', {
    setup: [
      'bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst {other} router',
      'host ip neigh replace 10.7.0.2 lladdr 02:00:00:00:00:a3 dev vxlan0 nud permanent',
    ],
  }),
  classic('… who is on this side', 'rsc', {
    uncounted: 'otherhost',
    setup: [
      'bridge fdb add 02:00:00:00:00:99 dev vxlan0 dst {other} router',
      'bridge fdb add 02:00:00:00:00:96 dev vxlan0 dst {nobody}',
      'host ip neigh replace 10.7.0.2 lladdr 02:00:00:00:00:96 dev vxlan0 nud permanent',
    ],
  }),
  classic('misses told', 'l2miss l3miss'),
  classic('no checksum', 'noudpcsum', { underlay: 4 }),
  classic('no checksum over IPv6, either way', 'udp6zerocsumtx udp6zerocsumrx', { underlay: 6 }),
  classic('a checksum over IPv6, said', 'noudp6zerocsumtx noudp6zerocsumrx', { underlay: 6 }),
  classic('a group policy', 'gbp'),
  classic('the short way to oneself', '', { vtep: 'localbypass' }),
  classic('the long way to oneself', '', { vtep: 'nolocalbypass', attributes: '31=00' }),
  classic('no reserved bit looked at', '', { vtep: 'reserved_bits 0', attributes: '33=0000000000000000' }),
  classic('a mask of reserved bits', '', {
    vtep: 'reserved_bits 0x0000ffff000000ff',
    attributes: '33=0000ffff000000ff',
  }),
  classic('a group', 'dev vb', { addresses: 'group 239.1.1.9', underlay: 4 }),
  classic('a group of IPv6', 'dev vb', { addresses: 'group ff05::9', underlay: 6 }),
  classic('more than the underlay takes', '', { mtu: 2000, frames: OVERSIZED }),
  classic('more than the underlay takes, with DF', 'df set', { mtu: 2000, frames: OVERSIZED }),
  classic('no route to the peer', '', { addresses: 'remote 198.51.100.1', underlay: 4, setup: MARKERS }),
  classic('no route to the peer over IPv6', '', { addresses: 'remote 2001:db8::1', underlay: 6, setup: MARKERS }),
  classic('nowhere to send to', '', { addresses: 'local B', setup: MARKERS }),
  classic('raw sockets', '', { vtep: 'underlay raw' }),
  classic('UDP sockets, said', '', { vtep: 'underlay udp' }),
  classic('what a capture sees', 'dev vb', { vtep: 'dev vb underlay pcap', receiveOnly: true }),
];

function rules(title: string, options: string, more: Partial<Row> = {}): Row {
  return { title, mode: 'rules', options, datagrams: [], answers: [], frames: FRAMES, ...more };
}

const RULES: readonly Row[] = [
  rules('the device’s defaults', ''),
  rules('a TOS of the device', 'tos 0x48'),
  rules('a TOS of the rule', 'tos 0x48', { vtep: 'tos 0xf0', set: 'tos 0x48' }),
  rules('a TTL of the device', 'ttl 17'),
  rules('a TTL of the rule', 'ttl 17', { vtep: 'ttl 200', set: 'ttl 17' }),
  rules('everything inherited by the device', 'ttl inherit tos inherit df inherit'),
  rules('nofrag of the rule', 'df set', { vtep: '', set: 'nofrag' }),
  rules('nocsum of the rule', 'noudpcsum', { underlay: 4, vtep: '', set: 'nocsum' }),
  rules('nocsum of the rule, over IPv6', 'udp6zerocsumtx', { underlay: 6, vtep: '', set: 'nocsum' }),
  rules('a flow label of the device', 'flowlabel 0xabcde', { underlay: 6 }),
  rules('source ports of the device', 'srcport 5000 5100', { ports: [5000, 5100], frames: FLOWS }),
  rules('a group policy that is none', 'gbp', { frames: [ipv4Frame()] }),
  rules('more than the underlay takes', '', { mtu: 2000, frames: OVERSIZED }),
  rules('everything at once', 'ttl 17 tos 0x48 df set', {
    vtep: '',
    set: 'ttl 17 tos 0x48 nofrag',
    frames: SORTED_FRAMES,
  }),
];

function routes(title: string, options: string, encap: string, set: string, more: Partial<Row> = {}): Row {
  return { title, mode: 'routes', options, encap, set, uncounted: 'transmit', ...more };
}

const ROUTES: readonly Row[] = [
  routes('as little as can be said', '', '', 'nocsum'),
  routes('a checksum', '', 'csum', 'csum'),
  routes('a TOS and a TTL', '', 'tos 0x48 ttl 17', 'tos 0x48 ttl 17 nocsum'),
  routes('CE, which becomes ECT(0)', '', 'tos 0x4b', 'tos 0x4b nocsum'),
  // No group policy words for IPv6 in the ip of Debian 12.
  routes('a group policy', 'gbp', 'vxlan_opts 0x48abcd', 'vxlan_opts 0x48abcd nocsum', { underlay: 4 }),
  routes('a group policy for a device without', '', 'vxlan_opts 5', 'vxlan_opts 5 nocsum', { underlay: 4 }),
  routes('VXLAN-GPE', 'gpe', '', 'nocsum', { datagrams: [] }),
  routes('a filter of VNIs', 'vnifilter', '', 'nocsum', { setup: ['bridge vni add vni 5-8 dev vxlan0'] }),
  routes('a filter without the VNI', 'vnifilter', '', 'nocsum', {
    setup: ['bridge vni add vni 7 dev vxlan0'],
    datagrams: DATAGRAMS.map((datagram) => ({ ...datagram, vni: 6 })),
  }),
  routes('zero checksums taken', 'udp6zerocsumrx', '', 'nocsum', { underlay: 6 }),
];

export const ROWS: readonly Row[] = [...CLASSIC, ...RULES, ...ROUTES];
