/** Two UDP sockets on loopback: one sends bundles, the other tells what arrived. Control path. */
import { EAGAIN, EINTR, must } from '../../native/errno.js';
import {
  bindSocket,
  close,
  connect,
  getsockname,
  ppoll,
  recvmmsg,
  sendmmsg,
  setsockopt,
  socket,
} from '../../native/libc.js';
import { NativeBuffer, scratch } from '../../native/scratch.js';
import {
  AF_INET,
  MSG_DONTWAIT,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from '../../native/socket-constants.js';
import { Cmsghdr, cmsgSpace, Iovec, Mmsghdr, Msghdr, Pollfd, SockaddrIn, Timespec } from '../../native/structs.js';

/** What one recvmsg gave. */
export interface Arrived {
  readonly bytes: Uint8Array;
  /** Size of the datagrams in a bundle; 0: a single one. */
  readonly segmentSize: number;
}

const ROOM = 16_384;
const IOVEC = Mmsghdr.SIZE;
const CONTROL = IOVEC + Iovec.SIZE;
const CONTROL_BYTES = 128;
const DATA = CONTROL + CONTROL_BYTES;
/** How long something may take from one socket of loopback to the other. */
const WAIT_NANOSECONDS = 5_000_000n;

export class LoopbackPair {
  private readonly receiveFd: number;
  private readonly sendFd: number;
  private readonly memory = new NativeBuffer(DATA + ROOM);

  /** Throws a SystemError where there is no loopback (EADDRNOTAVAIL or ENETUNREACH: it is down). */
  constructor() {
    const opened: number[] = [];
    try {
      const [receiveFd, sendFd] = [newSocket(opened), newSocket(opened)];
      scratch.bytes.fill(0, 0, SockaddrIn.SIZE);
      scratch.view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
      scratch.bytes.set([127, 0, 0, 1], SockaddrIn.ADDRESS);
      must(bindSocket(receiveFd, scratch.address, SockaddrIn.SIZE), 'bind', '127.0.0.1');
      scratch.view.setUint32(64, SockaddrIn.SIZE, true);
      must(getsockname(receiveFd, scratch.address, scratch.address + 64), 'getsockname');
      must(connect(sendFd, scratch.address, SockaddrIn.SIZE), 'connect', '127.0.0.1');
      [this.receiveFd, this.sendFd] = [receiveFd, sendFd];
    } catch (error) {
      for (const fd of opened) close(fd);
      throw error;
    }
  }

  close(): void {
    close(this.receiveFd);
    close(this.sendFd);
  }

  /** Asks for bundles on the receiving side, or for none; 0 or -errno. */
  setBundles(on: boolean): number {
    scratch.view.setInt32(0, on ? 1 : 0, true);
    return setsockopt(this.receiveFd, SOL_UDP, UDP_GRO, scratch.address, 4);
  }

  /** Whether the kernel knows UDP_SEGMENT: 0 or -errno. */
  askSegmentation(): number {
    scratch.view.setInt32(0, 0, true);
    return setsockopt(this.sendFd, SOL_UDP, UDP_SEGMENT, scratch.address, 4);
  }

  /** Sends `bytes` for the kernel to cut into datagrams of `segmentSize`; bytes sent, or -errno. */
  send(bytes: Uint8Array, segmentSize: number): number {
    const { view } = this.memory;
    this.memory.bytes.set(bytes, DATA);
    this.prepare(bytes.length, cmsgSpace(2));
    view.setBigUint64(CONTROL + Cmsghdr.LENGTH, BigInt(Cmsghdr.SIZE + 2), true);
    view.setInt32(CONTROL + Cmsghdr.LEVEL, SOL_UDP, true);
    view.setInt32(CONTROL + Cmsghdr.TYPE, UDP_SEGMENT, true);
    view.setUint16(CONTROL + Cmsghdr.SIZE, segmentSize, true);
    const sent = sendmmsg(this.sendFd, this.memory.address, 1, MSG_DONTWAIT);
    return sent < 0 ? sent : bytes.length;
  }

  /** What arrives, until there are `bytes` of it or nothing has come for a few milliseconds. */
  receive(bytes: number): Arrived[] {
    const arrived: Arrived[] = [];
    for (let got = 0; got < bytes; ) {
      const one = this.receiveOne();
      if (one === undefined) {
        if (!this.wait()) break;
        continue;
      }
      arrived.push(one);
      got += one.bytes.length;
    }
    return arrived;
  }

  private receiveOne(): Arrived | undefined {
    const { view, bytes } = this.memory;
    this.prepare(ROOM, CONTROL_BYTES);
    const result = recvmmsg(this.receiveFd, this.memory.address, 1, MSG_DONTWAIT);
    if (result === -EAGAIN || result === -EINTR) return undefined;
    must(result, 'recvmmsg');
    const length = view.getUint32(Mmsghdr.LENGTH, true);
    const control = Number(view.getBigUint64(Msghdr.CONTROL_LENGTH, true));
    const isBundle =
      control >= Cmsghdr.SIZE + 4 &&
      view.getInt32(CONTROL + Cmsghdr.LEVEL, true) === SOL_UDP &&
      view.getInt32(CONTROL + Cmsghdr.TYPE, true) === UDP_GRO;
    return {
      bytes: bytes.slice(DATA, DATA + length),
      segmentSize: isBundle ? view.getInt32(CONTROL + Cmsghdr.SIZE, true) : 0,
    };
  }

  private wait(): boolean {
    scratch.view.setInt32(Pollfd.FD, this.receiveFd, true);
    scratch.view.setInt16(Pollfd.EVENTS, POLLIN, true);
    scratch.view.setBigInt64(16 + Timespec.SECONDS, 0n, true);
    scratch.view.setBigInt64(16 + Timespec.NANOSECONDS, WAIT_NANOSECONDS, true);
    return ppoll(scratch.address, 1, scratch.address + 16) > 0;
  }

  private prepare(length: number, control: number): void {
    const { memory } = this;
    memory.bytes.fill(0, 0, DATA);
    memory.pointer(IOVEC + Iovec.BASE, memory, DATA);
    memory.view.setBigUint64(IOVEC + Iovec.LENGTH, BigInt(length), true);
    memory.pointer(Msghdr.IOV, memory, IOVEC);
    memory.view.setBigUint64(Msghdr.IOV_LENGTH, 1n, true);
    memory.pointer(Msghdr.CONTROL, memory, CONTROL);
    memory.view.setBigUint64(Msghdr.CONTROL_LENGTH, BigInt(control), true);
  }
}

function newSocket(opened: number[]): number {
  const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
  opened.push(fd);
  return fd;
}
