import test, { type ExecutionContext } from 'ava';
import { EADDRINUSE, must, SystemError } from '../../native/errno.js';
import { bindSocket, close, connect, recv, send, socket } from '../../native/libc.js';
import { NativeBuffer } from '../../native/scratch.js';
import { AF_INET, AF_INET6, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from '../../native/socket-constants.js';
import { SockaddrIn, SockaddrIn6 } from '../../native/structs.js';
import { readable } from '../testing/loopback.js';
import { enterFreshNamespace, ip, rooted } from '../testing/namespace.js';
import { joinGroup } from './groups.js';
import { openUdpGroup } from './socket-group.js';
import { closeUdpSockets, type UdpSocketOptions, type UdpSockets } from './sockets.js';

const OPTIONS: UdpSocketOptions = { family: 4, port: 0, receiveBuffer: 65536, sendBuffer: 65536, sourcePorts: 2 };
const WORKERS = 4;

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

function open(t: ExecutionContext, options: UdpSocketOptions, workers = WORKERS): readonly UdpSockets[] {
  const group = openUdpGroup(options, workers);
  t.teardown(() => {
    for (const each of group) closeUdpSockets(each);
  });
  return group;
}

function nameOf(family: 4 | 6, port: number, address?: readonly number[]): NativeBuffer {
  const name = new NativeBuffer(SockaddrIn6.SIZE);
  name.view.setUint16(0, family === 4 ? AF_INET : AF_INET6, true);
  name.view.setUint16(SockaddrIn.PORT, port, false);
  if (family === 4) name.bytes.set(address ?? [127, 0, 0, 1], SockaddrIn.ADDRESS);
  else name.bytes[SockaddrIn6.ADDRESS + 15] = 1;
  return name;
}

/** Tries to bind a socket that shares its port with nobody, as the kernel's vxlan device does. */
function bindAlone(family: 4 | 6, port: number): number {
  const fd = must(socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  const name = nameOf(family, port);
  const result = bindSocket(fd, name.address, family === 4 ? SockaddrIn.SIZE : SockaddrIn6.SIZE);
  close(fd);
  return result;
}

/** Sends one datagram from a new port. */
function sendOne(family: 4 | 6, port: number, byte: number, address?: readonly number[]): void {
  const fd = must(socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  const name = nameOf(family, port, address);
  must(connect(fd, name.address, family === 4 ? SockaddrIn.SIZE : SockaddrIn6.SIZE), 'connect');
  name.bytes[0] = byte;
  must(send(fd, name.address, 1, 0), 'send');
  close(fd);
}

function drain(fd: number): number[] {
  const buffer = new NativeBuffer(64);
  const bytes: number[] = [];
  while (recv(fd, buffer.address, 64, MSG_DONTWAIT) > 0) bytes.push(buffer.bytes[0] ?? -1);
  return bytes;
}

for (const family of [4, 6] as const) {
  rooted(`IPv${family}: the members of a group share what comes by its source port, and each gets some`, (t) => {
    const group = open(t, { ...OPTIONS, family });
    const ports = new Set(group.map(({ port }) => port));
    t.is(ports.size, 1);
    const [port = 0] = ports;
    for (let n = 0; n < 200; n++) sendOne(family, port, n);
    const got = group.map(({ receiveFd }) => drain(receiveFd));
    t.deepEqual(
      got.flat().toSorted((a, b) => a - b),
      Array.from({ length: 200 }, (_, n) => n),
    );
    for (const [worker, bytes] of got.entries()) t.true(bytes.length > 20, `worker ${worker}: ${bytes.length}`);
  });

  rooted(`IPv${family}: nobody else gets the port of a group who does not ask to share it`, (t) => {
    const group = open(t, { ...OPTIONS, family });
    t.is(bindAlone(family, group[0]?.port ?? 0), -EADDRINUSE);
  });

  rooted(`IPv${family}: a group sends from the same source ports, whoever sends`, (t) => {
    const [first, ...others] = open(t, { ...OPTIONS, family });
    t.is(new Set(first?.sourcePorts).size, 2);
    for (const each of others) t.deepEqual(each.sourcePorts, first?.sourcePorts);
    t.is(new Set([first, ...others].flatMap((each) => each?.transmitFds ?? [])).size, 2 * WORKERS);
  });
}

rooted('a port that is taken is refused, by one who would share it too, and nothing is left open', (t) => {
  const [taken] = open(t, OPTIONS, 1);
  const error = t.throws(() => openUdpGroup({ ...OPTIONS, port: taken?.port ?? 0 }, WORKERS), {
    instanceOf: SystemError,
  });
  t.is(error?.errno, EADDRINUSE);
  const shared = open(t, OPTIONS);
  t.throws(() => openUdpGroup({ ...OPTIONS, port: shared[0]?.port ?? 0 }, 2), { instanceOf: SystemError });
});

rooted('a range of source ports is kept to by all', (t) => {
  const group = open(t, { ...OPTIONS, sourcePortRange: [4000, 4003], sourcePorts: 8 });
  for (const { sourcePorts } of group) t.deepEqual([...sourcePorts].toSorted(), [4000, 4001, 4002]);
});

rooted('what is sent to a multicast group comes in once', (t) => {
  ip('route add 239.0.0.0/8 dev lo');
  const group = open(t, { ...OPTIONS, port: 4790 });
  const [first] = group;
  joinGroup(first?.receiveFd ?? -1, Uint8Array.of(239, 1, 1, 1), 1);
  for (let n = 0; n < 20; n++) sendOne(4, 4790, n, [239, 1, 1, 1]);
  t.true(readable(first?.receiveFd ?? -1));
  t.deepEqual(
    group.map(({ receiveFd }) => drain(receiveFd).length),
    [20, 0, 0, 0],
  );
});

test('one worker has sockets that share nothing', (t) => {
  const [one, ...none] = open(t, OPTIONS, 1);
  t.is(none.length, 0);
  t.is(one?.dropsBefore, 0);
});
