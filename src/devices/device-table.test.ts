import test from 'ava';
import { MAX_DEVICES } from '../memory/counters.js';
import { DeviceKind, DeviceTable } from './device-table.js';

test('a new device is down, has the numbers it was given and nothing of the one before', (t) => {
  const table = new DeviceTable();
  t.is(table.kind(5), DeviceKind.NONE);
  table.add(5, DeviceKind.VXLAN, 42);
  table.setUp(5, true);
  table.setMtu(5, 1450);
  table.setMac(5, Uint8Array.of(0xfe, 1, 2, 3, 4, 0xff));
  table.setReservedBits(5, 0xf7ffffff, 0xff);
  t.deepEqual([table.kind(5), table.ifindex(5), table.isUp(5), table.mtu(5)], [DeviceKind.VXLAN, 42, true, 1450]);
  t.deepEqual([table.macHigh(5), table.macLow(5)], [0xfe010203 | 0, 0x04ff]);
  t.deepEqual([table.reservedHigh(5) >>> 0, table.reservedLow(5)], [0xf7ffffff, 0xff]);
  table.remove(5);
  t.deepEqual([table.kind(5), table.isUp(5)], [DeviceKind.NONE, false]);
  table.add(5, DeviceKind.TAP, 43);
  t.deepEqual(
    [table.isUp(5), table.mtu(5), table.macHigh(5), table.macLow(5), table.reservedHigh(5), table.reservedLow(5)],
    [false, 0, 0, 0, 0, 0],
  );
});

test('another table over the same buffer sees each change, and neighbours do not meet', (t) => {
  const table = new DeviceTable();
  const worker = new DeviceTable(table.buffer);
  for (const device of [0, 1, MAX_DEVICES - 1]) {
    table.add(device, DeviceKind.TAP, device + 10);
    table.setUp(device, true);
    table.setMtu(device, device + 1000);
  }
  table.setUp(1, false);
  t.deepEqual(
    [0, 1, MAX_DEVICES - 1].map((device) => [worker.ifindex(device), worker.isUp(device), worker.mtu(device)]),
    [
      [10, true, 1000],
      [11, false, 1001],
      [MAX_DEVICES + 9, true, MAX_DEVICES + 999],
    ],
  );
  t.is(worker.kind(2), DeviceKind.NONE);
});
