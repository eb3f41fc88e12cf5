import test from 'ava';
import fc from 'fast-check';
import { IFF_UP, IFLA_IFNAME, IFLA_MTU, RTM_NEWLINK } from '../../native/netlink-constants.js';
import { Ifinfomsg } from '../../native/structs.js';
import { readLink } from './link.js';
import { MessageWriter, readAttributes, readMessages } from './message.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

test('a request is laid out as the kernel reads it', (t) => {
  const request = new MessageWriter(19, 5, 7, Ifinfomsg.SIZE)
    .fixed32(Ifinfomsg.INDEX, 3)
    .fixed32(Ifinfomsg.FLAGS, IFF_UP)
    .fixed32(Ifinfomsg.CHANGE, IFF_UP)
    .attributeText(IFLA_IFNAME, 'tap0')
    .attribute32(IFLA_MTU, 1450)
    .finish();
  t.deepEqual(
    Buffer.from(request).toString('hex'),
    Buffer.from(
      hex(`
        34000000 1300 0500 07000000 00000000
        00 00 0000 03000000 01000000 01000000
        0900 0300 74617030 00 000000
        0800 0400 aa050000`),
    ).toString('hex'),
  );
});

// RTM_NEWLINK: index 9, up with a carrier, vt0, MTU 1450, a MAC, alias "vtep", below 4, in bridge 5, kind tun
const NEWLINK = `
  64000000 1000 0000 00000000 00000000
  00 00 0100 09000000 43100100 00000000
  0800 0300 76743000
  0800 0400 aa050000
  0a00 0100 020000000001 0000
  0900 1400 76746570 00 000000
  0800 0500 04000000
  0800 0a00 05000000
  0c00 1280 0800 0100 74756e00`;

test('a link is read with all that vtep wants of it', (t) => {
  const [message] = readMessages(hex(NEWLINK));
  t.is(message?.type, RTM_NEWLINK);
  t.deepEqual(readLink(message?.body ?? new Uint8Array()), {
    index: 9,
    name: 'vt0',
    flags: 0x11043,
    up: true,
    lowerUp: true,
    mtu: 1450,
    address: hex('020000000001'),
    alias: 'vtep',
    kind: 'tun',
    lower: 4,
    master: 5,
  });
});

test('the notice of a move tells where to', (t) => {
  const [message] = readMessages(
    hex(`
      38000000 1100 0000 00000000 00000000
      00 00 0100 09000000 02100000 00000000
      0800 0300 76743000
      0800 2d00 01000000
      0800 3100 0c000000`),
  );
  t.deepEqual(readLink(message?.body ?? new Uint8Array())?.movedTo, { nsid: 1, index: 12 });
});

for (const [name, bytes] of [
  ['a length of zero', '00000000 1000 0000 00000000 00000000'],
  ['a length beyond the end', '15000000 1000 0000 00000000 00000000'],
  ['a header cut short', '10000000 1000 0000 00000000'],
] as const)
  test(`a message with ${name} is no message`, (t) => t.deepEqual(readMessages(hex(bytes)), []));

for (const [name, bytes] of [
  ['a length of zero', '0000 0300 74617030'],
  ['a length beyond the end', '0900 0300 74617030'],
  ['a header cut short', '0800 03'],
] as const)
  test(`an attribute with ${name} is no attribute`, (t) => t.is(readAttributes(hex(bytes)).size, 0));

test('a link without a name is none', (t) => {
  t.is(readLink(new Uint8Array(16)), undefined);
  t.is(readLink(new Uint8Array(15)), undefined);
});

test('no bytes make a reader throw or run on', (t) => {
  const good = hex(NEWLINK);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 12 }),
      fc.nat(120),
      (edits, cut) => {
        const bytes = good.slice(0, cut);
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        for (const message of readMessages(bytes)) readLink(message.body);
      },
    ),
    { seed: 4789, numRuns: 2000 },
  );
  t.pass();
});
