import type { RulePlace } from '../rule-places.js';

/** By name: what it is, for documents and tests. `certain`: it is so whatever frames come; otherwise it is advice. */
export const CHECKS = {
  covered: 'certain',
  'enc-keys': 'certain',
  'enc-dst-port': 'certain',
  'indev-elsewhere': 'certain',
  'unreached-chain': 'certain',
  'empty-chain': 'advice',
  'unreached-action': 'certain',
  'missing-device': 'certain',
  'target-down': 'advice',
  'no-route': 'advice',
  'route-loop': 'advice',
  'tunnel-key-unused': 'advice',
  'no-tunnel-key': 'certain',
} as const;

export type CheckName = keyof typeof CHECKS;

/** Something that is wrong with the rules, or looks so. */
export interface Finding {
  readonly check: CheckName;
  readonly level: 'certain' | 'advice';
  /** Line of the file; absent where it is about rules that are in force. */
  readonly line?: number;
  readonly rule?: RulePlace;
  /** What is so. */
  readonly sentence: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** A rule as tc names it. */
export function ruleWords({ dev, hook, chain, pref, handle }: RulePlace): string {
  return `dev ${dev} ${hook} chain ${chain} pref ${pref} handle 0x${handle.toString(16)}`;
}
