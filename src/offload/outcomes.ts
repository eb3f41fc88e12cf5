/**
 * What became of each packet that met the coalescer: exactly one of these, so that their counts add up to the
 * packets. The first two are success, the last two mean that the packet is gone; all others name the reason for
 * which a packet was not appended to a run of its flow. Most of those open a run of their own.
 */
const table = {
  merged: 'appended to the run of its flow',
  opened: 'first of its flow, or first behind a run that had ended: opened a run',
  // what can be part of no run
  'no-lane': 'neither TCP nor another protocol that can be merged',
  fragment: 'an IP fragment; ends every run, because its flow is not known',
  odd: 'lengths, versions or offsets of its headers disagree; ends every run, because its flow is not known',
  'ip-options': 'has IPv4 options or IPv6 extension headers',
  padded: 'the IP length is less than the frame holds',
  off: 'the port does not take super-frames of this kind',
  'super-frame': 'a super-frame already: passed as it is',
  segmented: 'a super-frame that the port does not take: cut into segments here',
  'other-flags': 'has TCP flags other than ACK and PSH, or lacks ACK',
  'no-payload': 'without payload: a pure or duplicate ACK, an empty datagram',
  'no-checksum': 'a UDP datagram without a checksum: those that are made of a super-frame have one',
  'other-length': 'its UDP length is not that of the IP packet',
  'other-checksum': 'its unfinished checksum is not that of the transport header',
  // what does not continue the run of its flow
  'other-ethernet': 'MAC addresses or VLAN tags differ from those of the run',
  'other-tos': 'TOS, ECN or traffic class or flow label differ',
  'other-ttl': 'TTL or hop limit differ',
  'other-fragment-bits': 'the DF bit differs',
  'other-id': 'its IPv4 ID is not the next one, and fragmenting it is allowed (DF not set)',
  'other-ack': 'the acknowledgement number differs',
  'other-header-length': 'the TCP header has another length',
  'other-window': 'window or urgent pointer differ',
  'other-options': 'bytes of the TCP options differ (timestamps too)',
  sequence: 'the sequence number is not the next one: a gap, an overlap or a retransmission',
  longer: 'longer than the first segment of the run',
  'too-long': 'the merged IP packet would be longer than 65,535 bytes',
  'too-many': 'the run has as many segments as an entry can hold',
  'head-checksum': 'a checksum of the first packet of the run is wrong; that one is passed as it is',
  'ip-checksum': 'its IPv4 header checksum is wrong; passed as it is, the receiver drops it',
  'transport-checksum': 'its TCP or UDP checksum is wrong; passed as it is, the receiver drops it',
  // what is gone
  'bad-super-frame': 'dropped: a super-frame whose headers do not fit its kind, or to which the MTU leaves no payload',
  'too-many-segments': 'dropped: a super-frame of more segments than an empty vector holds',
} as const satisfies Record<string, string>;

export type OutcomeName = keyof typeof table;

const names = Object.keys(table) as OutcomeName[];

/** The table in order; an entry's position is its number. */
export const OUTCOMES: readonly { readonly name: OutcomeName; readonly sentence: string }[] = names.map((name) => ({
  name,
  sentence: table[name],
}));

/** The number behind a name. */
export const OUTCOME = Object.fromEntries(names.map((name, i) => [name, i])) as Readonly<Record<OutcomeName, number>>;

// As constants: what the hot path compares with.
export const MERGED = OUTCOME.merged;
export const OPENED = OUTCOME.opened;
export const NO_LANE = OUTCOME['no-lane'];
export const FRAGMENT = OUTCOME.fragment;
export const ODD = OUTCOME.odd;
export const IP_OPTIONS = OUTCOME['ip-options'];
export const PADDED = OUTCOME.padded;
export const OFF = OUTCOME.off;
export const SUPER_FRAME = OUTCOME['super-frame'];
export const SEGMENTED = OUTCOME.segmented;
export const OTHER_FLAGS = OUTCOME['other-flags'];
export const NO_PAYLOAD = OUTCOME['no-payload'];
export const NO_CHECKSUM = OUTCOME['no-checksum'];
export const OTHER_LENGTH = OUTCOME['other-length'];
export const OTHER_CHECKSUM = OUTCOME['other-checksum'];
export const OTHER_ETHERNET = OUTCOME['other-ethernet'];
export const OTHER_TOS = OUTCOME['other-tos'];
export const OTHER_TTL = OUTCOME['other-ttl'];
export const OTHER_FRAGMENT_BITS = OUTCOME['other-fragment-bits'];
export const OTHER_ID = OUTCOME['other-id'];
export const OTHER_ACK = OUTCOME['other-ack'];
export const OTHER_HEADER_LENGTH = OUTCOME['other-header-length'];
export const OTHER_WINDOW = OUTCOME['other-window'];
export const OTHER_OPTIONS = OUTCOME['other-options'];
export const SEQUENCE = OUTCOME.sequence;
export const LONGER = OUTCOME.longer;
export const TOO_LONG = OUTCOME['too-long'];
export const TOO_MANY = OUTCOME['too-many'];
export const HEAD_CHECKSUM = OUTCOME['head-checksum'];
export const IP_CHECKSUM = OUTCOME['ip-checksum'];
export const TRANSPORT_CHECKSUM = OUTCOME['transport-checksum'];
export const DROPPED_BAD_SUPER_FRAME = OUTCOME['bad-super-frame'];
export const DROPPED_TOO_MANY_SEGMENTS = OUTCOME['too-many-segments'];
