import test from 'ava';
import { refusalOf } from './refusals.test.helper.js';

test('What vtep does not have is refused by name, with exit code 2', (t) => {
  const flower = 'tc filter add dev a ingress protocol ip flower';
  for (const [line, what] of [
    ...[
      ...['ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'mpls', 'mpls_label', 'mpls_tc', 'mpls_bos', 'mpls_ttl'],
      ...['pppoe_sid', 'ppp_proto', 'l2tpv3_sid', 'cfm', 'spi', 'geneve_opts', 'erspan_opts', 'gtp_opts'],
    ].map((word) => [`${flower} ${word} 1`, `flower key "${word}"`] as const),
    [`${flower} tcp_flags 2`, 'flower key "tcp_flags" without ip_proto tcp'],
    [`${flower} ip_proto udp tcp_flags 2`, 'flower key "tcp_flags" without ip_proto tcp'],
    [`${flower} arp_sha 02:00:00:00:00:01`, 'flower key "arp_sha" without protocol arp or rarp'],
    ['tc filter add dev a ingress flower ip_tos 4', 'flower key "ip_tos" without protocol ip or ipv6'],
    ['tc filter add dev a ingress protocol arp flower ip_ttl 4', 'flower key "ip_ttl" without protocol ip or ipv6'],
    [`${flower} action ct`, 'action "ct"'],
    [`${flower} action nat ingress 10.0.0.1 10.0.0.2`, 'action "nat"'],
    [`${flower} action mpls pop`, 'action "mpls"'],
    [`${flower} action skbmod swap mac`, 'action "skbmod"'],
    [`${flower} action skbedit ptype host`, '"ptype" of action skbedit'],
    [`${flower} action police avrate 1mbit drop`, '"avrate" of action police'],
    [`${flower} action pedit ex munge eth dst invert`, '"invert" of a pedit field longer than 32 bits'],
    [`${flower} action tunnel_key set erspan_opts 1:2:3:4`, '"erspan_opts" of action tunnel_key'],
    [`${flower} action tunnel_key set geneve_opts 1:2:3`, '"geneve_opts" of action tunnel_key'],
    ['tc filter add dev a ingress matchall', 'filter kind "matchall"'],
    ['tc filter add block 1 flower', 'a shared block ("block")'],
    ['ip link add v numtxqueues 4 type tap', '"numtxqueues" in ip link add'],
    ['ip tuntap add t mode tap pi', '"pi" of a TAP'],
    ['ip tuntap add t mode tap user root', '"user root" of a TAP'],
    ['ip -n other link add v type tap', 'a device of another namespace ("-netns")'],
    ['tc actions ls action connmark', 'action "connmark"'],
    ['tc chain add dev a ingress chain 5 flower', 'a template of a chain ("flower")'],
    ['tc chain add block 5', 'a shared block ("block")'],
    ['bridge fdb add 02:00:00:00:00:01 dev v nhid 5', 'bridge fdb "nhid" (a nexthop object)'],
    [
      'bridge fdb add 02:00:00:00:00:01 dev v dst 10.0.0.1 self master',
      'bridge fdb with both "self" and "master" (one line for each)',
    ],
    ['bridge fdb flush dev v nhid 5', 'bridge fdb "nhid" (a nexthop object)'],
    ['tc -o filter show dev a ingress', 'option "-o" of tc'],
  ] as const) {
    t.deepEqual(refusalOf(line), [2, `vtep: ${what} is not supported by vtep`], line);
  }
});

test('Words that say what a device has anyway are taken', (t) => {
  const words = 'noproxy norsc nol2miss nol3miss noremcsumtx noremcsumrx novnifilter localbypass df unset flowlabel 0';
  const line = `ip link add v type vxlan external dstport 4789 ${words} maxaddress unlimited ttl auto ageing none`;
  t.deepEqual(refusalOf(line), [0, 'link-add-vxlan']);
});
