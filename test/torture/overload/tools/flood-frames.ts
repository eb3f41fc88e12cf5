/**
 * flood-frames DEVICE SECONDS FRAMES RATE: sends the Ethernet frames of standard input on a device, one after the other and
 * over and over, as fast as it takes them, until the time is over or so many (0: no matter how many) are out; no more than RATE a second, unless that is 0.
 *
 * The first line of the input is JSON, a FrameVariation; each further line a frame in hex. Frames that are to differ in
 * more than they can be listed for (a million addresses) are written anew before each batch. Prints `sending`, and at
 * the end a line of JSON, a FloodResult. A device that takes no more (ENOBUFS) is waited for.
 */
import { readFileSync } from 'node:fs';
import { Arena } from '../../../../src/memory/arena.js';
import { EAGAIN, ENOBUFS, must } from '../../../../src/native/errno.js';
import { bindSocket, ppoll, sendmmsg, setsockopt, socket } from '../../../../src/native/libc.js';
import { NativeBuffer } from '../../../../src/native/scratch.js';
import { SOCK_CLOEXEC, SOCK_RAW } from '../../../../src/native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr, Timespec } from '../../../../src/native/structs.js';

/** A number within each frame, in network order: `first + floor(n / every) % count` in the n-th that is sent. */
export interface FrameVariation {
  /** Offset of its first byte, and how many it has; 0: none varies. */
  readonly at: number;
  readonly bytes: number;
  readonly first: number;
  readonly count: number;
  readonly every: number;
}

export interface FloodResult {
  /** Frames that the device took. */
  readonly sent: number;
  readonly seconds: number;
}

const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const SOCKADDR_LL = 20;
const BATCH = 64;
const PAUSE_NANOSECONDS = 20_000n;

const [device = '', seconds = '', most = '', pace = ''] = process.argv.slice(2);
const [json = '', ...lines] = readFileSync(0, 'utf8').trim().split('\n');
const variation = JSON.parse(json) as FrameVariation;
const frames = lines.map((line) => Buffer.from(line, 'hex'));

const fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), 'socket(AF_PACKET)');
const name = new NativeBuffer(SOCKADDR_LL);
name.view.setUint16(0, AF_PACKET, true);
name.view.setInt32(4, Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8')), true);
must(bindSocket(fd, name.address, SOCKADDR_LL), 'bind', device);
name.view.setInt32(0, 1, true);
must(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, name.address, 4), 'PACKET_QDISC_BYPASS');

// Frames that vary have a place of their own for each message of a batch; all others one for each frame, and the first
// batch stands once more behind the last, so that none has to be cut in two.
const varies = variation.bytes > 0;
const round = varies ? BATCH : frames.length * Math.ceil((2 * BATCH) / frames.length);
const messages = varies ? BATCH : round + BATCH;
const longest = Math.max(...frames.map((frame) => frame.length));
const places = varies ? BATCH : frames.length;
const arena = new Arena(places * (longest + 64) + messages * (Mmsghdr.SIZE + Iovec.SIZE) + 65_536);
const data = Array.from({ length: places }, () => arena.alloc(longest));
const headers = arena.alloc(messages * Mmsghdr.SIZE);
const iovecs = arena.alloc(messages * Iovec.SIZE);
if (!varies) for (const [n, frame] of frames.entries()) arena.u8.set(frame, data[n]);
for (let m = 0; m < messages; m++) {
  const place = varies ? m : m % frames.length;
  arena.writeIovec(iovecs + m * Iovec.SIZE, data[place] ?? 0, frames[place % frames.length]?.length ?? 0);
  arena.writeAddress(headers + m * Mmsghdr.SIZE + Msghdr.IOV, iovecs + m * Iovec.SIZE);
  arena.i32[(headers + m * Mmsghdr.SIZE + Msghdr.IOV_LENGTH) >> 2] = 1;
}

/** Writes frames `from` and on of the whole sequence into the places of a batch. */
function write(from: number): void {
  const { at, bytes, first, count, every } = variation;
  for (let m = 0; m < BATCH; m++) {
    const frame = frames[(from + m) % frames.length] ?? new Uint8Array();
    const to = data[m] ?? 0;
    arena.u8.set(frame, to);
    arena.writeIovec(iovecs + m * Iovec.SIZE, to, frame.length);
    let value = first + (Math.floor((from + m) / every) % count);
    for (let b = bytes - 1; b >= 0; b--, value = Math.floor(value / 256)) arena.u8[to + at + b] = value % 256;
  }
}

const pause = new NativeBuffer(Timespec.SIZE);
pause.view.setBigInt64(Timespec.NANOSECONDS, PAUSE_NANOSECONDS, true);
console.log('sending');
const begin = performance.now();
const end = begin + Number(seconds) * 1000;
const limit = Number(most) || Number.MAX_SAFE_INTEGER;
const rate = Number(pace) || Number.POSITIVE_INFINITY;
let sent = 0;
let written = -1;
while (sent < limit && performance.now() < end) {
  if (sent > ((performance.now() - begin) / 1000) * rate) {
    ppoll(0, 0, pause.address);
    continue;
  }
  if (varies && written !== sent) write(sent);
  written = sent;
  const from = varies ? 0 : sent % round;
  const result = sendmmsg(fd, arena.address(headers + from * Mmsghdr.SIZE), Math.min(BATCH, limit - sent), 0);
  if (result > 0) sent += result;
  else if (result === -ENOBUFS || result === -EAGAIN) ppoll(0, 0, pause.address);
  else must(result, 'sendmmsg', device);
}
console.log(JSON.stringify({ sent, seconds: (performance.now() - begin) / 1000 } satisfies FloodResult));
process.exit(0);
