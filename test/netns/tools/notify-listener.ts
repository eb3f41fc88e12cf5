/**
 * notify-listener PATH: what a service manager does with $NOTIFY_SOCKET. Binds a Unix datagram socket at PATH (`@NAME`: an
 * abstract one), prints `listening`, then each datagram as a line of JSON: {at, pid, text}, `at` in milliseconds and
 * `pid` that of the sender as the kernel tells it (SCM_CREDENTIALS).
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import { writeSync } from 'node:fs';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_PASSCRED = 16;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, uint)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint)');
const recvmsg = libc.func('intptr_t recvmsg(int, void *, int)');
const address = libc.func('memcpy', 'uintptr_t', ['void *', 'uintptr_t', 'size_t']) as (
  bytes: Uint8Array,
  source: number,
  length: number,
) => number;

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

const [path = ''] = process.argv.slice(2);
const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
const sockaddr = Buffer.alloc(2 + name.length); // struct sockaddr_un
sockaddr.writeUInt16LE(AF_UNIX, 0);
sockaddr.set(name, 2);
const fd = check(socket(AF_UNIX, SOCK_DGRAM, 0), 'socket');
const on = Buffer.alloc(4);
on.writeInt32LE(1);
check(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, on, on.length), 'SO_PASSCRED');
check(bind(fd, sockaddr, sockaddr.length), 'bind');
process.stdout.write('listening\n');

/** Memory that stays where it is. */
const memory = Buffer.from(new SharedArrayBuffer(8192));
const at = address(memory, 0, 0);
const [iovec, control, text] = [64, 128, 4096];
for (;;) {
  memory.fill(0, 0, text);
  memory.writeBigUInt64LE(BigInt(at + iovec), 16); // msg_iov
  memory.writeBigUInt64LE(1n, 24);
  memory.writeBigUInt64LE(BigInt(at + control), 32); // msg_control
  memory.writeBigUInt64LE(64n, 40);
  memory.writeBigUInt64LE(BigInt(at + text), iovec);
  memory.writeBigUInt64LE(4096n, iovec + 8);
  const length = check(recvmsg(fd, at, 0), 'recvmsg');
  const pid = memory.readInt32LE(control + 16);
  const line = { at: Math.round(performance.now()), pid, text: memory.toString('utf8', text, text + length) };
  writeSync(1, `${JSON.stringify(line)}\n`);
}
