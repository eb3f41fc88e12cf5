/** Rates and sizes as tc reads and prints them (tc_util.c and tc_core.c of iproute2). */

/** Bits, by suffix in lower case. */
const rateSuffixes = new Map<string, number>([
  ['', 1],
  ['bit', 1],
  ['bps', 8],
  ...['k', 'm', 'g', 't'].flatMap((letter, i): [string, number][] => [
    [`${letter}bit`, 1000 ** (i + 1)],
    [`${letter}ibit`, 1024 ** (i + 1)],
    [`${letter}bps`, 8 * 1000 ** (i + 1)],
    [`${letter}ibps`, 8 * 1024 ** (i + 1)],
  ]),
]);

const sizeSuffixes = new Map<string, number>([
  ['', 1],
  ['b', 1],
  ...['k', 'm', 'g'].flatMap((letter, i): [string, number][] => [
    [letter, 1024 ** (i + 1)],
    [`${letter}b`, 1024 ** (i + 1)],
    [`${letter}bit`, 1024 ** (i + 1) / 8],
  ]),
]);

const U32 = 2 ** 32;
/** Ticks of a microsecond: psched's is 64 ns. */
const TICKS_PER_USEC = 15.625;
export const NANOSECONDS_PER_TICK = 64;

function parseScaled(text: string, suffixes: ReadonlyMap<string, number>): number | undefined {
  const match = /^[ \t]*\+?((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$/.exec(text);
  const scale = suffixes.get(match?.[2]?.toLowerCase() ?? '');
  return match === null || scale === undefined ? undefined : Number(match[1]) * scale;
}

/** Bytes a second (`1mbit`, `100kbps`, …), rounded down. */
export function parseRate(text: string): number | undefined {
  const bits = parseScaled(text, rateSuffixes);
  return bits === undefined || bits / 8 > Number.MAX_SAFE_INTEGER ? undefined : Math.trunc(bits / 8);
}

/** Bytes (`10k`, `1500b`, …), rounded down; 32 bits. */
export function parseSize(text: string): number | undefined {
  const bytes = parseScaled(text, sizeSuffixes);
  return bytes === undefined || bytes >= U32 ? undefined : Math.trunc(bytes);
}

/** `SIZE[/CELL]`: CELL is a power of two. */
export function parseSizeAndCell(text: string): { readonly size: number; readonly cellLog?: number } | undefined {
  const [bytes = '', cell] = text.split('/', 2);
  const size = parseSize(bytes);
  if (size === undefined || cell === undefined) {
    return size === undefined ? undefined : { size };
  }
  const cellLog = Math.log2(Number(cell));
  return /^[0-9]+$/.test(cell) && Number.isInteger(cellLog) && cellLog < 32 ? { size, cellLog } : undefined;
}

/** How many ticks `amount` lasts at `rate` a second: 32 bits of them, as tc has it, and whole microseconds. */
export function ticksOf(rate: number, amount: number): number {
  return Math.trunc(Math.trunc((1e6 * amount) / rate) * TICKS_PER_USEC) % U32;
}

/** What comes within so many ticks. */
export function amountOf(rate: number, ticks: number): number {
  return Math.trunc((rate * Math.trunc(ticks / TICKS_PER_USEC)) / 1e6) % U32;
}

/** An amount that lasts so many ticks, at least 1: what must be typed for them. */
export function amountOfTicks(rate: number, ticks: number): number {
  const amount = Math.max(1, Math.ceil((rate * Math.ceil(ticks / TICKS_PER_USEC)) / 1e6));
  return ticksOf(rate, amount) <= ticks ? amount : Math.max(1, amount - 1);
}

/** Bytes a second as bits. */
export function formatRate(bytes: number): string {
  let rate = bytes * 8;
  let unit = 0;
  while (unit < 4 && rate >= 1000 && (rate % 1000 === 0 || rate >= 1_000_000)) {
    rate = Math.floor(rate / 1000);
    unit++;
  }
  return `${rate}${['', 'K', 'M', 'G', 'T'][unit] ?? ''}bit`;
}

/** rint(): halves go to the even one. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Bytes, in the unit that they are almost a multiple of. */
export function formatSize(size: number): string {
  const mega = roundEven(size / 2 ** 20);
  if (size >= 2 ** 20 && Math.abs(2 ** 20 * mega - size) < 1024) {
    return `${mega}Mb`;
  }
  const kilo = roundEven(size / 1024);
  return size >= 1024 && Math.abs(1024 * kilo - size) < 16 ? `${kilo}Kb` : `${size}b`;
}
