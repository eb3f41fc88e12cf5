/**
 * Words of vtep's own that make a vxlan device a receiver of mirrored traffic: `vni any`, and what becomes of the VNIs
 * that arrive. Reading, printing and holding them together.
 */
import { isDeviceName } from './device-name.js';
import { parseUnsigned } from './numbers.js';
import type { Printer } from './printer.js';
import type { VxlanOptions } from './vxlan-options.js';

/** What a mirror receiver has beside the options of an external device; absent is the default. */
export interface MirrorOptions {
  /** `vni any`: a mirror receiver, which takes every VNI and sends nothing that the host gives it. */
  readonly anyVni?: true;
  /** Each VNI gets a TAP of this name and its number; absent: all of them go to the device itself. */
  readonly tapPrefix?: string;
  /** Most TAPs at a time, 1 … MAX_TAPS. */
  readonly maxTaps?: number;
  /** Seconds without a frame after which a TAP is removed; 0: never. */
  readonly tapIdle?: number;
  /** Frames of a flow reach the TAPs merged, and unfinished as other TAPs take them. */
  readonly tapOffload?: true;
}

export const DEFAULT_MAX_TAPS = 128;
/** Other devices need places too, of which there are 1,024. */
export const MAX_TAPS = 1000;
/** Seconds. */
export const DEFAULT_TAP_IDLE = 300;
/** A VNI has up to 8 digits, and a name of the kernel's up to 15 bytes. */
export const MAX_PREFIX = 7;
const LAST_VNI = 2 ** 24 - 1;

/** The words, each with an argument. */
export const mirrorWords = ['tap-prefix', 'max-taps', 'tap-idle', 'tap-offload'] as const;
export type MirrorWord = (typeof mirrorWords)[number];

export const mirrorReasons: Readonly<Record<MirrorWord, string>> = {
  'tap-prefix': `a prefix has 1 to ${MAX_PREFIX} characters of an interface's name, the last of them no digit`,
  'max-taps': `max-taps is 1 to ${MAX_TAPS}`,
  'tap-idle': 'tap-idle is a number of seconds, or none',
  'tap-offload': "tap-offload is 'on' or 'off'",
};

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
/** As typed: defaults and `off` too. */
export type MirrorValues = Writable<Omit<MirrorOptions, 'tapOffload'>> & { tapOffload?: boolean };

/** Takes the argument of one of the words into `values`; false where it is none. */
export function readMirrorWord(name: MirrorWord, text: string, values: MirrorValues): boolean {
  switch (name) {
    case 'tap-prefix':
      values.tapPrefix = text;
      return isTapPrefix(text);
    case 'max-taps':
      values.maxTaps = parseUnsigned(text, 0, MAX_TAPS) ?? 0;
      return values.maxTaps > 0;
    case 'tap-idle': {
      const seconds = text === 'none' ? 0 : parseUnsigned(text, 0, 0xffffffff);
      values.tapIdle = seconds ?? 0;
      return seconds !== undefined;
    }
    case 'tap-offload':
      values.tapOffload = text === 'on';
      return text === 'on' || text === 'off';
  }
}

/** No digit at the end: `mir1` and 2 would be `mir` and 12. `%` is the kernel's to fill in. */
function isTapPrefix(text: string): boolean {
  return isDeviceName(`${text}${LAST_VNI}`) && /^[^%]*[^%0-9]$/.test(text);
}

/** The name of a VNI's TAP. */
export function tapNameOf(prefix: string, vni: number): string {
  return `${prefix}${vni}`;
}

/** Whether a value says no more than the default does; undefined: it is of another option. */
export function isMirrorDefault(name: string, value: unknown): boolean | undefined {
  switch (name) {
    case 'maxTaps':
      return value === DEFAULT_MAX_TAPS;
    case 'tapIdle':
      return value === DEFAULT_TAP_IDLE;
    case 'tapOffload':
      return value === false;
    default:
      return undefined;
  }
}

/** What a receiver does not do: there is nobody whom it would send to, learn from or answer. */
const contradictory = ['vnifilter', 'proxy', 'rsc', 'l2miss', 'l3miss'] as const;

/** What is wrong with the words together, as a sentence without its full stop; undefined: nothing. */
export function mirrorConflict(options: VxlanOptions): string | undefined {
  const { anyVni, tapPrefix, remote } = options;
  if (anyVni === true) {
    if (remote !== undefined) return "'vni any' receives from everybody and has no 'remote' or 'group'";
    if (options.learning === true) return "'vni any' has no forwarding table, and 'learning' nothing to fill";
    const other = contradictory.find((name) => options[name] === true);
    if (other !== undefined) return `'vni any' and '${other}' cannot go together`;
  } else if (tapPrefix !== undefined) return "'tap-prefix' requires 'vni any'";
  if (tapPrefix !== undefined) return undefined;
  if (options.maxTaps !== undefined) return "'max-taps' requires 'tap-prefix'";
  if (options.tapIdle !== undefined) return "'tap-idle' requires 'tap-prefix'";
  if (options.tapOffload !== undefined && anyVni !== true) return "'tap-offload' requires 'vni any'";
  return undefined;
}

/** In the place of `id N`, within the object `info_data`; JSON keeps the id, which is 0 as for every external device. */
export function printMirrorOptions(printer: Printer, options: MirrorOptions): void {
  const { tapPrefix, maxTaps = DEFAULT_MAX_TAPS, tapIdle = DEFAULT_TAP_IDLE, tapOffload } = options;
  printer.json('id', 0);
  printer.field('any_vni', true, 'id any ');
  if (tapPrefix !== undefined) {
    printer.field('tap_prefix', tapPrefix, `tap-prefix ${tapPrefix} `);
    printer.field('max_taps', maxTaps, `max-taps ${maxTaps} `);
    printer.field('tap_idle', tapIdle, `tap-idle ${tapIdle === 0 ? 'none' : tapIdle} `);
  }
  printer.field('tap_offload', tapOffload === true, tapOffload === true ? 'tap-offload on ' : '');
}

/** The words that make a receiver again. */
export function mirrorCommand({ tapPrefix, maxTaps, tapIdle, tapOffload }: MirrorOptions): string[] {
  return [
    ...['vni', 'any'],
    ...(tapPrefix === undefined ? [] : ['tap-prefix', tapPrefix]),
    ...(maxTaps === undefined ? [] : ['max-taps', `${maxTaps}`]),
    ...(tapIdle === undefined ? [] : ['tap-idle', tapIdle === 0 ? 'none' : `${tapIdle}`]),
    ...(tapOffload === true ? ['tap-offload', 'on'] : []),
  ];
}
