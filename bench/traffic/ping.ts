/**
 * ping ADDRESS COUNT INTERVAL-MS: ICMP echo requests of 84 bytes, one after the other, and the round trip of each.
 * INTERVAL-MS 0 is a flood: the next request leaves as soon as the answer is there. Prints one line of JSON
 * (PingTimes, in µs). 100 requests go ahead that count nowhere.
 *
 * ping(8) prints percentiles for nobody and 1 µs is its resolution; this one waits in recv(2) and reads the clock
 * before the one call and after the other, which adds well under 1 µs.
 */
import { must } from '../../src/native/errno.js';
import { connect, ppoll, recv, send, setsockopt, socket } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { AF_INET, SO_RCVTIMEO, SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET } from '../../src/native/socket-constants.js';
import { SockaddrIn, Timespec } from '../../src/native/structs.js';
import { finish } from '../../src/wire/checksum.js';
import { summarizeTimes } from './round-trips.js';

const IPPROTO_ICMP = 1;
const ECHO_REQUEST = 8;
const ICMP_BYTES = 64;
const WARM_UP = 100;
const ROOM = 2048;

const [address = '', countWord = '', interval = ''] = process.argv.slice(2);
const count = Number(countWord);
const pace = Number(interval);

const fd = must(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), 'socket(SOCK_RAW)');
const name = new NativeBuffer(SockaddrIn.SIZE);
name.view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
name.bytes.set(address.split('.').map(Number), SockaddrIn.ADDRESS);
must(connect(fd, name.address, SockaddrIn.SIZE), 'connect', address);
const time = new NativeBuffer(Timespec.SIZE);
time.view.setBigInt64(Timespec.SECONDS, 1n, true);
must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time.address, Timespec.SIZE), 'SO_RCVTIMEO');

const request = new NativeBuffer(ICMP_BYTES);
const answer = new NativeBuffer(ROOM);
const id = process.pid & 0xffff;

/** Sends request `sequence` and waits for its answer; the round trip in µs, or NaN where none came within a second. */
function roundTrip(sequence: number): number {
  const { view } = request;
  view.setUint16(0, ECHO_REQUEST << 8);
  view.setUint16(2, 0);
  view.setUint16(4, id);
  view.setUint16(6, sequence & 0xffff);
  view.setUint16(2, finish((ECHO_REQUEST << 8) + id + (sequence & 0xffff)));
  const begin = performance.now();
  must(send(fd, request.address, ICMP_BYTES, 0), 'send');
  for (;;) {
    const length = recv(fd, answer.address, ROOM, 0);
    const elapsed = (performance.now() - begin) * 1000;
    if (length < 0) return Number.NaN;
    const icmp = ((answer.bytes[0] ?? 0) & 15) * 4;
    if (answer.view.getUint16(icmp) >> 8 !== 0 || answer.view.getUint16(icmp + 4) !== id) continue;
    if (answer.view.getUint16(icmp + 6) === (sequence & 0xffff)) return elapsed;
  }
}

/** Sleeps until `due` on performance.now's clock. */
function sleepUntil(due: number): void {
  const left = due - performance.now();
  if (left <= 0) return;
  time.view.setBigInt64(Timespec.SECONDS, BigInt(Math.floor(left / 1000)), true);
  time.view.setBigInt64(Timespec.NANOSECONDS, BigInt(Math.floor((left % 1000) * 1e6)), true);
  ppoll(0, 0, time.address);
}

const times = new Float64Array(count);
for (let n = 0; n < WARM_UP; n++) roundTrip(n);
let due = performance.now();
for (let n = 0; n < count; n++) {
  if (pace > 0) {
    sleepUntil(due);
    due += pace;
  }
  times[n] = roundTrip(WARM_UP + n);
}
console.log(JSON.stringify(summarizeTimes(times)));
process.exit(0);
