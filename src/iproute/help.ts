/** The help texts, by the place that they are asked at. */

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
OBJECT  := { link | tuntap } for vtep's own devices; every other object, and every line about another
           interface, goes to the system's ip
OPTIONS := { -s[tatistics] | -d[etails] | -j[son] | -p[retty] | -4 | -6 }`;

const ipLink = `Usage: ip link add [ name ] NAME [ mtu MTU ] [ address LLADDR ] [ txqueuelen N ] [ up | down ]
               type { vxlan VXLAN-OPTIONS | tap [ persist ] }
       ip link { set | change } [ dev ] NAME { up | down | mtu MTU | … as the system's ip has it }
       ip link { delete | del } [ dev ] NAME
See also: ip link add NAME type vxlan help`;

const vxlan = `Usage: … vxlan external [ dstport PORT ] [ dev DEVICE ] [ local ADDR ]
       [ srcport MIN MAX ] [ ttl TTL ] [ tos TOS ] [ ageing SECONDS ] [ [no]learning ]
       [ [no]udpcsum ] [ [no]udp6zerocsumtx ] [ [no]udp6zerocsumrx ]
dstport is 4789 unless given. Bounds of srcport are [MIN, MAX); TTL is 1 … 255 or auto.`;

const tuntap = `Usage: ip tuntap add [ dev ] NAME mode tap [ persist ] [ vnet_hdr ] [ multi_queue ] [ one_queue ]
       ip tuntap { delete | del } [ dev ] NAME mode tap`;

const tc = `Usage: tc [ OPTIONS ] OBJECT { COMMAND | help }
OBJECT  := { qdisc | filter } for ingress and clsact; class and other qdiscs go to the system's tc
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

const flower = `Usage: … flower [ MATCH … ] [ skip_hw ] [ verbose ] [ classid CLASSID ] [ action ACTION … ]
MATCH  := { indev DEVICE | dst_mac MAC[/MASK] | src_mac MAC[/MASK] |
            ip_proto { tcp | udp | sctp | icmp | icmpv6 | HEX } |
            dst_ip PREFIX | src_ip PREFIX | dst_port PORT[/MASK] | src_port PORT[/MASK] |
            enc_dst_ip PREFIX | enc_src_ip PREFIX | enc_key_id VNI |
            enc_dst_port PORT | enc_src_port PORT | enc_tos TOS[/HEXMASK] | enc_ttl TTL[/HEXMASK] }
ACTION := { tunnel_key … | mirred … | [ gact ] CONTROL }, each with [ index N ] [ cookie HEX ]
CONTROL := { pass | drop | pipe | continue | reclassify | trap | goto chain N | jump N }`;

const tunnelKey = `Usage: … action tunnel_key unset [ CONTROL ]
       … action tunnel_key set src_ip ADDR dst_ip ADDR [ id VNI ] [ dst_port PORT ] [ tos TOS ]
         [ ttl TTL ] [ csum | nocsum ] [ nofrag ] [ CONTROL ]`;

const mirred = `Usage: … action mirred { egress | ingress } redirect dev DEVICE
       … action mirred { egress | ingress } mirror dev DEVICE [ CONTROL ]`;

const gact = `Usage: … action [ gact ] CONTROL [ random { netrand | determ } CONTROL VAL ]
VAL is at most 10000: one packet in VAL gets the second CONTROL.`;

const bridge = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
Lines of bridge go to the system's bridge.`;

const texts = {
  ip,
  'ip link': ipLink,
  'ip link vxlan': vxlan,
  'ip tuntap': tuntap,
  tc,
  'tc qdisc': qdisc,
  'tc filter': filter,
  'tc filter flower': flower,
  'tc filter tunnel_key': tunnelKey,
  'tc filter mirred': mirred,
  'tc filter gact': gact,
  bridge,
} as const;

export type HelpTopic = keyof typeof texts;

/** Without a trailing newline. */
export function helpText(topic: HelpTopic): string {
  return texts[topic];
}
