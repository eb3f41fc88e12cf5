/** Why rules that were tried did not match: field by field, from the rules themselves and not from the datapath. */
import type { Rule } from '../../classifier/classifier.js';
import { KEY_WORDS, KeyWord } from '../../classifier/flow-key.js';
import { encodeKeys } from '../../control/encode-keys.js';
import type { FlowerKey } from '../../iproute/commands.js';
import { fieldWord, hasField, keyName, keyWord, protocolWord } from './packet-words.js';
import { differingWords, type RuleView, takesProtocol } from './rule-view.js';

/** A field in which a packet is not what a rule wants. */
export interface Difference {
  readonly field: string;
  /** What the packet has; null: it has no such field. */
  readonly is: string | null;
  readonly wants: string;
}

/** Prefs that were tried, with how many masks and rules. */
export interface TriedPref {
  readonly pref: number;
  readonly protocol: string;
  readonly masks: number;
  readonly rules: number;
}

/** A rule that was tried, and how far it was from matching. */
export interface Miss {
  readonly rule: Rule;
  /** How many fields differ, the protocol among them. */
  readonly distance: number;
}

/** What a look-up went through, by the rules themselves. */
export interface Tried {
  readonly prefs: readonly TriedPref[];
  /** The nearest of the rules that did not match, the nearest first. */
  readonly nearest: readonly Miss[];
  /** Rules that did not match, in all. */
  readonly missed: number;
  /** The first rule that matches; undefined: none. */
  readonly match: Rule | undefined;
}

/** Walks through a chain as the kernel does, to the first rule that matches. `limit`: how many of the nearest to keep. */
export function tryRules(
  view: RuleView,
  packet: { readonly chain: number; readonly protocol: number; readonly position: number; readonly key: Int32Array },
  limit: number,
): Tried {
  const prefs: TriedPref[] = [];
  const nearest: Miss[] = [];
  let missed = 0;
  for (const { pref, protocol, masks } of view.prefs(packet.chain, packet.position)) {
    const isOther = !takesProtocol(protocol, packet.protocol);
    const tried = { pref, protocol: protocolWord(protocol), masks: 0, rules: 0 };
    if (!isOther) prefs.push(tried);
    for (const rules of masks) {
      if (!isOther) tried.masks++;
      for (const rule of rules) {
        if (!isOther) tried.rules++;
        const words = differingWords(rule, packet.key);
        if (words.length === 0 && !isOther) return { prefs, nearest, missed, match: rule };
        missed++;
        keep(nearest, { rule, distance: countFields(words, isOther) }, limit);
      }
    }
  }
  return { prefs, nearest, missed, match: undefined };
}

/** Keeps the list short and sorted; of two that are as near, the one that was tried first stands first. */
function keep(nearest: Miss[], miss: Miss, limit: number): void {
  const last = nearest.at(-1);
  if (nearest.length >= limit && (limit === 0 || (last && last.distance <= miss.distance))) return;
  const at = nearest.findIndex(({ distance }) => distance > miss.distance);
  nearest.splice(at < 0 ? nearest.length : at, 0, miss);
  if (nearest.length > limit) nearest.pop();
}

/**
 * Words of one field count once. (Both MACs share a word, which counts for either.) `isOther`: the protocol differs,
 * which says all that there is to say of the EtherType.
 */
function countFields(words: readonly number[], isOther: boolean): number {
  const fields = new Set(words.map((word) => FIELD_OF_WORD[word]));
  if (isOther) fields.add(KeyWord.ETH_TYPE);
  // That the family is another one shows in the EtherType, or in the address.
  if (words.some((word) => word !== KeyWord.IP_VERSION)) fields.delete(KeyWord.IP_VERSION);
  return fields.size;
}

/** By word of the key, the first word of its field. */
const FIELD_OF_WORD: readonly number[] = Array.from({ length: KEY_WORDS }, (_, word) => {
  const starts = Object.values(KeyWord).filter((start) => start <= word && start !== KeyWord.ETH_SRC);
  return word === KeyWord.ETH_SRC + 1 ? KeyWord.ETH_SRC : Math.max(...starts);
});

/** In which fields a packet is not what a filter wants, in the order in which tc prints them. */
export function differences(
  filter: { readonly protocol: number; readonly keys: readonly FlowerKey[]; readonly indev: number },
  packet: { readonly protocol: number; readonly key: Int32Array },
  device: (ifindex: number) => string,
): Difference[] {
  const found: Difference[] = [];
  const isOther = !takesProtocol(filter.protocol, packet.protocol);
  if (isOther) {
    found.push({ field: 'protocol', is: protocolWord(packet.protocol), wants: protocolWord(filter.protocol) });
  }
  for (const wanted of filter.keys) {
    if (wanted.name === 'eth_type' && isOther) continue;
    if (!differsIn(wanted, filter.indev, packet.key)) continue;
    const { name, value } = wanted;
    const has = hasField(name, packet.key, isAddress(name) ? value.length : undefined);
    // An address of the other family is there to be shown.
    const shown = has || (isAddress(name) && hasField(name, packet.key));
    const is = shown ? fieldWord(name, packet.key, device) : null;
    found.push({ field: keyName(name), is, wants: keyWord(wanted) });
  }
  return found;
}

function isAddress(name: FlowerKey['name']): boolean {
  return name === 'dst_ip' || name === 'src_ip' || name === 'enc_dst_ip' || name === 'enc_src_ip';
}

/** Whether a packet is not what this one key of a filter wants. */
function differsIn(wanted: FlowerKey, indev: number, packet: Int32Array): boolean {
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  encodeKeys([wanted], indev, key, mask);
  return differingWords({ id: 0, chain: 0, pref: 1, protocol: 0, key, mask }, packet).length > 0;
}

/** A near miss in one sentence. */
export function differenceSentence({ field, is, wants }: Difference): string {
  if (is !== null) return `${field} is ${is}, rule wants ${wants}`;
  const isTunnel = field.startsWith('enc_') || field === 'vxlan_opts';
  return `${isTunnel ? `no ${field}, for there is no such tunnel metadata` : `the packet has no ${field}`}, rule wants ${wants}`;
}
