/** `pedit [ex] munge … [munge …]` (parse_pedit of iproute2). */
import { parseIpv4, parseIpv6, parseMac } from './address.js';
import type { ActionSpec, PeditKey } from './commands.js';
import { filterRefusal, notSupported } from './errors.js';
import { HelpRequest } from './help.js';
import { fromBytes, parseInteger, parseUnsigned } from './numbers.js';
import { parseControl, parseIndex } from './parse-control.js';
import { findField, type PeditField } from './pedit-fields.js';
import { abbreviates, findKeyword, refusal, type WordReader } from './word-reader.js';

/** MAX_OFFS of iproute2. */
const MAX_KEYS = 128;

/** In iproute2's order of precedence. */
export const peditCommands = ['invert', 'set', 'add', 'decrement', 'preserve', 'clear'] as const;

type Place = Pick<PeditKey, 'header' | 'at' | 'offMask' | 'shift'>;

class Keys {
  readonly list: PeditKey[] = [];

  /** `width` bytes at `offset`: the bits of `value` within `retain`, under a mask of those outside. */
  add(
    place: Place,
    command: 'set' | 'add',
    offset: number,
    width: 1 | 2 | 4,
    bits: { readonly value: number; readonly mask: number; readonly retain: number },
    shift = 0,
  ): void {
    const within = offset & 3;
    if (width === 4 && within !== 0) {
      throw refusal('pack_key32: 32 bit offsets must begin in 32bit boundaries');
    }
    if (width === 2 && within === 3) {
      throw refusal('pack_key16 bad index value 3');
    }
    if (bits.value > 2 ** (8 * width) - 1) {
      const name = `pack_key${8 * width} bad value`;
      throw refusal(width === 1 ? `${name} (val ${bits.value.toString(16)} mask ${bits.mask.toString(16)}` : name);
    }
    if (this.list.length === MAX_KEYS) {
      throw refusal(`vtep: pedit: more than ${MAX_KEYS} keys`);
    }
    const stride = 8 * (4 - width - within);
    const ones = width === 4 ? -1 : (2 ** (8 * width) - 1) << stride;
    const value = (bits.value & bits.retain) << stride;
    const mask = ((bits.mask | ~bits.retain) << stride) | ~ones;
    this.list.push({
      ...place,
      command,
      offset: offset - within,
      value: (value << shift) >>> 0,
      mask: shift === 0 ? mask >>> 0 : ((mask << shift) | 0xf) >>> 0,
    });
  }
}

function parseCommand(reader: WordReader, isExtended: boolean): (typeof peditCommands)[number] {
  const command = findKeyword(reader.word, peditCommands);
  if (command === undefined) {
    throw refusal(`vtep: pedit: "${reader.word}" is none of ${peditCommands.join(', ')}`);
  }
  if (!isExtended && (command === 'add' || command === 'decrement')) {
    throw refusal("Non extended mode. only 'set' command is supported");
  }
  return command;
}

function parseRetain(reader: WordReader): number | undefined {
  if (!reader.abbreviates('retain')) {
    return undefined;
  }
  const retain = reader.argument(
    (word) => parseUnsigned(word, 0, 0xffffffff),
    (word) => refusal(`vtep: pedit: "${word}" is no mask to retain`),
  );
  reader.skip();
  return retain;
}

/** The bytes of an address; what stands behind a stroke is a prefix to iproute2, and means nothing here. */
function parseAddress(text: string, kind: 'mac' | 'ipv4' | 'ipv6'): Uint8Array | undefined {
  if (kind === 'mac') {
    return parseMac(text);
  }
  const [address = '', length] = text.split('/', 2);
  if (length !== undefined && parseUnsigned(length, 0, kind === 'ipv4' ? 32 : 128) === undefined) {
    return undefined;
  }
  if (['any', 'all', 'default'].includes(address)) {
    return new Uint8Array(kind === 'ipv4' ? 4 : 16);
  }
  return kind === 'ipv4' ? parseIpv4(address) : parseIpv6(address);
}

/** A long address is several keys, and takes no `retain`. */
function parseLongAddress(reader: WordReader, field: PeditField, kind: 'mac' | 'ipv6', place: Place, keys: Keys): void {
  const command = parseCommand(reader, true);
  let bytes: Uint8Array = new Uint8Array(kind === 'mac' ? 6 : 16);
  if (command === 'set' || command === 'add') {
    bytes = reader.argument(
      (word) => parseAddress(word, kind),
      (word) => refusal(`vtep: pedit: "${word}" is no such address`),
    );
  } else if (command !== 'clear') {
    throw notSupported(`"${command}" of a pedit field longer than 32 bits`);
  }
  reader.skip();
  if (parseRetain(reader) !== undefined) {
    throw refusal('retain is not supported for fields longer the 32 bits');
  }
  const whole = { mask: 0, retain: 0xffffffff };
  const how = command === 'add' ? 'add' : 'set';
  let at = 0;
  while (at < bytes.length) {
    const offset = field.offset + at;
    const width = (offset & 3) !== 0 || bytes.length - at < 4 ? 2 : 4;
    keys.add(place, how, offset, width, { ...whole, value: fromBytes(bytes.subarray(at, at + width)) });
    at += width;
  }
}

function parseWord(reader: WordReader, field: PeditField, place: Place, isExtended: boolean, keys: Keys): void {
  const command = parseCommand(reader, isExtended);
  const ones = 2 ** (8 * field.width) - 1;
  let { retain } = field;
  let value = 0;
  let mask = 0;
  if (command === 'invert') {
    value = ones;
    mask = ones;
  } else if (command === 'decrement') {
    if (field.canDecrement === undefined) {
      throw refusal('decrement command is not supported for this field');
    }
    value = ones;
  } else if (command === 'preserve') {
    retain = 0;
  } else if (command === 'set' || command === 'add') {
    value = reader.argument(
      (word) => {
        if (field.kind === 'number') {
          return parseUnsigned(word, 0, 0xffffffff);
        }
        const bytes = parseAddress(word, 'ipv4');
        return bytes && fromBytes(bytes);
      },
      (word) => refusal(`vtep: pedit: "${word}" is no value of this field`),
    );
  }
  reader.skip();
  retain = parseRetain(reader) ?? retain;
  const how = command === 'add' || command === 'decrement' ? 'add' : 'set';
  keys.add(place, how, field.offset, field.width, { value, mask, retain }, field.shift);
}

const widths = { u32: 4, u16: 2, u8: 1 } as const;

function parseOffset(reader: WordReader, isExtended: boolean, keys: Keys): void {
  const offset = reader.argument(parseInteger, (word) => refusal(`vtep: pedit: "${word}" is no offset`));
  const name = findKeyword(reader.advance(), ['u32', 'u16', 'u8'] as const);
  if (name === undefined) {
    throw refusal(`vtep: pedit: "${reader.word}" is none of u32, u16, u8`);
  }
  reader.advance();
  const place = { header: 'network' as const, at: 0, offMask: 0, shift: 0 };
  if (reader.abbreviates('at')) {
    for (const [part, base] of [
      ['at', 0],
      ['offMask', 16],
      ['shift', 0],
    ] as const) {
      place[part] = reader.argument(
        (word) => parseUnsigned(word, base, 0xffffffff),
        (word) => refusal(`vtep: pedit: "${word}" cannot stand behind "at"`),
      );
    }
    reader.advance();
  }
  const width = widths[name];
  const field: PeditField = { header: 'network', offset, kind: 'number', width, retain: 2 ** (8 * width) - 1 };
  parseWord(reader, field, place, isExtended, keys);
}

function parseMunge(reader: WordReader, isExtended: boolean, keys: Keys): void {
  const layer = reader.advance();
  if (reader.abbreviates('offset')) {
    parseOffset(reader, isExtended, keys);
    return;
  }
  const name = reader.advance();
  const field = findField(layer, name, isExtended);
  if (field === undefined) {
    throw refusal(`vtep: pedit: no field "${name}" of "${layer}"${isExtended ? '' : ' without "ex"'}`);
  }
  reader.skip();
  const place: Place = { header: field.header, at: 0, offMask: 0, shift: 0 };
  if (field.kind === 'mac' || field.kind === 'ipv6') {
    parseLongAddress(reader, field, field.kind, place, keys);
  } else {
    parseWord(reader, field, place, isExtended, keys);
  }
}

/** Reads from the word `pedit` to the index. */
export function parsePedit(reader: WordReader): ActionSpec {
  reader.advance();
  const start = reader.position;
  const isExtended = reader.is('ex');
  if (isExtended) {
    reader.advance();
  }
  const keys = new Keys();
  while (reader.abbreviates('munge')) {
    const layer = reader.words[reader.position + 1] ?? '';
    try {
      parseMunge(reader, isExtended, keys);
    } catch (error) {
      throw withConstruct(error, layer);
    }
  }
  if (reader.abbreviates('help')) {
    throw new HelpRequest('tc filter pedit');
  }
  const words = reader.words.slice(start, reader.position);
  const control = parseControl(reader) ?? { type: 'pass' };
  const index = parseIndex(reader, 'Pedit: ');
  if (keys.list.length === 0) {
    if (index === undefined) {
      throw filterRefusal('Error: act_pedit: Pedit requires keys to be passed.');
    }
    return { kind: 'reference', of: 'pedit', index };
  }
  return { kind: 'pedit', keys: keys.list, words, control, ...(index !== undefined && { index }) };
}

/** Errors of a `munge` end with the layer that it names; before that, and behind what vtep says of it, tc's own. */
function withConstruct(error: unknown, layer: string): unknown {
  if (!(error instanceof Error) || !('exitCode' in error) || error.exitCode !== 1) {
    return error;
  }
  const isVteps = error.message.startsWith('vtep: ');
  const said = isVteps && !abbreviates(layer, 'offset') ? 'bad pedit parsing' : isVteps ? '' : error.message;
  const lines = [said, `Bad pedit construct (${layer})`, isVteps ? error.message : ''];
  return refusal(lines.filter((line) => line !== '').join('\n'));
}
