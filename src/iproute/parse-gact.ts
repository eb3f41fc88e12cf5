/** `[gact] CONTROL [random netrand|determ CONTROL VAL] [index N]` (parse_gact of iproute2). */
import type { ActionSpec, Control, Gact } from './commands.js';
import { filterRefusal } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { controlWords, parseControl, parseIndex } from './parse-control.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

const MAX_PROBABILITY = 10000;

function parseVerdict(reader: WordReader): Control {
  const control = parseControl(reader);
  if (control === undefined) {
    const kinds = ['tunnel_key', 'mirred', 'gact', 'vlan', 'pedit', 'csum', 'skbedit', 'police', 'sample', 'simple'];
    const known = [...controlWords, ...kinds, 'action', 'index', 'cookie', 'random'];
    throw refusal(`Bad action type ${reader.word}${suggest(reader.word, known)}`, 255);
  }
  return control;
}

function parseRandom(reader: WordReader): Gact['random'] {
  if (!reader.abbreviates('random')) {
    return undefined;
  }
  const type = findKeyword(reader.advance(), ['netrand', 'determ'] as const);
  if (type === undefined) {
    throw refusal('Illegal "random type"');
  }
  reader.advance();
  const control = parseVerdict(reader);
  const value = parseUnsigned(reader.word, 10, 0xffff);
  if (value === undefined || value > MAX_PROBABILITY) {
    throw refusal(`Illegal probability val  ${value === undefined ? `"${reader.word}"` : `0x${value.toString(16)}`}`);
  }
  reader.skip();
  // The kernel takes 0 for 1: every packet.
  return { type, control, value: Math.max(1, value) };
}

/** Reads from the word `gact`, or from the control when that was left out, to the index. */
export function parseGact(reader: WordReader): ActionSpec {
  if (reader.abbreviates('gact')) {
    reader.advance();
  }
  if (reader.abbreviates('index')) {
    const index = parseIndex(reader, '');
    return index === undefined ? { kind: 'gact', control: { type: 'pass' } } : { kind: 'reference', of: 'gact', index };
  }
  if (reader.is('help')) {
    throw new HelpRequest('tc filter gact');
  }
  const control = parseVerdict(reader);
  const random = parseRandom(reader);
  const index = parseIndex(reader, '');
  if (random?.control.type === 'goto') {
    throw filterRefusal('Error: goto chain not allowed on fallback.');
  }
  return { kind: 'gact', control, ...(random !== undefined && { random }), ...(index !== undefined && { index }) };
}
