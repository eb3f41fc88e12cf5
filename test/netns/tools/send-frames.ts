/**
 * send-frames DEVICE: sends each line of standard input, written in hex, as one Ethernet frame through a packet socket
 * (packet(7)).
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const indexOf = libc.func('uint if_nametoindex(const char *)');
const sendto = libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint)');

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

const [device = ''] = process.argv.slice(2);
const index = indexOf(device);
if (index === 0) throw new Error(`there is no device ${device}`);
const fd = check(socket(AF_PACKET, SOCK_RAW, 0), 'socket');
const address = Buffer.alloc(20); // struct sockaddr_ll
address.writeUInt16LE(AF_PACKET, 0);
address.writeInt32LE(index, 4);
for (const line of readFileSync(0, 'utf8').split('\n').slice(0, -1)) {
  const frame = Buffer.from(line.replaceAll(/\s/g, ''), 'hex');
  const sent = check(sendto(fd, frame, frame.length, 0, address, address.length), 'sendto');
  if (sent !== frame.length) throw new Error(`only ${sent} bytes of ${frame.length} were sent`);
}
