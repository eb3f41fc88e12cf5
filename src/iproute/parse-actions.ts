/**
 * The list after the word `action` (parse_action of iproute2): `action A action B` and `action A B` are the same, and
 * a bare control word is an action of the kind gact.
 */
import { foreignActionKinds } from './action-kinds.js';
import { type ActionSpec, CommandError, type Mirred } from './commands.js';
import { isCustomAction, parseCustomAction } from './custom-actions.js';
import { invalidArgument, notSupported } from './errors.js';
import { parseHex } from './numbers.js';
import { isControlWord } from './parse-control.js';
import { parseCsum } from './parse-csum.js';
import { parseGact } from './parse-gact.js';
import { parseMirred } from './parse-mirred.js';
import { parsePedit } from './parse-pedit.js';
import { parsePolice } from './parse-police.js';
import { parseSample } from './parse-sample.js';
import { parseSimple } from './parse-simple.js';
import { parseSkbedit } from './parse-skbedit.js';
import { parseTunnelKey } from './parse-tunnel-key.js';
import { parseVlan } from './parse-vlan.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** A word that could begin another command ends the list. */
const commandWords = ['change', 'replace', 'delete', 'get', 'add'] as const;

/** By the word that an action begins with, which cannot be abbreviated. */
const parsers: Readonly<Record<string, (reader: WordReader) => ActionSpec>> = {
  tunnel_key: parseTunnelKey,
  mirred: parseMirred,
  vlan: parseVlan,
  pedit: parsePedit,
  csum: parseCsum,
  skbedit: parseSkbedit,
  police: parsePolice,
  sample: parseSample,
  simple: parseSimple,
};

const MAX_COOKIE_BYTES = 16;

function parseOne(reader: WordReader): ActionSpec {
  const { word } = reader;
  const parse = Object.hasOwn(parsers, word) ? parsers[word] : undefined;
  if (parse !== undefined) {
    return parse(reader);
  }
  if (isCustomAction(word)) {
    return parseCustomAction(reader);
  }
  if (!isControlWord(word) && foreignActionKinds.includes(word)) {
    throw notSupported(`action "${word}"`);
  }
  return parseGact(reader);
}

/** What tc adds to an error of an action: how many words there were from its kind on, and that kind. */
export function badAction(left: number, word: string): string {
  return `bad action parsing\nparse_action: bad value (${left}:${word})!\nIllegal "action"`;
}

/** Of those that a device may be missing of. A collector of garbage is slow with many. */
const left = new WeakMap<Mirred, number>();

/** How many words there were from the kind of this action on, as it was typed; 0 for one that was not. */
export function wordsLeft(action: Mirred): number {
  return left.get(action) ?? 0;
}

/** What the kernel would say to a whole action: it hears of one only when all words behind it have been read. */
function isKernels(error: unknown): boolean {
  return error instanceof CommandError && error.exitCode === 2 && !error.message.startsWith('vtep: ');
}

/**
 * A parse error of an action comes with those that its callers add; `Error: …` comes from helpers that end at once.
 * What vtep says besides comes last.
 */
function withContext(reader: WordReader, error: unknown): unknown {
  if (!(error instanceof CommandError) || error.exitCode !== 1 || error.message.startsWith('Error: ')) {
    return error;
  }
  const lines = error.message.split('\n');
  const own = lines.filter((line) => line.startsWith('vtep: '));
  const said = lines.filter((line) => !line.startsWith('vtep: '));
  return refusal([...said, badAction(reader.left, reader.word), ...own].join('\n'));
}

function parseCookie(reader: WordReader): Uint8Array | undefined {
  if (!reader.is('cookie')) {
    return undefined;
  }
  const word = reader.advance();
  if (word.length > 2 * MAX_COOKIE_BYTES) {
    throw invalidArgument(`${word.length} Max allowed size ${2 * MAX_COOKIE_BYTES}`, word);
  }
  const cookie = parseHex(word);
  if (cookie === undefined) {
    throw invalidArgument('cookie must be a hex string\n', word);
  }
  reader.skip();
  return cookie;
}

/** What the kernel says to `skip_sw` and `skip_hw` of an action; undefined where it takes them. */
export type SkipAnswer = (word: 'skip_sw' | 'skip_hw') => CommandError | undefined;

/**
 * How a driver should count, how the kernel allocates counters, and who is to carry the action out: without hardware
 * vtep has no use for any of them, and takes what a kernel without hardware takes. Returns what that refuses.
 */
function skipHardwareWords(reader: WordReader, answer: SkipAnswer): CommandError | undefined {
  if (reader.abbreviates('hw_stats')) {
    const word = reader.advance();
    if (findKeyword(word, ['immediate', 'delayed', 'disabled']) === undefined) {
      throw invalidArgument('value is invalid', word);
    }
    reader.skip();
  }
  if (reader.is('no_percpu')) {
    reader.skip();
  }
  let refused: CommandError | undefined;
  while (reader.is('skip_sw') || reader.is('skip_hw')) {
    refused ??= answer(reader.is('skip_sw') ? 'skip_sw' : 'skip_hw');
    reader.skip();
  }
  return refused;
}

/**
 * Reads actions up to the end, classid, flowid or a command word. Undefined: a command word came first, and there is
 * no list (tc leaves the word to flower).
 */
export function parseActions(reader: WordReader, answer: SkipAnswer): readonly ActionSpec[] | undefined {
  const actions: ActionSpec[] = [];
  let expected = false;
  let refused: unknown;
  while (reader.more) {
    if (reader.is('action')) {
      reader.skip();
      expected = true;
      continue;
    }
    if (reader.is('flowid') || reader.is('classid')) {
      break;
    }
    if (reader.is('help')) {
      throw refusal('Illegal "action"');
    }
    if (findKeyword(reader.word, commandWords) !== undefined) {
      if (actions.length === 0) {
        return undefined;
      }
      break;
    }
    expected = false;
    const start = reader.position;
    const words = reader.left;
    let action: ActionSpec;
    try {
      action = parseOne(reader);
    } catch (error) {
      if (isKernels(error)) {
        refused ??= error;
        reader.fault ??= start;
        parseCookie(reader);
        skipHardwareWords(reader, answer);
        continue;
      }
      reader.rewind(start);
      throw withContext(reader, error);
    }
    const cookie = parseCookie(reader);
    const whole = cookie === undefined ? action : { ...action, cookie };
    if (whole.kind === 'mirred') {
      left.set(whole, words);
    }
    actions.push(whole);
    const skipped = skipHardwareWords(reader, answer);
    refused ??= skipped;
  }
  if (expected) {
    throw refusal(`bad action empty 1\nparse_action: bad value (${reader.left}:(null))!\nIllegal "action"`);
  }
  if (refused !== undefined) {
    throw refused;
  }
  return actions;
}
