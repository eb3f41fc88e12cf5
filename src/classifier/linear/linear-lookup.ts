/** Look-up in a linear snapshot: first match in order of evaluation. */
import { inRange, POSITION_END } from '../check-rule.js';
import type { Consulted, Lookup, Position, Rule } from '../classifier.js';
import { consultedOf, isOfClass, protocolClass } from '../consulted.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../flow-key.js';
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

  consulted(chain: number, protocol: number): Consulted {
    const frames = protocolClass(protocol);
    const met = this.rules.filter((rule) => rule.chain === chain && isOfClass(rule.protocol, frames));
    return consultedOf(
      met.map(({ mask }) => mask),
      met.length,
    );
  }
}

function matches(rule: Rule, key: Int32Array, at: number): boolean {
  for (let i = 0; i < KEY_WORDS; i++) {
    if (i === KeyWord.DST_PORT_RANGE || i === KeyWord.SRC_PORT_RANGE) continue;
    if ((key[at + i] & rule.mask[i]) !== rule.key[i]) return false;
  }
  const dst = rule.key[KeyWord.DST_PORT_RANGE];
  const src = rule.key[KeyWord.SRC_PORT_RANGE];
  return (
    (dst === 0 || inRange(dst, key[at + KeyWord.DST_PORT])) && (src === 0 || inRange(src, key[at + KeyWord.SRC_PORT]))
  );
}
