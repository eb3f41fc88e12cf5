import test from 'ava';
import { Checksummer, fold } from './checksum.js';
import { ECN_CHANGED, ECN_KEPT, ECN_LOST, ECN_SUSPICIOUS, ecnDecapsulate, ecnEncapsulate } from './ecn.js';
import { emitEthernet } from './ethernet.js';
import { emitIpv4, ipv4Tos } from './ipv4.js';
import { emitIpv6, ipv6FlowLabel, ipv6TrafficClass } from './ipv6.js';

const NOT = 0;
const ECT1 = 1;
const ECT0 = 2;
const CE = 3;
const DROP = -1;

/** By inner, then by outer field: what the inner becomes, and whether that is suspicious (RFC 6040, figure 4). */
const TABLE: readonly (readonly [inner: number, outer: number, becomes: number, suspicious: boolean])[] = [
  [NOT, NOT, NOT, false],
  [NOT, ECT0, NOT, true],
  [NOT, ECT1, NOT, true],
  [NOT, CE, DROP, false],
  [ECT0, NOT, ECT0, false],
  [ECT0, ECT0, ECT0, false],
  [ECT0, ECT1, ECT1, false],
  [ECT0, CE, CE, false],
  [ECT1, NOT, ECT1, false],
  [ECT1, ECT0, ECT1, false],
  [ECT1, ECT1, ECT1, false],
  [ECT1, CE, CE, false],
  [CE, NOT, CE, false],
  [CE, ECT0, CE, false],
  [CE, ECT1, CE, true],
  [CE, CE, CE, false],
];
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const AT = 6;

function frame(version: 4 | 6, tos: number, checksum: number): Uint8Array {
  const bytes = new Uint8Array(80).fill(0xa5);
  const etherType = version === 4 ? 0x0800 : 0x86dd;
  emitEthernet({ destination: MAC, source: MAC, type: etherType }, bytes, AT);
  if (version === 4) {
    emitIpv4(
      {
        tos,
        totalLength: 20,
        id: 77,
        dontFragment: false,
        moreFragments: false,
        fragmentOffset: 0,
        ttl: 64,
        protocol: 17,
        checksum,
        source: Uint8Array.of(10, 0, 0, 1),
        destination: Uint8Array.of(10, 0, 0, 2),
        options: new Uint8Array(0),
      },
      bytes,
      AT + 14,
    );
  } else {
    emitIpv6(
      {
        trafficClass: tos,
        flowLabel: 0xabcde,
        payloadLength: 0,
        nextHeader: 59,
        hopLimit: 64,
        source: new Uint8Array(16).fill(1),
        destination: new Uint8Array(16).fill(2),
      },
      bytes,
      AT + 14,
    );
  }
  return bytes;
}

/** The sum over the header, 0xffff where its checksum is right. */
function headerSum(bytes: Uint8Array): number {
  return fold(new Checksummer(Uint8Array.from(bytes).buffer).sum(AT + 14, 20, 0));
}

for (const version of [4, 6] as const) {
  for (const [inner, outer, becomes, suspicious] of TABLE) {
    test(`an IPv${version} packet with ECN ${inner} in an outer header with ${outer} ${becomes === DROP ? 'is dropped' : `becomes ${becomes}`}`, (t) => {
      for (const dscp of [0, 0xb8, 0xfc]) {
        const bytes = frame(version, dscp | inner, 0);
        if (version === 4) {
          const checksum = ~headerSum(bytes) & 0xffff;
          bytes[AT + 24] = checksum >> 8;
          bytes[AT + 25] = checksum;
        }
        const before = Uint8Array.from(bytes);
        const verdict = ecnDecapsulate(bytes, AT, 0x60 | outer);
        if (becomes === DROP) t.is(verdict, ECN_LOST);
        else if (suspicious) t.is(verdict, ECN_SUSPICIOUS);
        else t.is(verdict, becomes === inner ? ECN_KEPT : ECN_CHANGED);
        const after = becomes === DROP ? inner : becomes;
        if (version === 4) {
          t.is(ipv4Tos(bytes, AT + 14), dscp | after);
          t.is(headerSum(bytes), 0xffff);
        } else {
          t.is(ipv6TrafficClass(bytes, AT + 14), dscp | after);
          t.is(ipv6FlowLabel(bytes, AT + 14), 0xabcde);
        }
        if (after === inner) t.deepEqual(bytes, before);
      }
    });
  }
}

test('a wrong IPv4 header checksum stays wrong by as much', (t) => {
  const bytes = frame(4, ECT0, 0x1234);
  const before = headerSum(bytes);
  ecnDecapsulate(bytes, AT, CE);
  t.is(headerSum(bytes), before);
  t.not(before, 0xffff);
});

test('what is not IP, or stands behind a VLAN tag, is left alone', (t) => {
  for (const type of [0x0806, 0x8100, 0x88a8]) {
    const bytes = frame(4, NOT, 0);
    bytes[AT + 12] = type >> 8;
    bytes[AT + 13] = type;
    const before = Uint8Array.from(bytes);
    t.is(ecnDecapsulate(bytes, AT, CE), ECN_KEPT);
    t.deepEqual(bytes, before);
  }
});

test('an outer header gets the inner ECN field, and ECT(0) for CE, whatever ECN bits were asked for', (t) => {
  for (let tos = 0; tos < 256; tos++) {
    for (let inner = 0; inner < 256; inner++) {
      const wanted = (inner & 3) === CE ? ECT0 : inner & 3;
      t.true(ecnEncapsulate(tos, inner) === ((tos & 0xfc) | wanted));
    }
  }
});
