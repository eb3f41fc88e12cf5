/** What a trace says, as plain data: `vtep trace --json` prints it as it stands, and the text is made of it. */
import type { Difference, TriedPref } from './near-misses.js';
import type { PacketWords } from './packet-words.js';

export interface TraceReport {
  readonly input: {
    readonly from: 'underlay' | 'host';
    /** Of a frame that the host sends; null: it comes from the underlay. */
    readonly device: string | null;
    /** The outer packet, or the frame, in hexadecimal. */
    readonly bytes: string;
  };
  /** Whether a device took it in at all. */
  readonly taken: boolean;
  /** In the order in which it happened. */
  readonly steps: readonly StepReport[];
  /** What left the endpoint in the end. */
  readonly outputs: readonly OutputReport[];
  /** Mistakes that are often made, where this looks like one. */
  readonly hints: readonly string[];
}

export type StepReport = HookReport | LookupReport | ActionReport | VerdictReport | ReasonReport;

/** A frame at a hook of a device. */
export interface HookReport {
  readonly kind: 'hook';
  readonly device: string;
  readonly hook: 'ingress' | 'egress';
  /** How many filters hang there. */
  readonly filters: number;
  /** What `protocol` of a filter is compared with. */
  readonly protocol: string;
  /** Fields of the frame, as flower names them. */
  readonly packet: PacketWords;
  /** Of the tunnel; null: there is none. */
  readonly metadata: PacketWords | null;
  readonly bytes: string;
  readonly steps: readonly StepReport[];
  readonly outcome: 'taken' | 'dropped';
}

export interface LookupReport {
  readonly kind: 'lookup';
  readonly chain: number;
  /** 0: the chain's beginning; else that `continue` led on. */
  readonly from_pref: number;
  readonly protocol: string;
  readonly indev: string | null;
  readonly tried: readonly TriedPref[];
  /** Rules before the match that did not match, those of other protocols among them. */
  readonly missed: number;
  /** The nearest of them, the nearest first. */
  readonly near_misses: readonly MissReport[];
  readonly match: RuleReport | null;
  /** Whether the rules, read one after the other, say what the datapath said. False is a mistake of vtep's. */
  readonly agrees: boolean;
}

export interface MissReport {
  readonly pref: number;
  readonly handle: number;
  readonly differs: readonly Difference[];
  /** The first difference in words. */
  readonly sentence: string;
}

export interface RuleReport {
  readonly pref: number;
  readonly chain: number;
  readonly handle: number;
  readonly protocol: string;
  /** As tc reads them. */
  readonly keys: string;
  readonly actions: readonly string[];
}

export interface ActionReport {
  readonly kind: 'action';
  /** Its place among the rule's actions, from 1 on. */
  readonly order: number;
  readonly action: string;
  /** What is other behind it: fields, metadata, mark, priority. */
  readonly changes: readonly Change[];
  /** As it is behind the action; null: none, or the frame has gone elsewhere. */
  readonly metadata: PacketWords | null;
  /** The frame behind the action; null: it has gone elsewhere. */
  readonly bytes: string | null;
  /** What became of frames that it sent on, and what was counted. */
  readonly steps: readonly StepReport[];
}

export interface Change {
  readonly field: string;
  /** null: it was not there, or is not any more. */
  readonly before: string | null;
  readonly after: string | null;
}

/** How a run of actions ended. */
export interface VerdictReport {
  readonly kind: 'verdict';
  readonly verdict: string;
  /** Where `goto` leads; else null. */
  readonly chain: number | null;
}

/** Something was counted: see docs/drops.md. */
export interface ReasonReport {
  readonly kind: 'reason';
  readonly device: string;
  readonly reason: string;
  readonly verdict: string;
  readonly sentence: string;
}

export interface OutputReport {
  readonly device: string;
  readonly kind: 'frame' | 'packet';
  readonly sentence: string;
  readonly bytes: string;
}
