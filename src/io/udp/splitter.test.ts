import test from 'ava';
import fc from 'fast-check';
import { Endpoint } from '../testing/loopback.js';
import { UdpUnderlay } from './underlay.js';

const EFAULT = 14;

test('a kernel without UDP_SEGMENT gets the datagrams that a bundle stands for, however its pieces lie', (t) => {
  const from = new Endpoint(4, { sourcePorts: 1 });
  t.teardown(() => from.close());
  const to = new Endpoint(4);
  t.teardown(() => to.close());
  const underlay = new UdpUnderlay(from.arena, [{ ...from.sockets, segmentation: false }], { receive: 1, send: 256 });
  from.record(0, to.sockets.port);
  const pieces = fc.array(fc.uint8Array({ minLength: 0, maxLength: 60 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 7, max: 90 }), (parts, segmentSize) => {
      const whole = Buffer.concat(parts);
      fc.pre(whole.length > 0);
      from.clear();
      from.add(parts, 0, 0, segmentSize);
      underlay.send(from.vector, from.tunnels);
      const expected: string[] = [];
      for (let at = 0; at < whole.length; at += segmentSize)
        expected.push(whole.subarray(at, at + segmentSize).toString('hex'));
      const got = to.collect(expected.length).map((each) => Buffer.from(each).toString('hex'));
      return from.vector.errno[0] === 0 && got.join() === expected.join();
    }),
    { seed: 4789, numRuns: 300 },
  );
  t.pass();
});

test('a bundle that cannot be sent at all tells why, after one call', (t) => {
  const from = new Endpoint(4, { sourcePorts: 1 });
  t.teardown(() => from.close());
  const underlay = new UdpUnderlay(from.arena, [{ ...from.sockets, segmentation: false }], { receive: 1, send: 256 });
  from.record(0, 9, { SRC_IP: 0x0a636363 }); // not an address of this host
  from.add([new Uint8Array(5000)], 0, 0, 100);
  t.is(underlay.send(from.vector, from.tunnels), 1);
  t.not(from.vector.errno[0], 0);
});

test('a bundle that fails half-way tells why, and how many of its datagrams had gone out', (t) => {
  const from = new Endpoint(4, { sourcePorts: 1 });
  t.teardown(() => from.close());
  const to = new Endpoint(4);
  t.teardown(() => to.close());
  const underlay = new UdpUnderlay(from.arena, [{ ...from.sockets, segmentation: false }], { receive: 1, send: 256 });
  from.record(0, to.sockets.port);
  from.add([new Uint8Array(300), new Uint8Array(200)], 0, 0, 100);
  // The second piece lies where nothing is mapped: EFAULT for the fourth datagram.
  from.arena.i32[from.vector.iovecs.at(1) >> 2] = (from.arena.base | 0) + 0x7fff0000;
  underlay.send(from.vector, from.tunnels);
  t.is(from.vector.errno[0], EFAULT);
  t.is(from.vector.sentBefore[0], 3);
  t.is(to.collect(3).length, 3);
});
