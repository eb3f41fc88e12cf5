/**
 * Action programs: what a rule does, as words in shared memory. A rule's program is its action count, then the id of
 * each action, which is its row of ActionCounters too. Where the ACTION_WORDS words of an action stand, `actionAt`
 * says: rules share actions, and a change of one is for all of them. It is divided into pages, whose places
 * `actionPages` has, so that a change copies one page and the places, however many actions there are.
 *
 * The control thread writes a program and an action's words before it publishes what refers to them, and never changes
 * them afterwards, so a worker reads them without locks. A changed action gets words of its own and a copy of its page
 * that names them, published as a whole; the old words and pages stay until every worker has taken the copies over.
 */

/** What an action, and in the end a rule, answers: the kernel's TC_ACT_* (include/uapi/linux/pkt_cls.h). */
export const Verdict = {
  /** Go on with the next pref. */
  CONTINUE: -1,
  OK: 0,
  RECLASSIFY: 1,
  SHOT: 2,
  /** Go on with the next action. */
  PIPE: 3,
  /** The frame has gone elsewhere. */
  STOLEN: 4,
  TRAP: 8,
  /** To another action of the same program; its number is the argument. */
  JUMP: 16,
  /** To another chain; its number is the argument. */
  GOTO: 32,
} as const;

export const ActionKind = {
  GACT: 0,
  TUNNEL_KEY_UNSET: 1,
  TUNNEL_KEY_SET: 2,
  MIRRED: 3,
  VLAN: 4,
  PEDIT: 5,
  CSUM: 6,
  SKBEDIT: 7,
  POLICE: 8,
  SAMPLE: 9,
  SIMPLE: 10,
  CUSTOM: 11,
} as const;

/** Words that every action has; those of pedit and police are followed by more. */
export const ACTION_WORDS = 8;

/** Words of one action. */
export const ActionWord = {
  KIND: 0,
  /** A Verdict. */
  CONTROL: 1,
  /** Chain number of GOTO, action number of JUMP. */
  ARGUMENT: 2,
  /** What these hold stands with each kind below. */
  A: 3,
  B: 4,
  C: 5,
  D: 6,
  E: 7,
} as const;

/** GACT: A one of these, B and C the other control and its argument, D one packet in how many gets it. */
export const RANDOM_NONE = 0;
export const RANDOM_NETRAND = 1;
export const RANDOM_DETERM = 2;

/** TUNNEL_KEY_SET: A the record's number. */

/** MIRRED: A the device index, B these bits. */
export const MIRRED_REDIRECT = 1;
export const MIRRED_INGRESS = 2;

/**
 * VLAN: A one of these. PUSH and MODIFY: B the TPID, C the tag control information, and MODIFY's D the bits of the
 * present one that stay. PUSH_ETH: B, C and D the twelve bytes of both addresses.
 */
export const VLAN_POP = 0;
export const VLAN_PUSH = 1;
export const VLAN_MODIFY = 2;
export const VLAN_POP_ETH = 3;
export const VLAN_PUSH_ETH = 4;

/** PEDIT: A the number of keys, which follow, PEDIT_WORDS each. */
export const PEDIT_WORDS = 8;
export const PeditWord = {
  /** A PeditHeader: where offsets count from. */
  HEADER: 0,
  /** 1: add, 0: set. */
  ADD: 1,
  /** Bytes; a multiple of 4, may be negative. */
  OFFSET: 2,
  /** Bits of the word in the frame that stay. */
  MASK: 3,
  /** Big-endian reading of the four bytes. */
  VALUE: 4,
  /** With OFFMASK other than 0: what the byte at AT gives, masked and shifted, is added to the offset. */
  AT: 5,
  OFFMASK: 6,
  SHIFT: 7,
} as const;
/** enum pedit_header_type of include/uapi/linux/tc_act/tc_pedit.h. */
export const PeditHeader = { NETWORK: 0, ETH: 1, IP4: 2, IP6: 3, TCP: 4, UDP: 5 } as const;

/** CSUM: A these bits (TCA_CSUM_UPDATE_FLAG_*). */
export const CSUM_IPV4 = 1;
export const CSUM_ICMP = 2;
export const CSUM_IGMP = 4;
export const CSUM_TCP = 8;
export const CSUM_UDP = 16;
export const CSUM_UDPLITE = 32;
export const CSUM_SCTP = 64;

/** SKBEDIT: A these bits, B the mark, C its mask, D the priority. */
export const SKBEDIT_MARK = 1;
export const SKBEDIT_PRIORITY = 2;
export const SKBEDIT_INHERIT = 4;

/**
 * POLICE: CONTROL is for what exceeds; A and B the control for what conforms, C the number of its token bucket, D the
 * bucket's generation (a new one begins full). Behind it POLICE_WORDS more: doubles in two words each, lower first.
 */
export const POLICE_WORDS = 16;
export const PoliceWord = {
  /** Nanoseconds that a byte of `rate` costs; 0: there is no rate. */
  BYTE_TIME: 0,
  /** Nanoseconds that the bucket holds. */
  BURST: 2,
  /** The same for `peakrate`. */
  PEAK_BYTE_TIME: 4,
  PEAK_BURST: 6,
  /** Nanoseconds that a packet of `pkts_rate` costs; 0: there is no such rate. */
  PACKET_TIME: 8,
  PACKET_BURST: 10,
  /** Bytes, unsigned. */
  MTU: 12,
  /** Bytes that each packet costs besides its own. */
  OVERHEAD: 13,
  /** Bytes that it costs at least. */
  MPU: 14,
  /** 1: cells of ATM. */
  ATM: 15,
} as const;

/** SAMPLE: A one packet in how many, B the group, C bytes of each that are wanted, -1 all of them. */

/** CUSTOM: A the number of the function that the program which embeds vtep has given. */

/** The programs of all rules as a worker sees them. */
export interface ActionPrograms {
  /** Per rule id: where its program begins in `words`. */
  readonly start: Int32Array;
  /** Per page of action ids: where it begins in `actionAt`. */
  readonly actionPages: Int32Array;
  /** Pages: per action id where its words begin in `words`. */
  readonly actionAt: Int32Array;
  readonly words: Int32Array;
  /** Records of tunnel_key set, TUNNEL_WORDS each. */
  readonly tunnels: Int32Array;
  /** Token buckets that actions refer to: numbers below this. */
  readonly buckets: number;
}

/** An action id is the number of its page, and of so many bits its place there. */
export const ACTION_PAGE_BITS = 10;
export const ACTIONS_OF_PAGE = 1 << ACTION_PAGE_BITS;
export const ACTION_IN_PAGE = ACTIONS_OF_PAGE - 1;

/** Where the words of an action begin in `words`. */
export function actionPlace({ actionPages, actionAt }: ActionPrograms, id: number): number {
  return actionAt[actionPages[id >>> ACTION_PAGE_BITS] + (id & ACTION_IN_PAGE)];
}

/** The pages of an `actionAt` of `count` ids, in their order. */
export function plainPages(count: number): Int32Array {
  return Int32Array.from({ length: Math.ceil(count / ACTIONS_OF_PAGE) }, (_, page) => page * ACTIONS_OF_PAGE);
}
