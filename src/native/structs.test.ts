import test from 'ava';
import { must } from './errno.js';
import { bindSocket, close, getsockname, getsockopt, setsockopt, socket } from './libc.js';
import { platformRefusal } from './platform.js';
import { NativeBuffer, scratch } from './scratch.js';
import { AF_INET, AF_INET6, SO_RCVBUF, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from './socket-constants.js';
import { Cmsghdr, cmsgSpace, Mmsghdr, Msghdr, SockaddrIn, SockaddrIn6 } from './structs.js';

test('platforms whose layouts are unknown are refused with a sentence', (t) => {
  t.is(platformRefusal('linux', 'x64', 'LE'), undefined);
  t.is(platformRefusal('linux', 'arm64', 'LE'), undefined);
  t.is(platformRefusal('darwin', 'arm64', 'LE'), 'vtep needs Linux (this is darwin)');
  t.regex(platformRefusal('linux', 's390x', 'BE') ?? '', /s390x, big-endian/);
  t.regex(platformRefusal('linux', 'ia32', 'LE') ?? '', /ia32, little-endian/);
});

test('message headers have the sizes of the kernel', (t) => {
  t.is(Msghdr.SIZE, 56);
  t.is(Mmsghdr.SIZE, 64);
  t.is(Mmsghdr.LENGTH, Msghdr.SIZE);
  t.is(Cmsghdr.SIZE, 16);
});

for (const [bytes, space] of [
  [0, 16],
  [1, 24],
  [2, 24],
  [4, 24],
  [8, 24],
  [12, 32],
  [20, 40],
] as const)
  test(`a control message of ${bytes} bytes takes ${space}`, (t) => t.is(cmsgSpace(bytes), space));

for (const [family, name, size] of [
  [AF_INET, SockaddrIn, 16],
  [AF_INET6, SockaddrIn6, 28],
] as const)
  test(`the kernel reads and writes the socket address layout of family ${family}`, (t) => {
    const fd = must(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
    try {
      const memory = new NativeBuffer(128);
      memory.view.setUint16(name.FAMILY, family, true);
      const loopback = family === AF_INET ? [127, 0, 0, 1] : [...new Array<number>(15).fill(0), 1];
      memory.bytes.set(loopback, name.ADDRESS);
      must(bindSocket(fd, memory.address, size), 'bind');
      memory.bytes.fill(0xa5);
      memory.view.setUint32(64, size, true);
      must(getsockname(fd, memory.address, memory.address + 64), 'getsockname');
      t.is(memory.view.getUint16(name.FAMILY, true), family);
      t.not(memory.view.getUint16(name.PORT, false), 0);
      t.deepEqual([...memory.bytes.subarray(name.ADDRESS, name.ADDRESS + loopback.length)], loopback);
      t.is(memory.view.getUint32(64, true), name.SIZE);
    } finally {
      close(fd);
    }
  });

test('scratch carries a socket option there and back', (t) => {
  const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  try {
    scratch.view.setInt32(0, 65536, true);
    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, scratch.address, 4), 'setsockopt');
    scratch.view.setInt32(0, 0, true);
    scratch.view.setInt32(8, 4, true);
    must(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, scratch.address, scratch.address + 8), 'getsockopt');
    t.is(scratch.view.getInt32(0, true), 131072);
  } finally {
    close(fd);
  }
});

test('a string ends at its zero or at its bound', (t) => {
  const memory = new NativeBuffer(32);
  memory.bytes.fill(0xa5);
  memory.bytes.set(Buffer.from('tap0\0tail'), 4);
  t.is(memory.string(4, 16), 'tap0');
  t.is(memory.string(4, 3), 'tap');
});
