/**
 * capture-devices DEV…: prints `capturing` on standard error, then each frame that comes in at one of the devices as a line
 * `DEV HEX`, in the order in which the host sees them (packet(7)).
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import { writeSync } from 'node:fs';
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_BE = 0x0300;
const PACKET_OUTGOING = 4;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint)');
const recvfrom = libc.func('intptr_t recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
const ifNameToIndex = libc.func('uint if_nametoindex(str)');

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

const names = new Map<number, string>();
for (const name of process.argv.slice(2)) {
  const index: number = ifNameToIndex(name);
  if (index === 0) throw new Error(`there is no ${name}`);
  names.set(index, name);
}
const fd = check(socket(AF_PACKET, SOCK_RAW, ETH_P_ALL_BE), 'socket');
const room = Buffer.alloc(4);
room.writeInt32LE(16 << 20);
check(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, room, room.length), 'SO_RCVBUFFORCE');
const frame = Buffer.alloc(65536);
const from = Buffer.alloc(20); // struct sockaddr_ll
writeSync(2, 'capturing\n');
for (;;) {
  const length = check(recvfrom(fd, frame, frame.length, 0, from, [from.length]), 'recvfrom');
  const name = names.get(from.readInt32LE(4));
  if (name !== undefined && from[10] !== PACKET_OUTGOING)
    writeSync(1, `${name} ${frame.subarray(0, length).toString('hex')}\n`);
}
