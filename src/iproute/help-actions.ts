/** The help texts of the actions. */

const CONTROL = 'CONTROL := { pass | drop | pipe | continue | reclassify | trap | goto chain N | jump N }';

const tunnelKey = `Usage: … action tunnel_key unset [ CONTROL ]
       … action tunnel_key set src_ip ADDR dst_ip ADDR [ id VNI ] [ dst_port PORT ] [ tos TOS ]
         [ ttl TTL ] [ vxlan_opts GBP ] [ csum | nocsum ] [ nofrag ] [ CONTROL ]
       … action tunnel_key index N
The last binds to an action that is there already.`;

const mirred = `Usage: … action mirred { egress | ingress } redirect dev DEVICE
       … action mirred { egress | ingress } mirror dev DEVICE [ CONTROL ]
       … action mirred index N
The last binds to an action that is there already.`;

const gact = `Usage: … action [ gact ] CONTROL [ random { netrand | determ } CONTROL VAL ]
       … action gact index N
The last binds to an action that is there already. VAL is at most 10000: one packet in VAL gets the second CONTROL.`;

const vlan = `Usage: … action vlan pop [ CONTROL ]
       … action vlan { push | modify } id VLAN [ protocol { 802.1Q | 802.1ad } ] [ priority PRIO ] [ CONTROL ]
       … action vlan pop_eth [ CONTROL ]
       … action vlan push_eth dst_mac MAC src_mac MAC [ CONTROL ]
${CONTROL}`;

const pedit = `Usage: … action pedit [ ex ] munge FIELD CMD [ munge FIELD CMD … ] [ CONTROL ]
FIELD := { offset N { u8 | u16 | u32 } [ at N HEXMASK SHIFT ] | ip IPFIELD |
           eth { src | dst | type } | ip6 { src | dst | traffic_class | flow_lbl | payload_len | nexthdr | hoplimit } |
           tcp { sport | dport | flags } | udp { sport | dport } }
IPFIELD := { src | dst | tos | dsfield | precedence | ihl | ttl | protocol | df | mf | ce | nofrag | firstfrag }
CMD   := { set VALUE | add VALUE | decrement | invert | clear | preserve } [ retain MASK ]
${CONTROL}
All but offset and ip need "ex", and so do add and decrement. Checksums stay as they are: see action csum.`;

const csum = `Usage: … action csum TARGET [ [ and ] TARGET … ] [ CONTROL ]
TARGET := { ip4h | icmp | igmp | tcp | udp | udplite | sctp }
${CONTROL}
"and" between targets means nothing.`;

const skbedit = `Usage: … action skbedit [ mark MARK[/MASK] ] [ priority CLASS ] [ queue_mapping N ] [ inheritdsfield ]
         [ CONTROL ]
${CONTROL}`;

const police = `Usage: … action police [ rate RATE burst SIZE[/CELL] [ peakrate RATE mtu SIZE ] ] [ pkts_rate N pkts_burst N ]
         [ mtu SIZE ] [ mpu SIZE ] [ overhead N ] [ linklayer { ethernet | atm } ]
         [ conform-exceed EXCEED[/CONFORM] | CONTROL ] [ index N ]
${CONTROL}
CONTROL alone is for packets that exceed; those that conform pass.`;

const sample = `Usage: … action sample rate N group GROUP [ trunc SIZE ] [ CONTROL ]
One packet in N is handed to whoever captures samples.
${CONTROL}`;

const simple = `Usage: … action simple sdata STRING [ CONTROL ]
The log says STRING and how many packets it has met, at most once a second.
${CONTROL}`;

export const actionHelp = {
  'tc filter tunnel_key': tunnelKey,
  'tc filter mirred': mirred,
  'tc filter gact': gact,
  'tc filter vlan': vlan,
  'tc filter pedit': pedit,
  'tc filter csum': csum,
  'tc filter skbedit': skbedit,
  'tc filter police': police,
  'tc filter sample': sample,
  'tc filter simple': simple,
} as const;
