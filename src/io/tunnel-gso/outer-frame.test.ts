import test from 'ava';
import { GSO_TCPV4, GSO_TCPV6 } from '../../memory/packets.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { OUTER_BYTES_IPV4, OUTER_BYTES_IPV6, type OuterFrame, writeOuterFrame } from './outer-frame.js';

/** Where headers are written to: behind it and before it nothing may change. */
const AT = 64;

function hex(text: string): string {
  return text.replaceAll(/\/\/.*$/gm, '').replaceAll(/\s/g, '');
}

function record(words: Partial<Record<keyof typeof TunnelWord, number>>, source: number[], destination: number[]) {
  const tunnels = new Int32Array(2 * TUNNEL_WORDS);
  for (const [name, value] of Object.entries(words))
    tunnels[TUNNEL_WORDS + TunnelWord[name as keyof typeof TunnelWord]] = value;
  tunnels.set(source, TUNNEL_WORDS + TunnelWord.SRC_IP);
  tunnels.set(destination, TUNNEL_WORDS + TunnelWord.DST_IP);
  return tunnels;
}

/** The headers as hex; the twelve bytes of Ethernet addresses stay the caller's, here 0xa5. */
function written(tunnels: Int32Array, bytes: number, more: Partial<OuterFrame> = {}): string {
  const memory = new Uint8Array(256).fill(0xa5);
  const frame: OuterFrame = {
    payload: 3000,
    sourcePort: 0xc001,
    destinationPort: 4789,
    id: 0xfffe,
    gsoType: GSO_TCPV4,
    gsoSize: 1448,
    innerNetwork: 22,
    innerTransport: 42,
    innerPayload: 74,
    checksumOffset: 16,
    ...more,
  };
  writeOuterFrame(memory, AT, tunnels, TUNNEL_WORDS, frame);
  const all = Buffer.from(memory);
  const outside = Buffer.concat([all.subarray(0, AT), all.subarray(AT + bytes)]);
  if (!outside.every((byte) => byte === 0xa5)) throw new Error('bytes before or behind the headers have changed');
  return all.subarray(AT, AT + bytes).toString('hex');
}

/** The ones' complement sum of 16-bit words in hex, as slowly as possible. */
function sumOf(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at += 4) {
    sum += Number.parseInt(text.slice(at, at + 4).padEnd(4, '0'), 16);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum;
}

const IPV4 = { FAMILY: 4, TOS: 0x2a, TTL: 64 } as const;
const FROM4 = [0x0a070001];
const TO4 = [0x0a070002];

test('a super-frame over IPv4 with checksum, DF not set', (t) => {
  const got = written(record({ ...IPV4, FLAGS: TUNNEL_CSUM }, FROM4, TO4), OUTER_BYTES_IPV4);
  t.is(
    got,
    hex(`
      09 21 7400 a805 5400 1000 0000  // needs checksum, tunnel checksum; TCPv4 in IPv4; 42 + 74 of headers, 1448, 42 + 42, 16
      00000000 0000 0000 2200 4000    // no hash; outer transport 34, inner network 42 + 22
      a5a5a5a5a5a5 a5a5a5a5a5a5 0800
      45 2a 0bd4 fffe 0000 41 11 59e0 0a070001 0a070002
      c001 12b5 0bc0 1fe2`),
  );
  t.is(sumOf(got.slice(76, 116)), 0xffff, 'the IPv4 checksum');
  // both addresses, 17 and the UDP length
  t.is(sumOf(`${got.slice(100, 116)}00110bc0`), 0x1fe2, 'the pseudo-header in the UDP checksum');
});

test('without checksum it is neither asked for nor begun, and DF is set where it is wanted', (t) => {
  const got = written(record({ ...IPV4, FLAGS: TUNNEL_DONT_FRAGMENT }, FROM4, TO4), OUTER_BYTES_IPV4, { id: 0 });
  t.is(got.slice(0, 4), '0121');
  t.is(got.slice(76, 100), hex('45 2a 0bd4 0000 4000 41 11 19df'));
  t.is(sumOf(got.slice(76, 116)), 0xffff);
  t.is(got.slice(-4), '0000');
});

test('over IPv6 there is a traffic class, a flow label and a hop limit of one more', (t) => {
  const words = { FAMILY: 6, TOS: 0x2a, TTL: 254, FLOW_LABEL: 0xabcde, FLAGS: TUNNEL_CSUM };
  const from = [0xfd000000 | 0, 0, 0, 1];
  const to = [0xfd000000 | 0, 0, 0, 2];
  const got = written(record(words, from, to), OUTER_BYTES_IPV6, {
    gsoType: GSO_TCPV6,
    innerTransport: 62,
    innerPayload: 94,
  });
  t.is(
    got,
    hex(`
      09 44 9c00 a805 7c00 1000 0000
      00000000 0000 0000 3600 5400
      a5a5a5a5a5a5 a5a5a5a5a5a5 86dd
      62aabcde 0bc0 11 ff fd000000000000000000000000000001 fd000000000000000000000000000002
      c001 12b5 0bc0 05d6`),
  );
  t.is(sumOf(`${got.slice(92, 156)}00110bc0`), 0x05d6, 'the pseudo-header in the UDP checksum');
});

test('a single datagram has its outer checksum finished by the host, or none', (t) => {
  const single = { gsoType: 0, payload: 100 };
  const checked = written(record({ ...IPV4, FLAGS: TUNNEL_CSUM }, FROM4, TO4), OUTER_BYTES_IPV4, single);
  t.is(checked.slice(0, 48), hex('01 00 2a00 0000 2200 0600 0000 00000000 0000 0000 0000 0000'));
  const plain = written(record({ ...IPV4 }, FROM4, TO4), OUTER_BYTES_IPV4, single);
  t.is(plain.slice(0, 48), '00'.repeat(24));
  t.is(plain.slice(-4), '0000');
});
