/**
 * Action programs: what a rule does, as words in shared memory. A rule's program is its action count, then the id of
 * each action, which is its row of ActionCounters too. Where the ACTION_WORDS words of an action stand, `actionAt`
 * says: rules share actions, and a change of one is for all of them.
 *
 * The control thread writes a program and an action's words before it publishes what refers to them, and never changes
 * them afterwards, so a worker reads them without locks. A changed action gets words of its own and a copy of
 * `actionAt` that names them, published as a whole; the old words stay until every worker has taken the copy over.
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
} as const;

export const ACTION_WORDS = 8;

/** Words of one action. */
export const ActionWord = {
  KIND: 0,
  /** A Verdict. */
  CONTROL: 1,
  /** Chain number of GOTO, action number of JUMP. */
  ARGUMENT: 2,
  /** TUNNEL_KEY_SET: record number. MIRRED: device index. GACT: 0. */
  A: 3,
  /** MIRRED: MIRRED_REDIRECT and MIRRED_INGRESS. */
  B: 4,
} as const;

/** Bits of a mirred action. */
export const MIRRED_REDIRECT = 1;
export const MIRRED_INGRESS = 2;

/** The programs of all rules as a worker sees them. */
export interface ActionPrograms {
  /** Per rule id: where its program begins in `words`. */
  readonly start: Int32Array;
  /** Per action id: where its words begin in `words`. */
  readonly actionAt: Int32Array;
  readonly words: Int32Array;
  /** Records of tunnel_key set, TUNNEL_WORDS each. */
  readonly tunnels: Int32Array;
}
