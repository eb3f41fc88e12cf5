/**
 * generate DEVICE SECONDS FLOWS JSON: sends Ethernet frames (frames.ts; JSON is its FlowOptions) on a device as fast
 * as it takes them, flow after flow in a round.
 *
 * The frames and the mmsghdr array that refers to them are built once; a batch is one sendmmsg on a packet socket
 * without a queueing discipline, and nothing is done per packet. Where the device takes no more (ENOBUFS: its ring is
 * full), it waits a moment instead of turning on the spot: the endpoint needs the processor. Prints `sending`, and
 * at the end `{"sent":…,"seconds":…,"refused":…}`.
 */
import { readFileSync } from 'node:fs';
import { Arena } from '../../src/memory/arena.js';
import { EAGAIN, ENOBUFS, must } from '../../src/native/errno.js';
import { bindSocket, ppoll, sendmmsg, setsockopt, socket } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { SOCK_CLOEXEC, SOCK_RAW } from '../../src/native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr, Timespec } from '../../src/native/structs.js';
import { type FlowOptions, frameOf } from './frames.js';

const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
/** struct sockaddr_ll: family, protocol (network order), interface index; the rest is not looked at by bind(2). */
const SockaddrLl = { FAMILY: 0, IFINDEX: 4, SIZE: 20 } as const;

/** Messages of a call. */
const BATCH = 64;
/** How long to wait for room in a device's ring. */
const PAUSE_NANOSECONDS = 20_000n;

function packetSocket(device: string): number {
  const fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), 'socket(AF_PACKET)');
  const buffer = new NativeBuffer(SockaddrLl.SIZE);
  buffer.view.setUint16(SockaddrLl.FAMILY, AF_PACKET, true);
  const index = Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8'));
  buffer.view.setInt32(SockaddrLl.IFINDEX, index, true);
  must(bindSocket(fd, buffer.address, SockaddrLl.SIZE), 'bind', device);
  buffer.view.setInt32(0, 1, true);
  must(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, buffer.address, 4), 'PACKET_QDISC_BYPASS');
  return fd;
}

/** mmsghdrs for a round of all flows, at least two batches long, so that a batch never has to be cut in two. */
function buildRound(options: FlowOptions, flows: number): { arena: Arena; messages: number; count: number } {
  const frames = Array.from({ length: flows }, (_, flow) => frameOf(options, flow));
  const bytes = frames.reduce((sum, frame) => sum + frame.length + 64, 0);
  const count = flows * Math.ceil((2 * BATCH) / flows);
  const arena = new Arena(bytes + (count + BATCH) * (Mmsghdr.SIZE + Iovec.SIZE) + 65536);
  const places = frames.map((frame) => {
    const at = arena.alloc(frame.length);
    arena.u8.set(frame, at);
    return at;
  });
  // the first batch once more behind the round
  const messages = arena.alloc((count + BATCH) * Mmsghdr.SIZE);
  const iovecs = arena.alloc((count + BATCH) * Iovec.SIZE);
  for (let m = 0; m < count + BATCH; m++) {
    const flow = m % flows;
    arena.writeIovec(iovecs + m * Iovec.SIZE, places[flow] ?? 0, frames[flow]?.length ?? 0);
    arena.writeAddress(messages + m * Mmsghdr.SIZE + Msghdr.IOV, iovecs + m * Iovec.SIZE);
    arena.i32[(messages + m * Mmsghdr.SIZE + Msghdr.IOV_LENGTH) >> 2] = 1;
  }
  return { arena, messages, count };
}

const [device = '', seconds = '', flows = '', json = '{}'] = process.argv.slice(2);
const fd = packetSocket(device);
const { arena, messages, count } = buildRound(JSON.parse(json) as FlowOptions, Number(flows));
const pause = new NativeBuffer(Timespec.SIZE);
pause.view.setBigInt64(Timespec.NANOSECONDS, PAUSE_NANOSECONDS, true);

console.log('sending');
const begin = performance.now();
const end = begin + Number(seconds) * 1000;
let sent = 0;
let refused = 0;
let next = 0;
let now = begin;
while (now < end) {
  const result = sendmmsg(fd, arena.address(messages + next * Mmsghdr.SIZE), BATCH, 0);
  if (result > 0) {
    sent += result;
    next = (next + result) % count;
  } else if (result === -ENOBUFS || result === -EAGAIN) {
    refused++;
    ppoll(0, 0, pause.address);
  } else {
    must(result, 'sendmmsg', device);
  }
  now = performance.now();
}
console.log(JSON.stringify({ sent, refused, seconds: (now - begin) / 1000 }));
process.exit(0);
