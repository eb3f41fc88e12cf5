/** What compiles, and what does not: each `@ts-expect-error` fails the build where its line is accepted. */
import test from 'ava';
import type { Action, FilterMaking, LinkMaking } from '../index.js';

const filters: readonly FilterMaking[] = [
  { dev: 'vxlan0', match: { enc_key_id: 4, enc_src_ip: '10.0.0.0/8', l2_miss: true } },
  { dev: 'vxlan0', protocol: 'ip', match: { src_ip: '10.0.0.1', ip_proto: 'tcp', dst_port: 80, tcp_flags: 2 } },
  { dev: 'vxlan0', protocol: 'ipv6', match: { ip_proto: 'icmpv6', icmp_type: { value: 128, mask: 254 } } },
  { dev: 'vxlan0', protocol: 'arp', match: { arp_op: 'request', arp_tip: '10.0.0.1' } },
  { dev: 'vxlan0', protocol: '802.1Q', match: { vlan_id: 5, vlan_ethtype: 'ip', ip_proto: 'udp', dst_port: 53 } },
  {
    dev: 'vxlan0',
    protocol: '802.1ad',
    match: { vlan_ethtype: '802.1Q', cvlan_id: 6, cvlan_ethtype: 'arp', arp_op: 1 },
  },
  { dev: 'vxlan0', match: { num_of_vlans: 1, vlan_id: 5 } },
  { dev: 'vxlan0', protocol: 0x88cc, match: { dst_mac: '01:80:c2:00:00:0e' } },
  { dev: 'vxlan0', hook: 'egress', chain: 2, pref: 1, handle: 3, actions: ['pass', { goto: 4 }] },
  // @ts-expect-error a port needs an ip_proto that has ports
  { dev: 'vxlan0', protocol: 'ip', match: { dst_port: 80 } },
  // @ts-expect-error udp has no flags of tcp
  { dev: 'vxlan0', protocol: 'ip', match: { ip_proto: 'udp', tcp_flags: 2 } },
  // @ts-expect-error icmp is IPv4's
  { dev: 'vxlan0', protocol: 'ipv6', match: { ip_proto: 'icmp' } },
  // @ts-expect-error addresses need a protocol that has them
  { dev: 'vxlan0', match: { src_ip: '10.0.0.1' } },
  // @ts-expect-error arp has no ports
  { dev: 'vxlan0', protocol: 'arp', match: { dst_port: 80 } },
  // @ts-expect-error a VLAN needs a tag
  { dev: 'vxlan0', protocol: 'ip', match: { vlan_id: 5 } },
  // @ts-expect-error there is no such key
  { dev: 'vxlan0', match: { enc_vni: 4 } },
  // @ts-expect-error a filter is some device's
  { match: {} },
];

const actions: readonly Action[] = [
  { kind: 'tunnel_key', unset: true },
  { kind: 'tunnel_key', set: { src_ip: '10.0.0.1', dst_ip: '10.0.0.2', id: 4 }, index: 3, cookie: 'c0ffee' },
  { kind: 'mirred', egress: 'redirect', dev: 'tap0' },
  { kind: 'mirred', ingress: 'mirror', dev: 'tap0', control: 'pipe' },
  { kind: 'gact', control: 'drop', random: { type: 'netrand', control: 'pass', val: 10 } },
  { kind: 'vlan', push: { id: 5, priority: 3 } },
  {
    kind: 'pedit',
    munge: [
      { ip: 'ttl', decrement: true },
      { eth: 'dst', set: '02:00:00:00:00:01' },
    ],
  },
  { kind: 'csum', update: ['iph', 'udp'] },
  { kind: 'skbedit', mark: 7 },
  { kind: 'police', rate: '10mbit', burst: '10k', exceed: 'drop' },
  { kind: 'sample', rate: 100, group: 1 },
  { kind: 'simple', sdata: 'seen' },
  { kind: 'custom', name: 'mine', control: 'pipe' },
  { kind: 'reference', of: 'gact', index: 5 },
  // @ts-expect-error either or
  { kind: 'tunnel_key', unset: true, set: { src_ip: '10.0.0.1', dst_ip: '10.0.0.2' } },
  // @ts-expect-error where to
  { kind: 'tunnel_key', set: { src_ip: '10.0.0.1' } },
  // @ts-expect-error what is redirected has gone
  { kind: 'mirred', egress: 'redirect', dev: 'tap0', control: 'pass' },
  // @ts-expect-error a device is missing
  { kind: 'mirred', egress: 'redirect' },
  // @ts-expect-error one direction
  { kind: 'mirred', egress: 'redirect', ingress: 'redirect', dev: 'tap0' },
  // @ts-expect-error a tag has a VLAN
  { kind: 'vlan', push: {} },
  // @ts-expect-error an address does not count down
  { kind: 'pedit', munge: [{ ip: 'src', decrement: true }] },
  // @ts-expect-error without ex there is no Ethernet header
  { kind: 'pedit', ex: false, munge: [{ eth: 'type', set: 1 }] },
  // @ts-expect-error a rate has a burst
  { kind: 'police', rate: '10mbit' },
  // @ts-expect-error bytes or packets
  { kind: 'police', rate: 1, burst: 1, pkts_rate: 1, pkts_burst: 1 },
  // @ts-expect-error nothing to edit
  { kind: 'skbedit' },
  // @ts-expect-error there is no such kind
  { kind: 'nat' },
  // @ts-expect-error there is no such control
  'stolen',
];

const links: readonly LinkMaking[] = [
  { kind: 'vxlan', name: 'v', external: true, dstport: 4789, local: '10.0.0.1', vnifilter: true, up: true },
  { kind: 'vxlan', name: 'v', id: 4, remote: '10.0.0.2', learning: false, ageing: 60, ttl: 'inherit', df: 'set' },
  { kind: 'vxlan', name: 'v', id: 4, group: '239.1.1.1', dev: 'eth0' },
  { kind: 'vxlan', name: 'v', vni: 'any', tap_prefix: 'mir', underlay: 'pcap', dev: 'eth0' },
  { kind: 'tap', name: 'tap0', mtu: 1400, transmit: (batch) => void batch.count },
  // @ts-expect-error one VNI, or every one
  { kind: 'vxlan', name: 'v', id: 4, external: true },
  // @ts-expect-error neither of them
  { kind: 'vxlan', name: 'v' },
  // @ts-expect-error a filter of VNIs is for many
  { kind: 'vxlan', name: 'v', id: 4, vnifilter: true },
  // @ts-expect-error a group is reached by a device
  { kind: 'vxlan', name: 'v', id: 4, group: '239.1.1.1' },
  // @ts-expect-error a peer or a group
  { kind: 'vxlan', name: 'v', id: 4, group: '239.1.1.1', dev: 'eth0', remote: '10.0.0.1' },
  // @ts-expect-error TAPs of VNIs are a mirror receiver's
  { kind: 'vxlan', name: 'v', external: true, tap_prefix: 'mir' },
  // @ts-expect-error a tap has no VNI
  { kind: 'tap', name: 'tap0', id: 4 },
];

test('types take what tc takes together, and nothing else', (t) => {
  t.is(filters.length + actions.length + links.length, 56);
});
