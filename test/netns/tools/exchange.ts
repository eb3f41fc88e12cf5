/**
 * exchange LOCAL PORT PEER PEERPORT FLOWS BURSTS SIZE: two of these, one on each host with the words the other way
 * round, send each other numbered datagrams. Flow n goes from port PORT + n to port PEERPORT + n; every flow has BURSTS
 * bursts of 8 datagrams of SIZE bytes, and is sent and received on one socket.
 *
 * Prints `ready`, waits for the end of standard input, and after its last burst for silence; then a line of JSON, an
 * ExchangeResult. Datagrams may be lost, where a queue is full; what is looked at is that none comes behind a later
 * one of its flow.
 */
import { once } from 'node:events';
import { Arena } from '../../../src/memory/arena.js';
import { EAGAIN, ECONNREFUSED, ENOBUFS, must } from '../../../src/native/errno.js';
import { bindSocket, connect, ppoll, recvmmsg, sendmmsg, setsockopt, socket } from '../../../src/native/libc.js';
import { NativeBuffer } from '../../../src/native/scratch.js';
import {
  AF_INET,
  MSG_DONTWAIT,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../../../src/native/socket-constants.js';
import { Iovec, Mmsghdr, Msghdr, SockaddrIn, Timespec } from '../../../src/native/structs.js';

export interface ExchangeResult {
  readonly sent: number;
  readonly received: number;
  /** Datagrams behind a later one of their flow, or a second time. */
  readonly late: number;
  /** Flows of which anything came. */
  readonly flows: number;
  /** Datagrams of another length, or with other bytes, than what was sent. */
  readonly damaged: number;
}

const BURST = 8;
const RECEIVE = 64;
const ROOM = 2048;
/** Milliseconds without a datagram that mean that there are no more. */
const SILENCE = 700;
/** Between two rounds of bursts. */
const PAUSE_NANOSECONDS = 200_000n;

const words = process.argv.slice(2);
const [local = '', , peer = ''] = words;
const [, port = 0, , peerPort = 0, flows = 0, bursts = 0, size = 0] = words.map(Number);

const arena = new Arena(1 << 20);
const { u8, i32 } = arena;

function headers(count: number, room: number): { messages: number; data: number } {
  const messages = arena.alloc(count * Mmsghdr.SIZE);
  const iovecs = arena.alloc(count * Iovec.SIZE);
  const data = arena.alloc(count * room);
  for (let m = 0; m < count; m++) {
    arena.writeIovec(iovecs + m * Iovec.SIZE, data + m * room, room);
    arena.writeAddress(messages + m * Mmsghdr.SIZE + Msghdr.IOV, iovecs + m * Iovec.SIZE);
    i32[(messages + m * Mmsghdr.SIZE + Msghdr.IOV_LENGTH) >> 2] = 1;
  }
  return { messages: arena.address(messages), data };
}

const name = new NativeBuffer(SockaddrIn.SIZE);

function writeName(address: string, number: number): void {
  name.view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
  name.view.setUint16(SockaddrIn.PORT, number, false);
  name.bytes.set(address.split('.').map(Number), SockaddrIn.ADDRESS);
}

function openFlow(flow: number): number {
  const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  name.view.setInt32(0, 1 << 20, true);
  must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, name.address, 4), 'SO_RCVBUFFORCE');
  writeName(local, port + flow);
  must(bindSocket(fd, name.address, SockaddrIn.SIZE), 'bind', `${local} port ${port + flow}`);
  writeName(peer, peerPort + flow);
  must(connect(fd, name.address, SockaddrIn.SIZE), 'connect');
  return fd;
}

const fds = Array.from({ length: flows }, (_, flow) => openFlow(flow));
const out = headers(BURST, size);
const received = headers(RECEIVE, ROOM);
const receivedHeaders = received.messages - arena.address(0);
const last = new Int32Array(flows).fill(-1);
const pause = new NativeBuffer(Timespec.SIZE);
pause.view.setBigInt64(Timespec.NANOSECONDS, PAUSE_NANOSECONDS, true);
const result = { sent: 0, received: 0, late: 0, flows: 0, damaged: 0 };

function sendBurst(flow: number, burst: number): void {
  for (let n = 0; n < BURST; n++) {
    const at = out.data + n * size;
    i32[at >> 2] = burst * BURST + n;
    i32[(at + 4) >> 2] = flow;
    u8.fill((flow + burst + n) & 0xff, at + 8, at + size);
  }
  for (let done = 0; done < BURST; ) {
    const count = sendmmsg(fds[flow] ?? -1, out.messages + done * Mmsghdr.SIZE, BURST - done, 0);
    if (count > 0) {
      done += count;
      result.sent += count;
    } else if (count === -ENOBUFS || count === -ECONNREFUSED) {
      done++;
    } else {
      must(count, 'sendmmsg');
    }
  }
}

/** Takes what has come on a flow; returns whether anything had. */
function take(flow: number): boolean {
  const count = recvmmsg(fds[flow] ?? -1, received.messages, RECEIVE, MSG_DONTWAIT);
  if (count === -EAGAIN || count === -ECONNREFUSED) return false;
  must(count, 'recvmmsg');
  for (let m = 0; m < count; m++) {
    const at = received.data + m * ROOM;
    const sequence = i32[at >> 2] ?? 0;
    const length = i32[(receivedHeaders + m * Mmsghdr.SIZE + Mmsghdr.LENGTH) >> 2];
    const fill = (flow + Math.floor(sequence / BURST) + (sequence % BURST)) & 0xff;
    if (length !== size || i32[(at + 4) >> 2] !== flow || u8[at + size - 1] !== fill) result.damaged++;
    const before = last[flow] ?? -1;
    if (before < 0) result.flows++;
    if (sequence <= before) result.late++;
    else last[flow] = sequence;
  }
  result.received += count;
  return true;
}

function takeAll(): boolean {
  let any = false;
  for (let flow = 0; flow < flows; flow++) if (take(flow)) any = true;
  return any;
}

console.log('ready');
process.stdin.resume();
await once(process.stdin, 'end');
for (let burst = 0; burst < bursts; burst++) {
  for (let flow = 0; flow < flows; flow++) {
    sendBurst(flow, burst);
    take(flow);
  }
  ppoll(0, 0, pause.address);
}
for (let heard = performance.now(); performance.now() - heard < SILENCE; ppoll(0, 0, pause.address)) {
  if (takeAll()) heard = performance.now();
}
console.log(JSON.stringify(result));
process.exit(0);
