import test from 'ava';
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENODEV, SystemError } from '../../native/errno.js';
import { Endpoint, LOOPBACK4, readable } from '../testing/loopback.js';
import { enterFreshNamespace, ip, rooted } from '../testing/namespace.js';
import { closeUdpSockets, openUdpSockets, type UdpSocketOptions } from './sockets.js';

const OPTIONS: UdpSocketOptions = { family: 4, port: 0, receiveBuffer: 65536, sendBuffer: 65536, sourcePorts: 1 };

function errnoOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof SystemError) return error.errno;
    throw error;
  }
  return 0;
}

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

test('sockets bound to a device work through it', (t) => {
  const both = new Endpoint(4, { device: 'lo', deviceIndex: 1 });
  t.teardown(() => both.close());
  both.record(0, 0);
  both.add([Uint8Array.of(1, 2, 3)]);
  both.send();
  t.true(readable(both.sockets.receiveFd));
  t.is(both.collect(1).length, 1);
});

test('what cannot be is refused with its error', (t) => {
  t.is(
    errnoOf(() => openUdpSockets({ ...OPTIONS, device: 'nosuchdevice' })),
    ENODEV,
  );
  t.is(
    errnoOf(() => openUdpSockets({ ...OPTIONS, device: 'a234567890123456' })),
    EINVAL,
  );
  t.is(
    errnoOf(() => openUdpSockets({ ...OPTIONS, local: Uint8Array.of(192, 0, 2, 1) })),
    EADDRNOTAVAIL,
  );
  t.throws(() => openUdpSockets({ ...OPTIONS, local: new Uint8Array(16) }), { instanceOf: RangeError });
  t.throws(() => openUdpSockets({ ...OPTIONS, sourcePorts: 0 }), { instanceOf: RangeError });
  t.throws(() => openUdpSockets({ ...OPTIONS, sourcePortRange: [4000, 4000] }), { instanceOf: RangeError });
});

test('a buffer is as large as was asked, or as the kernel allows', (t) => {
  const sockets = openUdpSockets({ ...OPTIONS, local: LOOPBACK4, receiveBuffer: 16 << 20, sendBuffer: 16 << 20 });
  closeUdpSockets(sockets);
  if (process.getuid?.() === 0) t.true(sockets.receiveBuffer >= 16 << 20 && sockets.sendBuffer >= 16 << 20);
  else t.true(sockets.receiveBuffer >= 65536);
});

rooted("a kernel vxlan device and vtep refuse each other's port", (t) => {
  try {
    ip('link add vx0 type vxlan id 1 remote 127.0.0.2 dstport 4789');
  } catch {
    return t.pass('this kernel has no vxlan');
  }
  t.teardown(() => ip('link del vx0'));
  ip('link set vx0 up');
  t.is(
    errnoOf(() => openUdpSockets({ ...OPTIONS, port: 4789 })),
    EADDRINUSE,
  );
  ip('link set vx0 down');
  const sockets = openUdpSockets({ ...OPTIONS, port: 4789 });
  t.teardown(() => closeUdpSockets(sockets));
  t.throws(() => ip('link set vx0 up'), { message: /Address already in use/ });
  return undefined;
});
