/** What a part of vtep that eats untrusted bytes is to the fuzzer. An input is bytes; every string of bytes is one. */
import type * as fc from 'fast-check';
import type { Random } from './random.js';

export interface Target {
  /** One word of lower case; `npm run fuzz -- NAME` runs it alone, and its corpus is in corpus/NAME. */
  readonly name: string;
  /** What it eats and what must hold, in a short sentence. */
  readonly title: string;
  /** Folders or modules of src/ whose blocks count as reached: `wire`, `io/udp/control-messages`. */
  readonly covers: readonly string[];
  /** Inputs that are mostly sound. */
  readonly generated: fc.Arbitrary<Uint8Array>;
  /** Changes an input as something that knows what its bytes mean; absent: bytes are all there is to change. */
  readonly mutate?: (input: Uint8Array, random: Random) => Uint8Array;
  /** Bytes of the longest input. */
  readonly longest: number;
  /** Words that mutations put in: numbers that parsers stumble over are known anyhow. */
  readonly dictionary?: readonly string[];
  /** Throws, or rejects, where something does not hold: a finding. What it leaves behind the next run does not see. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
  /** The input for people's eyes. */
  readonly show: (input: Uint8Array) => string;
  /** Ends what it has opened. */
  readonly close?: () => Promise<void>;
}

/** Throws where `condition` does not hold; `what` says what should. */
export function hold(condition: boolean, what: string | (() => string)): asserts condition {
  if (!condition) throw new Error(typeof what === 'string' ? what : what());
}

/** Bytes as rows of hex. */
export function hexRows(bytes: Uint8Array): string {
  return (
    Buffer.from(bytes)
      .toString('hex')
      .match(/.{1,64}/g) ?? ['']
  ).join('\n');
}
