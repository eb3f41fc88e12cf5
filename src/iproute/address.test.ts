import test from 'ava';
import fc from 'fast-check';
import {
  formatIp,
  formatIpv6,
  formatMac,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
  prefixLength,
  prefixMask,
} from './address.js';
import { formatHex, parseInteger, parseUnsigned } from './numbers.js';

test('IPv4: one to four parts in the bases of C, those left out zero at the end', (t) => {
  for (const [text, hex] of [
    ['10.0.0.1', '0a000001'],
    ['0', '00000000'],
    ['1.2', '01020000'],
    ['0x10.1', '10010000'],
    ['010.0.0.1', '08000001'],
    ['255.255.255.255', 'ffffffff'],
  ] as const) {
    t.is(formatHex(parseIpv4(text) ?? new Uint8Array(0)), hex, text);
  }
  for (const text of ['', '.', '1..2', '1.2.3.', '256.1.1.1', '1.2.3.4.5', '1.2.3.-4', ' 1.2.3.4', '1.2.3.4 ', 'any']) {
    t.is(parseIpv4(text), undefined, text);
  }
});

test('IPv6: what inet_pton takes', (t) => {
  for (const [text, hex] of [
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['fe80::1', 'fe800000000000000000000000000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
  ] as const) {
    t.is(formatHex(parseIpv6(text) ?? new Uint8Array(0)), hex, text);
  }
  for (const text of [
    ...['', ':', ':::', '1', '1:2', '1::2::3', '12345::', 'g::', '::1%lo', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9'],
    ...['1:2:3:4:5:6:7:8::', '::1.2.3', '::256.2.3.4', '::1.2.3.4:5', '1.2.3.4::', '::01.2.3.4', ':1:2:3:4:5:6:7:8'],
  ]) {
    t.is(parseIpv6(text), undefined, text);
  }
});

test('IPv6 is written as inet_ntop writes it', (t) => {
  for (const [text, written] of [
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['::0.1.0.0', '::0.1.0.0'],
    ['::0.0.1.0', '::100'],
  ] as const) {
    t.is(formatIpv6(parseIpv6(text) ?? new Uint8Array(16).fill(0xa5)), written, text);
  }
});

test('Every address is read back from what is written of it', (t) => {
  const octet = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
  const bytes = fc.constantFrom(4, 16).chain((n) => fc.array(octet, { minLength: n, maxLength: n }));
  fc.assert(
    fc.property(bytes, (list) => {
      const address = Uint8Array.from(list);
      t.deepEqual(parseIp(formatIp(address)), address);
    }),
    { seed: 13, numRuns: 2000 },
  );
});

test('MAC addresses have six octets of one or two digits', (t) => {
  t.is(formatMac(parseMac('2:0:0:A:b:1') ?? new Uint8Array(0)), '02:00:00:0a:0b:01');
  for (const text of [
    ...['', '2:0:0:0:0', '2:0:0:0:0:1:2', '2:0:0:0:0:', '2:0:0:0:0:1:', '2:0:0:0:0:1 ', ' 2:0:0:0:0:1', ':2:0:0:0:0:1'],
    ...['100:0:0:0:0:1', '02-00-00-00-00-01', ':::::', '2:0:0:0:0:g', '2:0:0:0:0:@', '2:0:0:0:0:`', '2:/:0:0:0:1'],
  ]) {
    t.is(parseMac(text), undefined, text);
  }
});

test('A MAC address is read as a pattern would read it, and never gives other than six bytes', (t) => {
  const octet = fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((n) => n.toString(16)),
    fc.integer({ min: 0, max: 255 }).map((n) => n.toString(16).padStart(2, '0').toUpperCase()),
    fc.string({ unit: fc.constantFrom(...'09afAFgG:@`/ '), maxLength: 3 }),
  );
  const words = fc.array(octet, { minLength: 5, maxLength: 7 }).map((octets) => octets.join(':'));
  fc.assert(
    fc.property(words, (word) => {
      const isMac = /^[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}$/.test(word);
      const bytes = isMac ? word.split(':').map((each) => Number.parseInt(each, 16)) : undefined;
      t.deepEqual(parseMac(word), bytes && Uint8Array.from(bytes), word);
    }),
    { seed: 17, numRuns: 5000 },
  );
});

test('Prefix lengths and masks belong to each other, and masks with holes have none', (t) => {
  for (const width of [4, 6, 16]) {
    t.is(prefixLength(prefixMask(0, width)), undefined);
    for (let bits = 1; bits <= 8 * width; bits++) {
      t.is(prefixLength(prefixMask(bits, width)), bits);
    }
  }
  t.is(prefixLength(Uint8Array.of(0xff, 0, 0xff, 0)), undefined);
  t.is(prefixLength(Uint8Array.of(0x7f, 0xff, 0xff, 0xff)), undefined);
});

test('Numbers are read as strtoul reads them', (t) => {
  t.deepEqual(
    ['0', '010', '0x1F', '+4', ' 4', '8', '08', '0x', '', '-1', '4x', '1 '].map((text) => parseUnsigned(text, 0, 0xff)),
    [0, 8, 31, 4, 4, 8, undefined, undefined, undefined, undefined, undefined, undefined],
  );
  t.is(parseUnsigned('010', 10, 0xff), 10);
  t.is(parseUnsigned('1f', 16, 0xff), 31);
  t.is(parseUnsigned('256', 10, 0xff), undefined);
  t.is(parseUnsigned('99999999999999999999999', 10, 0xffffffff), undefined);
  for (const base of [0, 10, 16] as const) {
    for (const text of [
      '0',
      '7',
      '42',
      '00',
      '0042',
      '4294967295',
      '4294967296',
      '9'.repeat(17),
      '0'.repeat(20),
      '9a',
    ]) {
      const radix = base !== 0 ? base : /^0./.test(text) ? 8 : 10;
      const digits = { 8: /^[0-7]+$/, 10: /^[0-9]+$/, 16: /^[0-9a-f]+$/ }[radix as 8 | 10 | 16];
      const value = digits.test(text) ? Number.parseInt(text, radix) : Number.NaN;
      t.is(parseUnsigned(text, base, 0xffffffff), value <= 0xffffffff ? value : undefined, `${text} ${base}`);
    }
  }
  t.is(parseInteger('-0x10'), -16);
  t.is(parseInteger('--1'), undefined);
});
