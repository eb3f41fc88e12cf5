/**
 * send-segmented ADDRESS PORT SIZE LENGTH…: hands the kernel LENGTH bytes in one call and has it cut them into datagrams
 * of SIZE bytes (UDP_SEGMENT, udp(7)), for each LENGTH in turn. IPv4. Byte i of all is `pattern(i)`, so that every
 * datagram differs.
 *
 * It calls the C library by itself: a test's tool should not stand on the code under test.
 */
import koffi from 'koffi';
import { pattern } from './pattern.js';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const IPPROTO_UDP = 17;
const UDP_SEGMENT = 103;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint)');
const sendto = libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint)');

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

const [address = '', port = '', size = '', ...lengths] = process.argv.slice(2);
const fd = check(socket(AF_INET, SOCK_DGRAM, 0), 'socket');
const segment = Buffer.alloc(4);
segment.writeInt32LE(Number(size));
check(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, segment, segment.length), 'setsockopt(UDP_SEGMENT)');

const destination = Buffer.alloc(16); // struct sockaddr_in
destination.writeUInt16LE(AF_INET, 0);
destination.writeUInt16BE(Number(port), 2);
destination.set(address.split('.').map(Number), 4);
let start = 0;
for (const length of lengths.map(Number)) {
  const from = start;
  const payload = Uint8Array.from({ length }, (_, i) => pattern(from + i));
  const sent = check(sendto(fd, payload, length, 0, destination, destination.length), 'sendto');
  if (sent !== length) throw new Error(`only ${sent} bytes were sent`);
  start += length;
}
