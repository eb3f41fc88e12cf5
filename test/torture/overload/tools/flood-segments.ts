/**
 * flood-segments ADDRESS PORT SIZE SEGMENTS SECONDS: sends UDP super-frames (UDP_SEGMENT, udp(7)) of so many datagrams of
 * SIZE bytes as fast as the kernel takes them. Prints `sending`, and at the end a line of JSON, a FloodResult whose
 * `sent` counts datagrams.
 */

import { Arena } from '../../../../src/memory/arena.js';
import { EAGAIN, ENOBUFS, must } from '../../../../src/native/errno.js';
import { connect, sendmmsg, setsockopt, socket } from '../../../../src/native/libc.js';
import { NativeBuffer } from '../../../../src/native/scratch.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from '../../../../src/native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr, SockaddrIn } from '../../../../src/native/structs.js';
import type { FloodResult } from './flood-frames.js';

const IPPROTO_UDP = 17;
const UDP_SEGMENT = 103;
const BATCH = 8;

const [address = '', port = '', size = '', segments = '', seconds = ''] = process.argv.slice(2);
const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
const name = new NativeBuffer(SockaddrIn.SIZE);
name.view.setInt32(0, Number(size), true);
must(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, name.address, 4), 'UDP_SEGMENT');
name.view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
name.view.setUint16(SockaddrIn.PORT, Number(port), false);
name.bytes.set(address.split('.').map(Number), SockaddrIn.ADDRESS);
must(connect(fd, name.address, SockaddrIn.SIZE), 'connect');
const length = Number(size) * Number(segments);
const arena = new Arena(length + 65_536);
const data = arena.alloc(length);
const headers = arena.alloc(BATCH * Mmsghdr.SIZE);
const iovecs = arena.alloc(BATCH * Iovec.SIZE);
for (let m = 0; m < BATCH; m++) {
  arena.writeIovec(iovecs + m * Iovec.SIZE, data, length);
  arena.writeAddress(headers + m * Mmsghdr.SIZE + Msghdr.IOV, iovecs + m * Iovec.SIZE);
  arena.i32[(headers + m * Mmsghdr.SIZE + Msghdr.IOV_LENGTH) >> 2] = 1;
}
console.log('sending');
const begin = performance.now();
const end = begin + Number(seconds) * 1000;
let sent = 0;
while (performance.now() < end) {
  const result = sendmmsg(fd, arena.address(headers), BATCH, 0);
  if (result > 0) sent += result * Number(segments);
  else if (result !== -ENOBUFS && result !== -EAGAIN) must(result, 'sendmmsg');
}
console.log(JSON.stringify({ sent, seconds: (performance.now() - begin) / 1000 } satisfies FloodResult));
process.exit(0);
