const digitsOf: Record<number, RegExp> = {
  8: /^[0-7]+$/,
  10: /^[0-9]+$/,
  16: /^(?:0[xX])?[0-9a-fA-F]+$/,
};

/**
 * A whole number as strtoul reads it: `base` 10 or 16 (with or without 0x), or 0 for hexadecimal after 0x, octal
 * after 0 and decimal otherwise. Undefined for anything else, for a sign other than +, and above `max`.
 */
export function parseUnsigned(text: string, base: 0 | 10 | 16, max: number): number | undefined {
  if (base !== 16 && isPlain(text)) {
    const value = Number(text);
    return value <= max ? value : undefined;
  }
  const digits = text.replace(/^[ \t\n\v\f\r]*\+?/, '');
  let radix: number = base;
  if (base === 0) {
    radix = /^0[xX]/.test(digits) ? 16 : /^0./.test(digits) ? 8 : 10;
  }
  if (digitsOf[radix]?.test(digits) !== true) {
    return undefined;
  }
  const value = Number.parseInt(digits, radix);
  return value <= max ? value : undefined;
}

/** Decimal digits alone, not too many and no zero in front: what people type nearly always. */
function isPlain(text: string): boolean {
  if (text.length === 0 || text.length > 15 || (text.length > 1 && text.charCodeAt(0) === ZERO)) {
    return false;
  }
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) {
      return false;
    }
  }
  return true;
}

const ZERO = 0x30;

/** A whole number as strtol reads it with base 0 (iproute2's get_integer): parseUnsigned's, or a minus before it. */
export function parseInteger(text: string): number | undefined {
  const negative = text.startsWith('-');
  const value = parseUnsigned(negative ? text.slice(1) : text, 0, 0x7fffffff);
  return value !== undefined && negative ? -value : value;
}

/** `value` as `width` (1 to 4) bytes in network order. */
export function toBytes(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  for (let i = width - 1; i >= 0; i--) {
    bytes[i] = value & 0xff;
    value = Math.floor(value / 256);
  }
  return bytes;
}

/** The number that up to 6 bytes in network order hold. */
export function fromBytes(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value = value * 256 + byte;
  }
  return value;
}

/** Hexadecimal, two digits a byte; undefined for an odd length, another character or nothing at all. */
export function parseHex(text: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(text)) {
    return undefined;
  }
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function formatHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A number of up to 64 bits in hexadecimal after 0x, in octal after 0, or decimal, as 8 bytes in network order. */
export function parseUnsigned64(text: string): Uint8Array | undefined {
  if (!/^(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text)) {
    return undefined;
  }
  const isOctal = /^0[0-9]/.test(text);
  if (isOctal && /[89]/.test(text)) {
    return undefined;
  }
  const value = BigInt(isOctal ? `0o${text.slice(1)}` : text);
  return value >> 64n === 0n ? parseHex(value.toString(16).padStart(16, '0')) : undefined;
}
