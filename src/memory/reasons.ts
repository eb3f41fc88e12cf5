/**
 * Every way in which a frame ends elsewhere than where it was sent, in one table: the name that tests and scripts
 * use, and the sentence that people read. A counter of its own stands behind each (see counters.ts).
 *
 * `verdict` is `drop` where the frame is gone, `pass` where it is only worth knowing about.
 */
export interface Reason {
  readonly name: string;
  readonly verdict: 'drop' | 'pass';
  readonly sentence: string;
}

const table = {
  // underlay, receive
  'socket-overflow': ['drop', 'the socket queue was full when the datagram arrived (a bundle counts once)'],
  'receive-error': ['pass', 'the underlay socket answered an error instead of datagrams; what waits behind it is safe'],
  'truncated-datagram': ['drop', 'the datagram was longer than 65,536 bytes and was cut'],
  'outer-malformed': ['drop', 'the lengths of the outer headers contradict each other (underlays raw and pcap)'],
  'outer-checksum': [
    'drop',
    'the checksum of the outer IPv4 header or of the outer UDP is wrong, or the latter zero over IPv6 without udp6zerocsumrx (underlays raw and pcap; where the underlay is udp the kernel drops it unseen)',
  ],
  'outer-fragment': ['drop', 'the outer packet is a fragment, and underlay pcap puts none together'],
  'lost-segment-size': [
    'drop',
    'the inner packet is a UDP super-frame from a sender on the same machine, and nothing tells the size of its datagrams (underlays raw and pcap)',
  ],
  'short-vxlan-header': ['drop', 'UDP payload shorter than the 8 bytes of a VXLAN header'],
  'no-vni-flag': ['drop', 'the I flag of the VXLAN header is not set, so there is no VNI'],
  'unknown-vni': ['drop', 'no device of this port takes this VNI'],
  'unknown-peer': [
    'drop',
    'the sender is none of the peers that a filter, a remote, the forwarding table or --peer names (--strict-peers)',
  ],
  'other-destination': [
    'drop',
    "the datagram was sent to another address of this host than the device's local one (--strict-peers)",
  ],
  'reserved-bits': ['drop', 'reserved bits of the VXLAN header are set (the kernel counts rx_errors and frame_errors)'],
  'no-inner-frame': ['drop', 'the VXLAN header is followed by no frame'],
  'short-inner-frame': ['drop', 'the inner frame is shorter than the 14 bytes of an Ethernet header'],
  'own-source-mac': ['drop', "the inner source MAC is the device's own: a loop"],
  'bad-source-mac': ['drop', 'the inner source MAC is zero or multicast, and the device learns addresses'],
  'static-mac': ['drop', 'the inner source MAC is behind another endpoint by an entry that never moves'],
  'fdb-full': [
    'pass',
    'the inner source MAC was not learned: the forwarding table is full, or the device at its maxaddress',
  ],
  'short-inner-ip': ['drop', 'the inner IP header is cut short (the kernel counts rx_errors and length_errors)'],
  'gpe-header': ['drop', 'the VXLAN-GPE header names no next protocol, another version than 0, or an OAM packet'],
  'gpe-bundle': [
    'drop',
    'an IP packet of VXLAN-GPE came in a bundle of datagrams, where no Ethernet header finds room',
  ],
  'gpe-protocol': ['drop', 'the next protocol of the VXLAN-GPE header is none that vtep takes'],
  'ecn-not-ect-in-ce': [
    'drop',
    'congestion was marked (CE) on the outer header of a packet whose sender does not take part in ECN (RFC 6040; the kernel counts rx_errors and frame_errors)',
  ],
  'ecn-suspicious': ['pass', 'inner and outer ECN field do not go together (RFC 6040): the inner one was kept'],
  'device-down': ['drop', 'the device was down'],
  'batch-full': ['drop', 'a batch had no descriptor left'],
  'worker-died': [
    'drop',
    'a worker died of an error with the frame in hand (vtep workers counts its restarts, the log says why); some of what it was just writing may have left',
  ],
  // classification
  unmatched: ['pass', "no filter took the frame at the ingress of a vxlan device: given to the host's stack there"],
  'tap-unmatched': ['drop', 'no filter took the frame at the ingress of a TAP port, and no stack stands behind one'],
  'action-trap': ['drop', 'a filter said so (action trap), and there is no hardware to trap from'],
  'action-drop': ['drop', 'a filter said so (action drop)'],
  'action-pass': ['pass', "a filter said so (action pass): given to the host's stack at a vxlan device"],
  'tap-pass': ['drop', 'a filter let the frame pass at the ingress of a TAP port, and no stack stands behind one'],
  'chain-limit': ['drop', 'goto chain was followed 16 times (or reclassify as often)'],
  'mirred-down': ['drop', 'the target of a redirect was down'],
  'mirred-gone': ['drop', 'the target of a redirect or mirror no longer exists'],
  'mirred-nesting': ['drop', 'mirred was nested more than 4 times'],
  'mirred-copies': ['drop', 'mirred had made 256 copies of one frame, and made no more'],
  'rewrite-no-room': [
    'drop',
    'an action was to change a frame of which a copy had been sent elsewhere, and the batch had no room left to copy it',
  ],
  'vlan-refused': [
    'drop',
    'an action vlan that the frame cannot have: push_eth where there is an Ethernet header, anything else where none is',
  ],
  'csum-cut-header': ['drop', 'action csum was to compute a checksum in a header that is cut short'],
  'police-exceed': ['drop', 'more than the rate of action police, or longer than its mtu'],
  'no-ethernet-header': ['drop', 'a frame left without the Ethernet header that vlan pop_eth had taken off'],
  sampled: ['pass', 'action sample took a copy of the frame'],
  'sample-lost': ['pass', 'a sample found no room, because whoever reads them is slower than they come'],
  // mirrored traffic (vni any)
  'mirror-limit': [
    'drop',
    'a VNI of mirrored traffic has no TAP, because there are as many as there may be (max-taps)',
  ],
  'mirror-wait': [
    'drop',
    'a VNI of mirrored traffic has no TAP yet, and there was no room to keep the frame until it has',
  ],
  'mirror-no-tap': ['drop', 'a VNI of mirrored traffic has no TAP: it could not be made, and the log says why'],
  'mirror-receive-only': ['drop', 'the host sent the frame into a receiver of mirrored traffic, or into a TAP of one'],
  // vxlan transmit
  'no-tunnel-metadata': [
    'drop',
    'an external vxlan device was given a frame without tunnel metadata (no tunnel_key set)',
  ],
  'received-metadata': [
    'drop',
    'an external vxlan device was given a frame with the metadata it was received with (tunnel_key set is missing)',
  ],
  'proxy-answered': ['pass', 'an ARP or neighbour solicitation was answered by the proxy, and not sent'],
  'proxy-silent': ['drop', 'an ARP or neighbour solicitation that the proxy has no answer to; it sends none on'],
  'no-remote': ['drop', 'the forwarding table has no destination for the frame (fdb, remote)'],
  'no-local-vni': [
    'drop',
    'the destination is this host itself, and no vxlan device here takes the VNI on that port (localbypass; the kernel counts tx_errors)',
  ],
  'local-loop': ['drop', 'the frame went from one vxlan device of this host to another more than 4 times'],
  'route-loop': [
    'drop',
    'the way to the tunnel destination leads back into the vxlan device itself (the kernel counts tx_errors and collisions)',
  ],
  'nested-tunnels': ['drop', 'the frame was in 4 tunnels of VXLAN already, one within the other: a loop'],
  'no-underlay-family': ['drop', 'the vxlan device has no socket for the address family of the tunnel destination'],
  'too-big': ['drop', 'the frame and its headers do not fit into a UDP datagram, or into the path MTU (EMSGSIZE)'],
  'path-mtu-answered': [
    'drop',
    'the frame is larger than the way to its peer takes and must not be fragmented: its sender was told (ICMP)',
  ],
  'path-mtu-unanswered': ['drop', 'as path-mtu-answered, but so many senders were told lately that this one was not'],
  'too-many-segments': ['drop', 'a super-frame would become more segments than a batch holds'],
  'bad-super-frame': ['drop', 'the host handed over a super-frame of a kind that cannot be segmented'],
  'send-again': ['drop', 'the underlay socket was full (EAGAIN)'],
  'send-nobufs': ['drop', 'the kernel had no buffer for the datagram (ENOBUFS, ENOMEM)'],
  'send-unreachable': ['drop', 'no route to the tunnel destination (ENETUNREACH, EHOSTUNREACH)'],
  'send-refused': ['drop', 'the peer answered that its port is closed (ECONNREFUSED)'],
  'send-permission': ['drop', 'a firewall refused the datagram (EPERM, EACCES)'],
  'send-netdown': ['drop', 'the underlay device is down (ENETDOWN)'],
  'send-source': ['drop', 'the tunnel source is not an address of this host (EINVAL, EADDRNOTAVAIL)'],
  'receive-only': ['drop', 'the underlay pcap only listens: nothing is sent through it'],
  'send-other': ['drop', 'the datagram could not be sent for another reason'],
  // TAP
  'tap-again': ['drop', "the TAP's queue was full (EAGAIN)"],
  'tap-down': ['drop', 'the TAP was down (EIO)'],
  'tap-gone': ['drop', 'the TAP was deleted (EBADFD)'],
  'tap-invalid': ['drop', 'the TAP refused the frame (EINVAL)'],
  'tap-other': ['drop', 'the frame could not be written to the TAP for another reason'],
  'tap-queue-full': [
    'drop',
    "the host's queue of the TAP was full (see txqueuelen), or the TAP down: dropped by the kernel before vtep read it",
  ],
  // an interface of the host
  'host-again': ['drop', "the interface's queueing discipline or the socket to it was full (EAGAIN, ENOBUFS)"],
  'host-down': ['drop', 'the interface had just gone down (ENETDOWN)'],
  'host-gone': ['drop', 'the interface had just been deleted or moved away (ENXIO, ENODEV)'],
  'host-too-long': ['drop', "the frame was longer than the interface's MTU (EMSGSIZE)"],
  'host-other': ['drop', 'the frame could not be sent through the interface for another reason'],
  // devices and actions of a program that embeds vtep
  'process-unread': ['drop', 'the frame left by a device of the process that has no function to take it'],
  'process-full': ['drop', 'a function gave the device frames faster than they came in'],
  'action-failed': ['drop', 'a function of the program, of an action or a device, threw an error over its batch'],
  'tap-read-short': ['drop', 'the host handed over less than an Ethernet header'],
  'tap-read-malformed': [
    'drop',
    'the host handed over a frame whose virtio-net header cannot be, or one that is longer than 65,536 bytes',
  ],
} as const satisfies Record<string, readonly ['drop' | 'pass', string]>;

export type ReasonName = keyof typeof table;

const names = Object.keys(table) as ReasonName[];

/** The table, in the order in which `vtep drops` prints it; an entry's position is its number. */
export const REASONS: readonly Reason[] = names.map((name) => ({
  name,
  verdict: table[name][0],
  sentence: table[name][1],
}));

/** The number behind a name: what the hot path counts by. */
export const REASON = Object.fromEntries(names.map((name, i) => [name, i])) as Readonly<Record<ReasonName, number>>;
