import test from 'ava';
import {
  DF_INHERIT,
  DF_SET,
  DF_UNSET,
  EXTENSION_GBP,
  EXTENSION_GPE,
  type HeaderDefaults,
  INHERIT,
} from '../devices/device-table.js';
import type { HostFrame } from '../io/fake/fake-port.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import {
  TUNNEL_DONT_FRAGMENT,
  TUNNEL_KEY,
  TUNNEL_TOS,
  TUNNEL_TTL,
  TUNNEL_VXLAN_OPT,
  TunnelWord,
} from '../memory/tunnel.js';
import { buildFrame, concat, hex, noise } from '../offload/test-frames.js';
import {
  Harness,
  RESERVED_HIGH,
  RESERVED_LOW,
  redirect,
  set,
  TAP0,
  TO_PEER,
  type TunnelRecord,
  VXLAN0,
} from './harness.test.helper.js';

const PLAIN: HeaderDefaults = {
  tos: 0,
  ttl: 0,
  df: DF_UNSET,
  flowLabel: 0,
  extensions: 0,
  port: 4789,
  reservedHigh: RESERVED_HIGH,
  reservedLow: RESERVED_LOW,
};

interface Sent {
  readonly tos: number;
  readonly ttl: number;
  readonly df: boolean;
  readonly label: number;
  /** The first four bytes of the VXLAN header. */
  readonly first: number;
}

/** What is sent for frames from TAP0 with one record and these defaults of the device. */
function sent(
  defaults: Partial<HeaderDefaults>,
  record: TunnelRecord,
  ...frames: readonly (Uint8Array | HostFrame)[]
): Sent[] {
  const harness = new Harness();
  harness.devices.setHeaders(VXLAN0, { ...PLAIN, ...defaults });
  harness.use([{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }], [{ ...TO_PEER, ...record }]);
  harness.send(TAP0, ...frames);
  return harness.underlay0.sent.map(({ tunnel, bytes }) => ({
    tos: tunnel[TunnelWord.TOS] ?? -1,
    ttl: tunnel[TunnelWord.TTL] ?? -1,
    df: ((tunnel[TunnelWord.FLAGS] ?? 0) & TUNNEL_DONT_FRAGMENT) !== 0,
    label: tunnel[TunnelWord.FLOW_LABEL] ?? -1,
    first: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
  }));
}

/** An inner packet with this TOS byte, TTL and DF. */
function inner(version: 4 | 6, tos: number, ttl = 64, dontFragment = false): Uint8Array {
  const frame = buildFrame({ version, payload: noise(60, 1) });
  if (version === 4) {
    frame[15] = tos;
    frame[22] = ttl;
    frame[20] = dontFragment ? 0x40 : 0;
  } else {
    frame[14] = 0x60 | (tos >> 4);
    frame[15] = ((tos & 15) << 4) | ((frame[15] ?? 0) & 15);
    frame[21] = ttl;
  }
  return frame;
}

function tagged(frame: Uint8Array): Uint8Array {
  return concat(frame.slice(0, 12), hex('8100 0005'), frame.slice(12));
}

const ARP = hex('ffffffffffff 52540000000a 0806 0001 0800 06 04 0001 52540000000a 0a000001 000000000000 0a000002');

test('the ECN bits of an inner packet are those of the outer header, but CE becomes ECT(0)', (t) => {
  for (const version of [4, 6] as const) {
    for (const dscp of [0, 0xb8]) {
      for (const [ecn, outer] of [
        [0, 0],
        [1, 1],
        [2, 2],
        [3, 2],
      ] as const) {
        const frame = inner(version, dscp | ecn);
        t.is(sent({}, {}, frame)[0]?.tos, outer, `IPv${version} ${ecn}`);
        t.is(sent({}, { TOS: 0x23 }, frame)[0]?.tos, 0x20 | outer, 'a TOS with ECN bits of its own');
        t.is(sent({ tos: INHERIT }, {}, frame)[0]?.tos, dscp | outer);
        t.is(sent({}, {}, tagged(frame))[0]?.tos, outer, 'behind a VLAN tag');
      }
    }
  }
  t.is(sent({ tos: INHERIT }, { TOS: 0 }, ARP)[0]?.tos, 0);
});

test('a super-frame has the ECN bits of its one header on each of its segments', (t) => {
  const bytes = buildFrame({ payload: noise(5000, 1), unfinished: true });
  bytes[15] = 0x0b;
  const [one, ...more] = sent({}, {}, { bytes, checksum: { start: 34, offset: 16 }, gso: { type: 1, size: 1000 } });
  t.is(one?.tos, 2);
  t.deepEqual(more, []);
});

test('TOS and TTL of the rule go before those of the device, zeros that were said too', (t) => {
  const device = { tos: 0x40, ttl: 7 };
  const frame = inner(4, 0xb8, 33);
  const fields = (defaults: Partial<HeaderDefaults>, record: TunnelRecord): unknown[] => {
    const [one] = sent(defaults, record, frame);
    return [one?.tos, one?.ttl];
  };
  t.deepEqual(fields({}, {}), [0, 0]);
  t.deepEqual(fields(device, {}), [0x40, 7]);
  t.deepEqual(fields(device, { TOS: 0x20, TTL: 9 }), [0x20, 9]);
  t.deepEqual(fields(device, { FLAGS: TUNNEL_KEY | TUNNEL_TOS | TUNNEL_TTL }), [0, 0]);
  t.deepEqual(fields({ tos: INHERIT, ttl: INHERIT }, {}), [0xb8, 33]);
  t.deepEqual(fields({ tos: INHERIT, ttl: INHERIT }, { TOS: 4, TTL: 255 }), [4, 255]);
});

test('an inherited TTL is the hop limit of IPv6, and the route’s for what is not IP', (t) => {
  t.is(sent({ ttl: INHERIT }, {}, inner(6, 0, 12))[0]?.ttl, 12);
  t.is(sent({ ttl: INHERIT }, {}, tagged(inner(6, 0, 12)))[0]?.ttl, 12);
  t.is(sent({ ttl: INHERIT }, {}, ARP)[0]?.ttl, 0);
});

test('a multicast peer is one hop away unless something else is said', (t) => {
  const group = { DST_IP: 0xef000001 | 0 };
  t.is(sent({}, group, ARP)[0]?.ttl, 1);
  t.is(sent({}, { FAMILY: 6, DST_IP: 0xff020000 | 0 }, ARP)[0]?.ttl, 1);
  t.is(sent({ ttl: 5 }, group, ARP)[0]?.ttl, 5);
  t.is(sent({}, { FAMILY: 6, DST_IP: 0xfd000001 | 0 }, ARP)[0]?.ttl, 0);
});

test('df: unset, set, as the inner header has it, or by the rule’s nofrag', (t) => {
  const df = (mode: number, frame: Uint8Array, flags = TUNNEL_KEY): boolean | undefined =>
    sent({ df: mode }, { FLAGS: flags }, frame)[0]?.df;
  const may = inner(4, 0, 64, false);
  const mayNot = inner(4, 0, 64, true);
  for (const frame of [may, mayNot, inner(6, 0), ARP]) {
    t.false(df(DF_UNSET, frame));
    t.true(df(DF_SET, frame));
    t.true(df(DF_UNSET, frame, TUNNEL_KEY | TUNNEL_DONT_FRAGMENT));
  }
  t.false(df(DF_INHERIT, may));
  t.true(df(DF_INHERIT, mayNot));
  t.true(df(DF_INHERIT, inner(6, 0)));
  t.false(df(DF_INHERIT, ARP));
  t.false(df(DF_INHERIT, tagged(mayNot)), 'the outermost EtherType is what is asked');
});

test('the flow label is the device’s', (t) => {
  t.is(sent({ flowLabel: 0xabcde }, { FAMILY: 6 }, ARP)[0]?.label, 0xabcde);
  t.is(sent({}, { FAMILY: 6 }, ARP)[0]?.label, 0);
});

test('a group policy stands in the header where the device has the extension, and only there', (t) => {
  const gbp = { extensions: EXTENSION_GBP };
  t.is(sent({}, { FLAGS: TUNNEL_VXLAN_OPT, GBP: 0x48abcd }, ARP)[0]?.first, 0x08000000);
  t.is(sent(gbp, {}, ARP)[0]?.first, 0x08000000);
  t.is(sent(gbp, { FLAGS: TUNNEL_VXLAN_OPT, GBP: 0x1234 }, ARP)[0]?.first, 0x88001234);
  t.is(sent(gbp, { FLAGS: TUNNEL_VXLAN_OPT, GBP: 0xff48abcd | 0 }, ARP)[0]?.first, 0x8848abcd);
});

test('frames that differ in any of it keep their own headers, however many there are', (t) => {
  const frames = Array.from({ length: 700 }, (_, n) => inner(4, n & 0xff, 1 + (n % 250), n % 3 === 0));
  const list = sent({ tos: INHERIT, ttl: INHERIT, df: DF_INHERIT }, {}, ...frames);
  t.deepEqual(
    list.map(({ tos, ttl, df }) => [tos, ttl, df]),
    frames.map((_, n) => {
      const ecn = (n & 3) === 3 ? 2 : n & 3;
      return [(n & 0xfc) | ecn, 1 + (n % 250), n % 3 === 0];
    }),
  );
});

test('of VXLAN-GPE an IP packet goes without its Ethernet header, all else with it', (t) => {
  const whole = buildFrame({ payload: noise(5000, 1), unfinished: true });
  const checksum = { start: 34, offset: 16 };
  const superFrame: HostFrame = { bytes: whole, checksum, gso: { type: 1, size: 1000 } };
  const unfinished: HostFrame = { bytes: buildFrame({ payload: noise(100, 1), unfinished: true }), checksum };
  const frames = [inner(4, 0), inner(6, 0), tagged(inner(4, 0)), ARP, superFrame, unfinished];
  /** The payloads, each in segments, behind the VXLAN header. */
  const payloads = (extensions: number): { first: number; payload: Uint8Array }[] => {
    const harness = new Harness();
    harness.devices.setHeaders(VXLAN0, { ...PLAIN, extensions });
    harness.use([{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }]);
    harness.send(TAP0, ...frames);
    return harness.underlay0.sent.flatMap(segmentsOf).map((bytes) => ({
      first: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
      payload: bytes.slice(8),
    }));
  };
  const plain = payloads(0);
  const gpe = payloads(EXTENSION_GPE);
  t.is(plain.length, 10);
  t.deepEqual(
    gpe.map(({ first }) => first & 0xff),
    [1, 2, 3, 3, 1, 1, 1, 1, 1, 1],
  );
  for (const [n, { first, payload }] of gpe.entries()) {
    t.is(first >>> 8, 0x0c0000);
    t.deepEqual(payload, plain[n]?.payload.slice((first & 0xff) === 3 ? 0 : 14));
  }
});
