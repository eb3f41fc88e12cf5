/**
 * raw-frames inject DEV: sends each line of standard input, a whole Ethernet frame in hex, out of DEV (packet(7)).
 * raw-frames capture DEV: prints `capturing` on standard error, then each frame that comes in at DEV as a line of hex.
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import { readFileSync, writeSync } from 'node:fs';
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_BE = 0x0300;
const PACKET_OUTGOING = 4;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, uint)');
const send = libc.func('intptr_t send(int, const void *, size_t, int)');
const recvfrom = libc.func('intptr_t recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
const ifNameToIndex = libc.func('uint if_nametoindex(str)');

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

const [verb = '', device = ''] = process.argv.slice(2);
const index: number = ifNameToIndex(device);
if (index === 0) throw new Error(`there is no ${device}`);
const address = Buffer.alloc(20); // struct sockaddr_ll
address.writeUInt16LE(AF_PACKET, 0);
address.writeUInt16LE(verb === 'capture' ? ETH_P_ALL_BE : 0, 2);
address.writeInt32LE(index, 4);
const fd = check(socket(AF_PACKET, SOCK_RAW, 0), 'socket');
check(bind(fd, address, address.length), 'bind');

if (verb === 'inject') {
  for (const line of readFileSync(0, 'utf8').split('\n')) {
    const frame = Buffer.from(line.trim(), 'hex');
    if (frame.length > 0) check(send(fd, frame, frame.length, 0), 'send');
  }
} else {
  const frame = Buffer.alloc(65536);
  const from = Buffer.alloc(20);
  writeSync(2, 'capturing\n');
  for (;;) {
    const length = check(recvfrom(fd, frame, frame.length, 0, from, [from.length]), 'recvfrom');
    if (from[10] !== PACKET_OUTGOING) writeSync(1, `${frame.subarray(0, length).toString('hex')}\n`);
  }
}
