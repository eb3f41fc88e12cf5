/** `csum TARGET …` (parse_csum of iproute2). */
import type { ActionSpec, CsumTarget } from './commands.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl } from './parse-control.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** In the order in which tc prints them. */
export const csumTargets: readonly CsumTarget[] = ['iph', 'icmp', 'igmp', 'tcp', 'udp', 'udplite', 'sctp'];

/** In iproute2's order of precedence; the last three mean nothing. */
export const csumWords = [
  ...(['iph', 'ip4h', 'ipv4h', 'icmp', 'igmp', 'tcp', 'udp', 'udplite', 'sctp'] as const),
  ...(['and', 'or', '+'] as const),
] as const;

/** Reads from the word `csum` to the index. */
export function parseCsum(reader: WordReader): ActionSpec {
  const wanted = new Set<CsumTarget>();
  reader.advance();
  for (;;) {
    const word = findKeyword(reader.word, csumWords);
    if (word === undefined) {
      if (reader.is('csum')) {
        reader.advance();
        continue;
      }
      if (reader.abbreviates('help')) {
        throw new HelpRequest('tc filter csum');
      }
      break;
    }
    if (word !== 'and' && word !== 'or' && word !== '+') {
      wanted.add(word === 'ip4h' || word === 'ipv4h' ? 'iph' : word);
    }
    reader.skip();
  }
  const targets = csumTargets.filter((target) => wanted.has(target));
  if (targets.length === 0) {
    throw refusal('Illegal csum construct, empty <UPDATE> list');
  }
  const control = parseControl(reader) ?? { type: 'pass' };
  if (!reader.abbreviates('index')) {
    return { kind: 'csum', targets, control };
  }
  const index = reader.argument(
    (word) => parseUnsigned(word, 10, 0xffffffff),
    (word) => refusal(`Illegal "index" (${word}) <csum>`),
  );
  reader.skip();
  return { kind: 'csum', targets, control, ...(index > 0 && { index }) };
}
