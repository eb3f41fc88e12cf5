/** The words behind `vtep drops`. */
import { CommandError } from '../iproute/commands.js';
import { suggest } from '../iproute/suggest.js';
import { DROP_FRAMES } from '../memory/drop-ring.js';
import type { ReasonNames } from '../memory/reason-names.js';

export interface DropWords {
  /** Names of reasons; empty: all. */
  readonly reasons: readonly string[];
  /** Names of devices; empty: all. */
  readonly devices: readonly string[];
}

/** Throws CommandError where a word is none of these. */
export function readDropWords(words: readonly string[], known: Pick<ReasonNames, 'list'>): DropWords {
  const names = known.list().map(({ name }) => name);
  const reasons: string[] = [];
  const devices: string[] = [];
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? '';
    if (word === 'dev') {
      const name = words[++n];
      if (name === undefined) throw new CommandError('vtep: drops: "dev" without a device', 1);
      devices.push(name);
    } else if (names.includes(word)) reasons.push(word);
    else {
      const hint = suggest(word, ['dev', ...names]) || ' (docs/drops.md has all reasons)';
      throw new CommandError(`vtep: drops: "${word}" is neither a reason nor "dev"${hint}`, 1);
    }
  }
  return { reasons, devices };
}

/** How many frames are to be shown; throws CommandError where that is no number from 1 to DROP_FRAMES. */
export function readLast(word: string): number {
  const last = Number(word);
  if (/^\d{1,3}$/.test(word) && last >= 1 && last <= DROP_FRAMES) return last;
  throw new CommandError(`vtep: drops: --last takes a number from 1 to ${DROP_FRAMES}, not "${word}"`, 1);
}
