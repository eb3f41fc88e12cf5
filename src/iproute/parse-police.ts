/** `police …` (act_parse_police of iproute2). */
import { type ActionSpec, CommandError, type Control, type Police } from './commands.js';
import { duplicate, filterRefusal, invalidArgument, notSupported } from './errors.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { controlWords, parseControl } from './parse-control.js';
import { parseRate, parseSize, parseSizeAndCell, ticksOf } from './rates.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** In iproute2's order of precedence; those marked cannot be abbreviated. */
const words: readonly (readonly [string, Name, whole?: true])[] = [
  ['index', 'index'],
  ['burst', 'burst'],
  ['buffer', 'burst', true],
  ['maxburst', 'burst', true],
  ['mtu', 'mtu', true],
  ['minburst', 'mtu', true],
  ['mpu', 'mpu', true],
  ['rate', 'rate', true],
  ['avrate', 'avrate', true],
  ['peakrate', 'peakrate'],
  ['pkts_rate', 'pkts_rate'],
  ['pkts_burst', 'pkts_burst'],
  ['reclassify', 'control'],
  ['drop', 'control'],
  ['shot', 'control'],
  ['continue', 'control'],
  ['pass', 'control'],
  ['ok', 'control'],
  ['pipe', 'control'],
  ['goto', 'control'],
  ['conform-exceed', 'conform-exceed', true],
  ['overhead', 'overhead'],
  ['linklayer', 'linklayer'],
  ['help', 'help'],
];

export const policeWords: readonly string[] = words.map(([word]) => word);

type Sized = 'burst' | 'mtu' | 'mpu' | 'rate' | 'peakrate' | 'pkts_rate' | 'pkts_burst' | 'overhead' | 'index';
type Name = Sized | 'avrate' | 'control' | 'conform-exceed' | 'linklayer' | 'help';

interface Given {
  readonly numbers: Partial<Record<Sized, number>>;
  cellLog?: number;
  linkLayer: Police['linkLayer'];
  control?: Control;
  conform?: Control;
}

/** A cell of a rate table holds so many sizes that 255 of them reach the mtu (tc_calc_rtable). */
const TABLE_MTU = 2047;
const ANY_SIZE = 0xffffffff;

/** What iproute2 calls each where it is no number. */
const called: Partial<Record<Sized, string>> = { burst: 'buffer' };

function find(word: string): Name | undefined {
  return words.find(([name, , whole]) => (whole ? name === word : findKeyword(word, [name]) !== undefined))?.[1];
}

function parseNumber(name: Sized, text: string, given: Given): number | undefined {
  switch (name) {
    case 'burst':
    case 'mtu': {
      const parsed = parseSizeAndCell(text);
      if (name === 'burst' && parsed?.cellLog !== undefined) {
        given.cellLog = parsed.cellLog;
      }
      return parsed?.size;
    }
    case 'mpu':
      return parseSize(text);
    case 'rate':
    case 'peakrate':
      return parseRate(text);
    case 'overhead':
      return parseUnsigned(text, 10, 0xffff);
    case 'index':
      return parseUnsigned(text, 10, 0xffffffff);
    default:
      return parseUnsigned(text, 10, Number.MAX_SAFE_INTEGER);
  }
}

/** One of the two controls of `A/B`, which takes no argument: a chain or a count is then 0. */
function parseShort(word: string): Control {
  const name = findKeyword(word, controlWords);
  switch (name) {
    case undefined:
      throw refusal(`vtep: police knows no control "${word}"`);
    case 'goto':
      return { type: 'goto', chain: 0 };
    case 'jump':
      return { type: 'jump', count: 0 };
    default:
      return { type: name === 'shot' ? 'drop' : name === 'ok' ? 'pass' : name };
  }
}

/** Here tc returns where elsewhere it ends at once. */
function parseOwnControl(reader: WordReader): Control | undefined {
  try {
    return parseControl(reader);
  } catch (error) {
    const isOwn = error instanceof CommandError && error.exitCode === 255 && reader.more;
    throw isOwn ? refusal(error.message) : error;
  }
}

function parseLong(reader: WordReader): Control {
  const control = parseOwnControl(reader);
  if (control === undefined) {
    throw refusal(`Bad action type ${reader.word}`);
  }
  return control;
}

/** `EXCEED[/CONFORM]`, with or without blanks around the stroke. Moves on behind it. */
function parseBoth(reader: WordReader, given: Given): void {
  const word = reader.advance();
  const stroke = word.indexOf('/');
  if (stroke >= 0) {
    given.control = parseShort(word.slice(0, stroke));
    given.conform = parseShort(word.slice(stroke + 1));
    reader.skip();
    return;
  }
  given.control = parseLong(reader);
  if (reader.is('/')) {
    reader.advance();
    given.conform = parseLong(reader);
  }
}

function parseOption(reader: WordReader, name: Name, given: Given): void {
  switch (name) {
    case 'control':
      given.control = parseLong(reader);
      return;
    case 'conform-exceed':
      parseBoth(reader, given);
      return;
    case 'help':
      throw new HelpRequest('tc filter police');
    case 'avrate':
      throw notSupported('"avrate" of action police');
    case 'linklayer':
      given.linkLayer = reader.argument(
        (word) => {
          const layer = findKeyword(word, ['ethernet', 'atm', 'adsl'] as const);
          return layer === 'adsl' ? 'atm' : layer;
        },
        (word) => invalidArgument('linklayer', word),
      );
      break;
    default: {
      const word = reader.advance();
      if (given.numbers[name]) {
        throw duplicate(called[name] ?? name, word);
      }
      const value = parseNumber(name, word, given);
      if (value === undefined) {
        throw invalidArgument(called[name] ?? name, word);
      }
      given.numbers[name] = value;
    }
  }
  reader.skip();
}

function check({ rate, burst, mtu, peakrate, pkts_rate: packets, pkts_burst: packetBurst, index }: Given['numbers']) {
  if (!rate && !mtu && !packets && !index) {
    throw refusal("'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified.");
  }
  if (rate && !burst) {
    throw refusal("'burst' requires 'rate'.");
  }
  if (peakrate && !rate) {
    throw refusal("'peakrate' requires 'rate'.");
  }
  if (peakrate && !mtu) {
    throw refusal("'mtu' is required, if 'peakrate' is requested.");
  }
  if (packets && !packetBurst) {
    throw refusal("'pkts_burst' requires 'pkts_rate'.");
  }
  if (rate && packets) {
    throw refusal("'rate' and 'pkts_rate' are not allowed in same action.");
  }
}

/** The mtu that the kernel gives where none was asked for: what its rate table reaches to. */
function defaultMtu(given: Given): number {
  if (!given.numbers.rate) {
    return ANY_SIZE;
  }
  let cellLog = given.cellLog ?? 0;
  while (given.cellLog === undefined && TABLE_MTU >> cellLog > 255) {
    cellLog++;
  }
  return 255 * 2 ** cellLog;
}

/** Reads from the word `police` to the end of its words, `index` among them. */
export function parsePolice(reader: WordReader): ActionSpec {
  const given: Given = { numbers: {}, linkLayer: 'ethernet' };
  reader.advance();
  const start = reader.position;
  for (let name = find(reader.word); reader.more && name !== undefined; name = find(reader.word)) {
    parseOption(reader, name, given);
  }
  if (reader.position === start) {
    throw refusal(`vtep: police knows no "${reader.word}"${suggest(reader.word, policeWords)}`);
  }
  const { numbers, control, conform } = given;
  check(numbers);
  const { rate, burst = 0, peakrate, mtu, mpu = 0, overhead = 0, pkts_rate: packetRate, pkts_burst, index } = numbers;
  if (!rate && !mtu && !packetRate && control === undefined && index) {
    return { kind: 'reference', of: 'police', index };
  }
  if (conform?.type === 'goto') {
    throw filterRefusal('Error: goto chain not allowed on fallback.');
  }
  return {
    kind: 'police',
    ...(rate && { rate, burst: ticksOf(rate, burst) }),
    ...(peakrate && { peakRate: peakrate }),
    mtu: mtu || defaultMtu(given),
    mpu,
    // What has no rate has no table either, and the kernel forgets what was said of it.
    overhead: rate ? overhead : 0,
    linkLayer: rate ? given.linkLayer : 'ethernet',
    ...(packetRate && { packetRate, packetBurst: ticksOf(packetRate, pkts_burst ?? 0) }),
    conform: conform ?? { type: 'pass' },
    control: control ?? { type: 'reclassify' },
    ...(index && { index }),
  };
}
