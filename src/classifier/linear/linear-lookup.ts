/** Look-up in a linear snapshot: first match in order of evaluation. */
import { POSITION_END } from '../check-rule.js';
import type { Lookup, Position, Rule } from '../classifier.js';
import { KEY_WORDS, PROTOCOL_ALL } from '../flow-key.js';
import type { LinearSnapshot } from './linear-table.js';

export class LinearLookup implements Lookup {
  readonly empty: boolean;
  nextPosition: Position = POSITION_END;
  probes = 0;
  private readonly rules: readonly Rule[];

  constructor(snapshot: LinearSnapshot) {
    this.rules = snapshot.rules;
    this.empty = snapshot.rules.length === 0;
  }

  find(key: Int32Array, at: number, chain: number, protocol: number, position: Position): number {
    this.probes = 0;
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i];
      if (rule.chain !== chain || rule.pref < position) continue;
      if (rule.protocol !== protocol && rule.protocol !== PROTOCOL_ALL) continue;
      this.probes++;
      if (!matches(rule, key, at)) continue;
      this.nextPosition = rule.pref + 1;
      return rule.id;
    }
    this.nextPosition = POSITION_END;
    return -1;
  }
}

function matches(rule: Rule, key: Int32Array, at: number): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if ((key[at + i] & rule.mask[i]) !== rule.key[i]) return false;
  return true;
}
