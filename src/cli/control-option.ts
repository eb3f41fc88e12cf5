import { CommandError } from '../iproute/commands.js';

/**
 * Takes `--control PATH` out of the options before an object: iproute2's tools have no such option, and what follows
 * the object is theirs. Throws CommandError where the path is missing.
 */
export function takeControl(words: readonly string[]): {
  readonly control?: string;
  readonly rest: readonly string[];
} {
  const end = words.findIndex((word) => !word.startsWith('-'));
  const at = words.findIndex((word) => word === '--control' || word.startsWith('--control='));
  if (at < 0 || (end >= 0 && at > end)) return { rest: words };
  const isJoined = words[at] !== '--control';
  const control = isJoined ? words[at]?.slice('--control='.length) : words[at + 1];
  if (!control) throw new CommandError("vtep: option '--control' needs a path", 1);
  return { control, rest: [...words.slice(0, at), ...words.slice(at + (isJoined ? 1 : 2))] };
}
