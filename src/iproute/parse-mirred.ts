/** `mirred egress|ingress redirect|mirror dev X` (parse_mirred of iproute2). */
import { type ActionSpec, CommandError } from './commands.js';
import { isDeviceName } from './device-name.js';
import { duplicate, filterRefusal, invalidArgument } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseControl, parseIndex } from './parse-control.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

export const mirredWords = ['egress', 'ingress', 'index', 'mirror', 'redirect', 'dev', 'help'] as const;

interface Target {
  direction?: 'egress' | 'ingress';
  mode?: 'redirect' | 'mirror';
  dev?: string;
  index?: number;
  /** The first word that is none of these. */
  unknown?: string;
}

/** One word of the target and its argument; false when the target is complete. */
function parseTargetWord(reader: WordReader, target: Target): boolean {
  const { word } = reader;
  const name = findKeyword(word, mirredWords);
  if (name === 'egress' || name === 'ingress') {
    if (target.direction !== undefined && target.direction !== name) {
      throw refusal(`Can't have both ${name} and ${target.direction}`);
    }
    target.direction = name;
  } else if (name === 'mirror' || name === 'redirect') {
    if (target.mode !== undefined && target.mode !== name) {
      throw refusal("Can't have both mirror and redir");
    }
    target.mode = name;
  } else if (name === 'index') {
    target.index = reader.argument(
      (text) => parseUnsigned(text, 10, 0xffffffff),
      () => refusal('Illegal "index"'),
    );
    if (target.direction === undefined) {
      reader.skip();
      return false;
    }
  } else if (name === 'dev' && target.mode !== undefined) {
    const dev = reader.advance();
    if (!isDeviceName(dev)) {
      throw invalidArgument('"dev" not a valid ifname', dev);
    }
    if (target.dev !== undefined) {
      throw duplicate('dev', dev);
    }
    target.dev = dev;
    reader.skip();
    return false;
  } else if (name === 'help') {
    throw new HelpRequest('tc filter mirred');
  } else {
    // tc passes over a word that it does not know here, and takes the rest for what was meant, if it is enough.
    target.unknown ??= word;
  }
  reader.advance();
  return true;
}

/** Reads from the word `mirred` to the index. `mirred index N` alone names one that is there. */
export function parseMirred(reader: WordReader): ActionSpec {
  const target: Target = {};
  reader.advance();
  if (findKeyword(reader.word, ['egress', 'ingress', 'index', 'help']) === undefined) {
    throw refusal(`mirred option not supported ${reader.word}`);
  }
  try {
    while (parseTargetWord(reader, target)) {
      // Every word moves the reader on.
    }
  } catch (error) {
    throw target.unknown !== undefined && error instanceof CommandError && error.exitCode === 255
      ? refusal(`${error.message}${suggest(target.unknown, mirredWords)}`, 255)
      : error;
  }
  if (target.unknown !== undefined) {
    throw refusal(`vtep: mirred knows no "${target.unknown}"${suggest(target.unknown, mirredWords)}`);
  }
  if (target.direction === undefined && target.index !== undefined) {
    if (target.index === 0) {
      throw filterRefusal('Error: act_mirred: Unknown mirred option.');
    }
    return { kind: 'reference', of: 'mirred', index: target.index };
  }
  const { direction = 'egress', mode = 'redirect', dev = '' } = target;
  const control = mode === 'mirror' ? (parseControl(reader) ?? { type: 'pipe' as const }) : { type: 'stolen' as const };
  if (target.index !== undefined && reader.abbreviates('index')) {
    throw refusal('mirred: Illegal double index');
  }
  const index = parseIndex(reader, 'mirred: ') ?? target.index;
  return { kind: 'mirred', direction, mode, dev, control, ...(index !== undefined && index > 0 && { index }) };
}
