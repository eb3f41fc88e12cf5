/** The help texts, by the place that they are asked at. */
import { actionHelp } from './help-actions.js';
import { VXLAN_GPE_PORT, VXLAN_PORT } from './vxlan-options.js';

/** Thrown by the grammar where somebody asks for help; parseLine turns it into a command. */
export class HelpRequest extends Error {
  override readonly name = 'HelpRequest';
  readonly topic: HelpTopic;

  constructor(topic: HelpTopic) {
    super(topic);
    this.topic = topic;
  }
}

const ip = `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
OBJECT  := { link | tuntap | monitor } for vtep's own devices; every other object, and every line about another
           interface, goes to the system's ip
OPTIONS := { -s[tatistics] | -d[etails] | -j[son] | -p[retty] | -4 | -6 }`;

const ipLink = `Usage: ip link add [ name ] NAME [ mtu MTU ] [ address LLADDR ] [ txqueuelen N ] [ up | down ]
               type { vxlan VXLAN-OPTIONS | tap [ persist ] }
       ip link { set | change } [ dev ] NAME { up | down | mtu MTU | … as the system's ip has it }
               [ type vxlan VXLAN-OPTIONS ]
       ip link { show | list | ls } [ [ dev ] NAME ] [ type { vxlan | tun } ] [ up ]
       ip link { delete | del } [ dev ] NAME
See also: ip link add NAME type vxlan help`;

const vxlan = `Usage: … vxlan { external [ [no]vnifilter ] | id VNI | MIRROR } [ { remote | group } ADDR ] [ local ADDR ]
       [ dev DEVICE ] [ dstport PORT ] [ srcport MIN MAX ] [ ttl { TTL | auto | inherit } ]
       [ tos { TOS | inherit } ] [ df { unset | set | inherit } ] [ flowlabel LABEL ]
       [ ageing { SECONDS | none } ] [ maxaddress { N | unlimited } ] [ [no]learning ] [ [no]localbypass ]
       [ [no]udpcsum ] [ [no]udp6zerocsumtx ] [ [no]udp6zerocsumrx ] [ [no]remcsumtx ] [ [no]remcsumrx ]
       [ [no]proxy ] [ [no]rsc ] [ [no]l2miss ] [ [no]l3miss ] [ gbp ] [ gpe ] [ reserved_bits MASK ]
       [ underlay { udp | raw | pcap } ]
MIRROR := vni any [ tap-prefix NAME [ max-taps N ] [ tap-idle { SECONDS | none } ] ] [ tap-offload { on | off } ]
dstport is ${VXLAN_PORT} unless given, ${VXLAN_GPE_PORT} with gpe. Bounds of srcport are [MIN, MAX).
underlay: udp (sockets, the default), raw (any source port), pcap (listens promiscuously on DEVICE, sends nothing).
vni any: receives mirrored traffic of every VNI; with tap-prefix each VNI gets a TAP of that name and its number.`;

const tuntap = `Usage: ip tuntap add [ dev ] NAME mode tap [ persist ] [ vnet_hdr ] [ multi_queue ] [ one_queue ]
       ip tuntap { delete | del } [ dev ] NAME mode tap`;

const tc = `Usage: tc [ OPTIONS ] OBJECT { COMMAND | help }
OBJECT  := { qdisc | filter | chain } for ingress and clsact, actions and monitor; class and other
           qdiscs go to the system's tc
OPTIONS := { -s[tatistics] | -d[etails] | -j[son] | -p[retty] }`;

const qdisc = `Usage: tc qdisc { add | replace | delete | del } dev DEVICE [ handle ffff: ] { ingress | clsact }
       tc qdisc { show | list | ls } [ dev DEVICE ]`;

const filter = `Usage: tc filter { add | change | replace } dev DEVICE PARENT [ protocol PROTO ] [ pref PRIO ]
       [ chain N ] [ handle ID ] flower OPTIONS
       tc filter get dev DEVICE PARENT protocol PROTO pref PRIO [ chain N ] handle ID flower
       tc filter { delete | del } dev DEVICE PARENT [ protocol PROTO ] [ pref PRIO ] [ chain N ]
       [ handle ID flower ]
       tc filter { show | list | ls } dev DEVICE PARENT [ protocol PROTO ] [ pref PRIO ] [ chain N ]
PARENT := { ingress | egress | parent ffff: }
See also: tc filter add flower help`;

const flower = `Usage: … flower [ MATCH … ] [ skip_hw ] [ verbose ] [ classid CLASSID | hw_tc N ] [ action ACTION … ]
MATCH  := { indev DEVICE | dst_mac MAC[/MASK] | src_mac MAC[/MASK] |
            num_of_vlans N | vlan_id VID | vlan_prio PRIO | vlan_ethtype ETHTYPE |
            cvlan_id VID | cvlan_prio PRIO | cvlan_ethtype ETHTYPE |
            ip_proto { tcp | udp | sctp | icmp | icmpv6 | HEX } |
            ip_tos TOS[/HEXMASK] | ip_ttl TTL[/HEXMASK] | ip_flags IP-FLAGS |
            dst_ip PREFIX | src_ip PREFIX | dst_port PORTS | src_port PORTS | tcp_flags HEX[/HEXMASK] |
            type TYPE[/MASK] | code CODE[/MASK] |
            arp_sip PREFIX | arp_tip PREFIX | arp_op { request | reply | OP }[/MASK] |
            arp_sha MAC[/MASK] | arp_tha MAC[/MASK] |
            enc_dst_ip PREFIX | enc_src_ip PREFIX | enc_key_id VNI |
            enc_dst_port PORT | enc_src_port PORT | enc_tos TOS[/HEXMASK] | enc_ttl TTL[/HEXMASK] |
            vxlan_opts GBP[/MASK] | enc_flags ENC-FLAGS | l2_miss { 0 | 1 } }
PORTS     := { PORT[/MASK] | FIRST-LAST }
IP-FLAGS  := [no]{ frag | firstfrag }[/…]
ENC-FLAGS := [no]{ tuncsum | tundf | tunoam | tuncrit }[/…]
ACTION := { tunnel_key … | mirred … | vlan … | pedit … | csum … | skbedit … | police … | sample … |
            simple … | [ gact ] CONTROL }, each with [ index N ] [ cookie HEX ]
CONTROL := { pass | drop | pipe | continue | reclassify | trap | goto chain N | jump N }`;

const chain = `Usage: tc chain { add | delete | del } dev DEVICE PARENT [ chain N ]
       tc chain get dev DEVICE PARENT [ chain N ]
       tc chain { show | list | ls } dev DEVICE PARENT [ chain N ]
PARENT := { ingress | egress | parent ffff: }`;

const actions = `Usage: tc actions { add | change | replace } action ACTION [ action ACTION … ]
       tc actions { get | delete | del } action KIND index N [ action KIND index N … ]
       tc actions { show | list | ls } action KIND [ since MSEC ]
       tc actions flush action KIND
KIND := { tunnel_key | mirred | gact | vlan | pedit | csum | skbedit | police | sample | simple }
See also: tc filter add flower help`;

const bridge = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
OBJECT  := { fdb | vni | monitor } for vtep's own devices; link, vlan and mdb, and every line about a bridge's own
           table (master, br, vlan), go to the system's bridge
OPTIONS := { -s[tatistics] | -d[etails] | -j[son] | -p[retty] }`;

const fdb = `Usage: bridge fdb { add | append | replace } [ to ] LLADDR dev DEVICE [ self ]
              [ permanent | static | dynamic ] [ dst ADDR ] [ port PORT ] [ vni VNI ] [ src_vni VNI ]
              [ via DEVICE ] [ router ] [ extern_learn ] [ sticky ]
       bridge fdb { delete | del } [ to ] LLADDR dev DEVICE [ dst ADDR ] [ port PORT ] [ vni VNI ]
              [ src_vni VNI ] [ via DEVICE ]
       bridge fdb get [ to ] LLADDR dev DEVICE [ vni VNI ] self
       bridge fdb { show | list | ls } [ dev DEVICE ] [ state STATE ] [ dynamic ]
       bridge fdb flush dev DEVICE [ self ] [ [no]permanent | [no]static | [no]dynamic ]
              [ [no]extern_learn ] [ [no]router ] [ dst ADDR ] [ port PORT ] [ vni VNI ] [ src_vni VNI ]
              [ via DEVICE ]
An LLADDR of zeros is where frames go that no other entry is for.`;

const vni = `Usage: bridge vni { add | delete | del } vni LIST [ { group | remote } ADDR ] dev DEVICE
       bridge vni { show | list | lst } [ dev DEVICE ]
LIST := VNI[-VNI][,…]`;

const monitor = `Usage: monitor [ -s[tatistics] ] [ -d[etails] ] [ -t[imestamp] | -ts[hort] ] [ -j[son] [ -p[retty] ] ]
       [ all | OBJECT … ] [ label ] [ dev DEVICE ]
OBJECT := { link | filter | actions | fdb | mirror }
filter has qdiscs and chains too; fdb tells of misses as well; mirror tells of VNIs that got no TAP (vni any).`;

const ipMonitor = `Usage: ip monitor [ all | { link | neigh } … ] [ label ] [ dev DEVICE ]
Tells of vtep's devices; what else ip can tell of, and file FILENAME, go to the system's ip.`;

const tcMonitor = `Usage: tc [ -timestamp [ -tshort ] ] monitor`;

const bridgeMonitor = `Usage: bridge monitor [ link | fdb | all ]
Tells of vtep's devices; mdb, vlan, vni and file FILENAME go to the system's bridge.`;

const texts = {
  ip,
  'ip link': ipLink,
  'ip link vxlan': vxlan,
  'ip tuntap': tuntap,
  'ip monitor': ipMonitor,
  tc,
  'tc qdisc': qdisc,
  'tc filter': filter,
  'tc filter flower': flower,
  ...actionHelp,
  'tc chain': chain,
  'tc actions': actions,
  'tc monitor': tcMonitor,
  bridge,
  'bridge fdb': fdb,
  'bridge vni': vni,
  'bridge monitor': bridgeMonitor,
  monitor,
} as const;

/** Where help can be had. */
export const helpTopics = Object.keys(texts) as HelpTopic[];

export type HelpTopic = keyof typeof texts;

/** Without a trailing newline. */
export function helpText(topic: HelpTopic): string {
  return texts[topic];
}

/** The exit code that goes with it: iproute2 6.1 has one for each place. */
export function helpExit(topic: HelpTopic): number {
  switch (topic) {
    case 'monitor':
    case 'tc':
    case 'tc qdisc':
    case 'tc filter':
    case 'tc chain':
      return 0;
    case 'ip link vxlan':
    case 'tc filter flower':
      return 1;
    default:
      return 255;
  }
}
