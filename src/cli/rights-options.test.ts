import test from 'ava';
import { anotherPeer, keptCapabilities, peerPrefix } from './rights-options.js';

test('capabilities are named as capabilities(7) has them, or without CAP_', (t) => {
  t.deepEqual(keptCapabilities('net_admin'), ['net_admin']);
  t.deepEqual(keptCapabilities('CAP_NET_RAW,net_bind_service'), ['net_raw', 'net_bind_service']);
  for (const wrong of ['', 'sys_admin', 'net_admin,', 'all'])
    t.throws(() => keptCapabilities(wrong), { message: /is none of net_admin, net_raw, net_bind_service/ }, wrong);
});

test('a peer is an address or a prefix, and may be one of several', (t) => {
  t.deepEqual(peerPrefix('192.0.2.1'), {
    address: Uint8Array.of(192, 0, 2, 1),
    mask: Uint8Array.of(255, 255, 255, 255),
  });
  t.deepEqual(peerPrefix('10.0.0.0/9')?.mask, Uint8Array.of(255, 128, 0, 0));
  t.is(peerPrefix('2001:db8::/32')?.mask.length, 16);
  t.deepEqual(anotherPeer('10.0.0.0/8', ['192.0.2.1']), ['192.0.2.1', '10.0.0.0/8']);
  for (const wrong of ['', 'x', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', '2001:db8::/129', '10.0.0.0/-1'])
    t.throws(() => anotherPeer(wrong), { message: /an address, or a prefix/ }, wrong);
});
