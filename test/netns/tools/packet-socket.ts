/**
 * Whole Ethernet frames of a device (packet(7)). The tools call the C library by themselves: a test's tool should not
 * stand on the code under test.
 */
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_BE = 0x0300;
const PACKET_OUTGOING = 4;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, uint)');
const closeDescriptor = libc.func('int close(int)');
const send = libc.func('intptr_t send(int, const void *, size_t, int)');
const recvfrom = libc.func('intptr_t recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
const ifNameToIndex = libc.func('uint if_nametoindex(str)');

const frame = Buffer.alloc(65536);
const from = Buffer.alloc(20); // struct sockaddr_ll

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

/** A socket on a device; one that only sends hears nothing. */
export function openDevice(device: string, hears: boolean): number {
  const index: number = ifNameToIndex(device);
  if (index === 0) throw new Error(`there is no ${device}`);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16LE(hears ? ETH_P_ALL_BE : 0, 2);
  address.writeInt32LE(index, 4);
  const fd = check(socket(AF_PACKET, SOCK_RAW, 0), 'socket');
  check(bind(fd, address, address.length), 'bind');
  return fd;
}

export function closeDevice(fd: number): void {
  closeDescriptor(fd);
}

export function inject(fd: number, hex: string): void {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length > 0) check(send(fd, bytes, bytes.length, 0), 'send');
}

/** The next frame that comes in, in hex; undefined for one that goes out, and where there is none and `wait` is false. */
export function receive(fd: number, wait: boolean): string | 'none' | undefined {
  const length: number = recvfrom(fd, frame, frame.length, wait ? 0 : MSG_DONTWAIT, from, [from.length]);
  if (length < 0 && !wait && koffi.errno() === EAGAIN) return 'none';
  check(length, 'recvfrom');
  return from[10] === PACKET_OUTGOING ? undefined : frame.subarray(0, length).toString('hex');
}
