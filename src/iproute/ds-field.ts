import { parseUnsigned } from './numbers.js';

/** The names of /etc/iproute2/rt_dsfield: DSCP values (RFC 2474, 2597, 3246), shifted into the TOS byte. */
const names = new Map<string, number>([
  ['default', 0x00],
  ...['CS1', 'CS2', 'CS3', 'CS4', 'CS5', 'CS6', 'CS7'].map((name, i) => [name, 0x20 * (i + 1)] as const),
  ...[1, 2, 3, 4].flatMap((cls) => [1, 2, 3].map((drop) => [`AF${cls}${drop}`, 0x20 * cls + 8 * drop] as const)),
  ['EF', 0xb8],
]);

/** A TOS byte, as ip reads it: a name or a number in hexadecimal. */
export function parseDsField(text: string): number | undefined {
  return names.get(text) ?? parseUnsigned(text, 16, 0xff);
}
