/** Devices as the words of `ip link`. */
import { vxlanSwitches } from '../../iproute/vxlan-options.js';
import { type Fields, flagOf, numberOf, numberOrText, numberWord, textOf, type Words } from './words.js';

/** Those that can be said to be off; the others are off where nothing is said. */
const WITH_NO: readonly string[] = [
  ...['learning', 'proxy', 'rsc', 'l2miss', 'l3miss', 'udpcsum', 'udp6zerocsumtx', 'udp6zerocsumrx'],
  ...['remcsumtx', 'remcsumrx', 'external', 'vnifilter', 'localbypass'],
];
/** Options that are on or off. */
const FLAGS: readonly string[] = [...new Set(['external', ...WITH_NO, ...vxlanSwitches])];

function tosWord(tos: unknown, property: string): string {
  return typeof tos === 'number' ? `0x${numberOf(tos, property).toString(16)}` : textOf(tos, property);
}

function onOrOff(value: unknown, property: string): string {
  return flagOf(value, property) ? 'on' : 'off';
}

/** Each option with a value: its name here, how it is written, and its word where that is another. */
const VALUES: readonly (readonly [name: string, read: (value: unknown, property: string) => string, word?: string])[] =
  [
    ['id', numberWord],
    ['vni', textOf],
    ['group', textOf],
    ['remote', textOf],
    ['local', textOf],
    ['dev', textOf],
    ['dstport', numberWord],
    ['ttl', numberOrText],
    ['tos', tosWord],
    ['df', textOf],
    ['flowlabel', numberWord],
    ['ageing', numberOrText],
    ['maxaddress', numberOrText],
    ['reserved_bits', textOf],
    ['underlay', textOf],
    ['tap_prefix', textOf, 'tap-prefix'],
    ['max_taps', numberWord, 'max-taps'],
    ['tap_idle', numberOrText, 'tap-idle'],
    ['tap_offload', onOrOff, 'tap-offload'],
  ];

/** The names of all options of a vxlan device, for the test that none of the grammar's is forgotten. */
export const vxlanNames: readonly string[] = [...VALUES.map(([name]) => name), 'srcport', ...FLAGS];

/** What follows `type vxlan`. */
export function putVxlan(words: Words, fields: Fields): void {
  for (const [name, read, word = name] of VALUES) fields.put(words, name, read, word);
  const ports = fields.maybe('srcport', (value, property) => fields.within(value, property));
  if (ports) {
    words.add(ports.property, 'srcport', ports.must('from', numberWord), ports.must('to', numberWord));
    ports.end();
  }
  for (const name of FLAGS) {
    const value = fields.maybe(name, flagOf);
    if (value === true) words.add(fields.at(name), name);
    else if (value === false && WITH_NO.includes(name)) words.add(fields.at(name), `no${name}`);
  }
}

/** What any device has, and stands before `type`. */
export function putSettings(words: Words, fields: Fields): void {
  fields.put(words, 'mtu', numberWord);
  fields.put(words, 'address', textOf);
  fields.put(words, 'txqueuelen', numberWord);
}

export function putUp(words: Words, fields: Fields): void {
  const up = fields.maybe('up', flagOf);
  if (up !== undefined) words.add(fields.at('up'), up ? 'up' : 'down');
}
