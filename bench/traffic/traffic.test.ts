import test from 'ava';
import { deliveredTo, machineSeconds, processSeconds, udpChecksumErrors } from './counts.js';
import { type FlowOptions, frameOf } from './frames.js';
import { percentile, summarizeTimes } from './round-trips.js';

const inner = {
  sourceMac: '02:00:00:00:00:0a',
  destinationMac: '02:00:00:00:00:0b',
  source: '10.4.0.1',
  destination: '10.4.0.2',
};
const outer = {
  sourceMac: '02:00:00:00:01:0a',
  destinationMac: '02:00:00:00:01:0b',
  source: '192.0.2.1',
  destination: '192.0.2.2',
};
const OPTIONS: FlowOptions = { inner, outer, vni: 0x123456, port: 7000, size: 65 };

/** Ones' complement sum of big-endian words, the last one padded. */
function sum(bytes: Uint8Array, initial = 0): number {
  let total = initial;
  for (let i = 0; i < bytes.length; i++) total += i % 2 === 0 ? (bytes[i] ?? 0) * 256 : (bytes[i] ?? 0);
  while (total > 0xffff) total = (total % 65536) + Math.floor(total / 65536);
  return total;
}

test('a generated frame is Ethernet, IPv4 and UDP with right lengths and checksums', (t) => {
  const { outer: _, ...plain } = OPTIONS;
  const frame = frameOf(plain, 3);
  const view = new DataView(frame.buffer);
  t.is(frame.length, 14 + 20 + 8 + 65);
  t.is(Buffer.from(frame.subarray(0, 14)).toString('hex'), '02000000000b02000000000a0800');
  t.is(view.getUint16(16), frame.length - 14);
  t.is(sum(frame.subarray(14, 34)), 0xffff);
  t.deepEqual([view.getUint16(34), view.getUint16(36), view.getUint16(38)], [10003, 7000, 8 + 65]);
  t.is(sum(frame.subarray(34), sum(frame.subarray(26, 34)) + 17 + 8 + 65), 0xffff);
});

test('the same frame stands in a VXLAN datagram, whose source port tells the flow', (t) => {
  const { outer: _, ...plain } = OPTIONS;
  const datagram = frameOf(OPTIONS, 3);
  const view = new DataView(datagram.buffer);
  t.deepEqual(datagram.subarray(50), frameOf(plain, 3));
  t.is(Buffer.from(datagram.subarray(42, 50)).toString('hex'), '0800000012345600');
  t.deepEqual([view.getUint16(36), view.getUint16(38), view.getUint16(40)], [4789, datagram.length - 34, 0]);
  t.is(sum(datagram.subarray(14, 34)), 0xffff);
  const ports = new Set(
    Array.from({ length: 100 }, (_, flow) => new DataView(frameOf(OPTIONS, flow).buffer).getUint16(34)),
  );
  t.true(ports.size > 90 && Math.min(...ports) >= 49152);
});

test('the sink’s count is the drops of the socket with its port', (t) => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  137: 0200040A:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 39 2 0000000000000000 12
  141: 0200040A:1B58 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40 2 0000000000000000 271828
`;
  t.is(deliveredTo(7000, table), 271828);
  t.throws(() => deliveredTo(7001, table), { message: /UDP port 7001/ });
});

test('damaged datagrams are found by the name of their column', (t) => {
  const snmp =
    'Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors InCsumErrors\nUdp: 5 6 7 8\nUdpLite: InCsumErrors\nUdpLite: 9\n';
  t.is(udpChecksumErrors(snmp), 8);
});

test('the machine’s time leaves idle and waiting out, and counts the guest’s once', (t) => {
  t.is(machineSeconds('cpu  100 200 300 5000 6000 70 80 0 40 0\ncpu0 1 1 1 1\n') * 100, 750);
});

test('a process’s time grows with its work', (t) => {
  const before = processSeconds(process.pid);
  let sink = 0;
  while (processSeconds(process.pid) - before < 0.005) sink += Math.sqrt(sink + 1);
  t.true(processSeconds(process.pid) > before);
});

test('a percentile is the smallest value that so many do not exceed', (t) => {
  const sorted = Float64Array.from({ length: 100 }, (_, i) => i + 1);
  t.deepEqual(
    [0.5, 0.9, 0.99, 1].map((share) => percentile(sorted, share)),
    [50, 90, 99, 100],
  );
  t.is(percentile(Float64Array.of(7), 0.5), 7);
});

test('what was not answered is lost and counts in no time', (t) => {
  const times = summarizeTimes(Float64Array.of(30, Number.NaN, 10, 20));
  t.deepEqual(times, { sent: 4, received: 3, average: 20, p50: 20, p90: 30, p99: 30, max: 30 });
});
