/** What a file of rule tests says. */
import type { Place } from './node-reader.js';

/** One frame or packet that is to leave. */
export interface ExpectedOutput {
  readonly at: Place;
  readonly device: string;
  /** Fields and what they are to be; null: there is to be no such field. */
  readonly fields: ReadonlyMap<string, string | null>;
}

/** What a filter is to have counted. */
export interface ExpectedCounters {
  readonly at: Place;
  readonly device: string;
  readonly hook: 'ingress' | 'egress';
  readonly pref: number;
  readonly chain: number;
  /** Absent: the one filter of the pref. */
  readonly handle?: number;
  /** By name: packets, bytes, drops, overlimits. */
  readonly values: ReadonlyMap<'packets' | 'bytes' | 'drops' | 'overlimits', number>;
}

export interface Expectation {
  /** What leaves, in the order in which it leaves; by device where there are several. */
  readonly out?: readonly ExpectedOutput[];
  /** How many frames and packets leave. */
  readonly frames?: number;
  /** The reason under which a frame is dropped. */
  readonly drop?: string;
  /** The verdict of the last rule that was met. */
  readonly verdict?: string;
  /** Words of a rule that was met: `pref 1 handle 0x2`. */
  readonly match?: string;
  readonly counters: readonly ExpectedCounters[];
}

export interface RuleCase {
  readonly name: string;
  readonly line: number;
  /** As `vtep trace` takes them. */
  readonly packets: readonly { readonly at: Place; readonly words: readonly string[] }[];
  /** All packets come in one batch, and frames are merged as for a TAP. */
  readonly merge: boolean;
  readonly expect: Expectation;
}

export interface RuleTests {
  readonly file: string;
  /** Lines of ip, tc and bridge, and what their file is called. */
  readonly rules: string;
  readonly rulesName: string;
  readonly hosts: readonly string[];
  readonly cases: readonly RuleCase[];
}
