import test from 'ava';
import { DeviceTable } from '../devices/device-table.js';
import type { Underlay } from '../io/device.js';
import { Arena } from '../memory/arena.js';
import { GSO_NONE, GSO_TCPV4, type PacketIndex, Packets } from '../memory/packets.js';
import { NOT_ASKED_YET, OuterHeaders } from './outer-headers.js';
import { UnderlayPaths } from './underlay-paths.js';
import { WholeFlows } from './whole-flows.js';

/** Two completed records with room for IP packets of 1,450 bytes, and an underlay that notes what it is asked. */
function bench(takes: boolean) {
  const arena = new Arena(1 << 20);
  const packets = new Packets(arena, 8);
  const paths = new UnderlayPaths();
  const headers = new OuterHeaders(arena.u8, packets, new DeviceTable(), paths, 2);
  headers.limits.fill(1450);
  headers.superFrames.fill(NOT_ASKED_YET);
  const asked: number[] = [];
  const underlay: Underlay = {
    receiveFds: [],
    receive: () => 0,
    takeOverflow: () => 0,
    send: () => 0,
    takesSuperFrames: (_, record) => {
      asked.push(record);
      return takes;
    },
  };
  const flows = new WholeFlows(packets, headers, paths);
  const has = (hash: number, gsoType: number, { record = 0, length = 1450, of = underlay } = {}): boolean => {
    packets.reset();
    const packet = packets.take(0, 1500);
    packets.hash[packet] = hash;
    packets.gsoType[packet] = gsoType;
    return flows.has(packet as PacketIndex, record, of, length);
  };
  const at = (second: number): void => {
    paths.now = second;
  };
  return { has, at, asked, underlay };
}

test('super-frames stay whole, and the underlay is asked once for each record', (t) => {
  const { has, asked } = bench(true);
  t.true(has(1, GSO_TCPV4));
  t.true(has(2, GSO_TCPV4));
  t.true(has(2, GSO_TCPV4, { record: 1 }));
  t.deepEqual(asked, [0, 16]);
});

test('single frames follow the super-frames of their flow in its second and in the next', (t) => {
  const { has, at } = bench(true);
  at(1000);
  t.false(has(0, GSO_NONE), 'an empty table knows no flow, not even that of hash 0');
  t.true(has(-77, GSO_TCPV4));
  t.true(has(-77, GSO_NONE));
  at(1001);
  t.true(has(-77, GSO_NONE));
  at(1002);
  t.false(has(-77, GSO_NONE));
  at(999);
  t.false(has(-77, GSO_NONE), 'the clock went backwards');
});

test('a flow of another hash in the same slot is not taken for it, and takes its place', (t) => {
  const { has } = bench(true);
  t.true(has(5, GSO_TCPV4));
  t.false(has(5 + 4096, GSO_NONE));
  t.true(has(5 + 4096, GSO_TCPV4));
  t.false(has(5, GSO_NONE));
  t.true(has(5 + 4096, GSO_NONE));
});

test('what is too long for the path goes the ordinary way, and so does what its underlay refuses or cannot take', (t) => {
  const willing = bench(true);
  t.false(willing.has(1, GSO_TCPV4, { length: 1451 }));
  t.deepEqual(willing.asked, []);
  t.false(willing.has(1, GSO_NONE), 'and its single frames follow nothing');
  const unwilling = bench(false);
  t.false(unwilling.has(1, GSO_TCPV4));
  t.false(unwilling.has(1, GSO_TCPV4));
  t.deepEqual(unwilling.asked, [0]);
  const { takesSuperFrames: _, ...plain } = willing.underlay;
  t.false(willing.has(1, GSO_TCPV4, { of: plain }));
});
