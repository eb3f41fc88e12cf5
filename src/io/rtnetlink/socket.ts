/** A netlink socket of the route family. */
import { EAGAIN, must } from '../../native/errno.js';
import { bindSocket, close, recvmmsg, send, setsockopt, socket } from '../../native/libc.js';
import { NETLINK_EXT_ACK, NETLINK_NSID_CMSG, NETLINK_ROUTE } from '../../native/netlink-constants.js';
import { NativeBuffer, scratch } from '../../native/scratch.js';
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, SOL_NETLINK } from '../../native/socket-constants.js';
import { Cmsghdr, Iovec, Mmsghdr, Msghdr, SockaddrNl } from '../../native/structs.js';

/** Dumps come in pieces of at most 32 KiB. */
const BUFFER = 65536;
const CONTROL = 256;
const NAME = 64;

/** Where things stand in the socket's memory. */
const At = {
  DATA: 0,
  HEADER: BUFFER,
  IOVEC: BUFFER + 64,
  CONTROL: BUFFER + 128,
  NAME: BUFFER + 128 + CONTROL,
} as const;

export interface Received {
  /** A copy of the bytes. */
  readonly bytes: Uint8Array;
  /** Namespace that they tell of, by its id here; undefined: the socket's own. */
  readonly nsid: number | undefined;
}

export class NetlinkSocket {
  readonly fd: number;
  private readonly memory = new NativeBuffer(At.NAME + NAME);

  /** `flags`: SOCK_NONBLOCK or 0. Throws a SystemError. */
  constructor(flags: number) {
    this.fd = must(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE), 'socket', 'rtnetlink');
    scratch.bytes.fill(0, 0, SockaddrNl.SIZE);
    scratch.view.setUint16(SockaddrNl.FAMILY, AF_NETLINK, true);
    const result = bindSocket(this.fd, scratch.address, SockaddrNl.SIZE);
    if (result < 0) {
      close(this.fd);
      must(result, 'bind', 'rtnetlink');
    }
    this.set(NETLINK_EXT_ACK, 1);
    const { view } = this.memory;
    this.memory.pointer(At.HEADER + Msghdr.NAME, this.memory, At.NAME);
    this.memory.pointer(At.HEADER + Msghdr.IOV, this.memory, At.IOVEC);
    view.setUint32(At.HEADER + Msghdr.IOV_LENGTH, 1, true);
    this.memory.pointer(At.HEADER + Msghdr.CONTROL, this.memory, At.CONTROL);
    this.memory.pointer(At.IOVEC + Iovec.BASE, this.memory, At.DATA);
    view.setUint32(At.IOVEC + Iovec.LENGTH, BUFFER, true);
  }

  /** Sets an option of SOL_NETLINK; returns 0 or -errno. */
  set(option: number, value: number): number {
    scratch.view.setInt32(0, value, true);
    return setsockopt(this.fd, SOL_NETLINK, option, scratch.address, 4);
  }

  send(message: Uint8Array): void {
    this.memory.bytes.set(message, At.DATA);
    must(send(this.fd, this.memory.address + At.DATA, message.length, 0), 'send', 'rtnetlink');
  }

  /** One datagram from the kernel; undefined where none waits; or a positive errno. */
  receive(): Received | number | undefined {
    const { view, bytes } = this.memory;
    view.setUint32(At.HEADER + Msghdr.NAME_LENGTH, SockaddrNl.SIZE, true);
    view.setUint32(At.HEADER + Msghdr.CONTROL_LENGTH, CONTROL, true);
    const result = recvmmsg(this.fd, this.memory.address + At.HEADER, 1, 0);
    if (result === -EAGAIN) return undefined;
    if (result < 0) return -result;
    // Any process may send here; only the kernel has port 0.
    if (view.getUint32(At.NAME + SockaddrNl.PID, true) !== 0) return { bytes: new Uint8Array(0), nsid: undefined };
    const length = view.getUint32(At.HEADER + Mmsghdr.LENGTH, true);
    return { bytes: bytes.slice(At.DATA, At.DATA + length), nsid: this.nsid() };
  }

  close(): void {
    close(this.fd);
  }

  private nsid(): number | undefined {
    const { view } = this.memory;
    const end = At.CONTROL + view.getUint32(At.HEADER + Msghdr.CONTROL_LENGTH, true);
    let at: number = At.CONTROL;
    while (at + Cmsghdr.SIZE <= end) {
      const length = view.getUint32(at + Cmsghdr.LENGTH, true);
      if (length < Cmsghdr.SIZE || length > end - at) return undefined;
      const level = view.getInt32(at + Cmsghdr.LEVEL, true);
      const type = view.getInt32(at + Cmsghdr.TYPE, true);
      if (level === SOL_NETLINK && type === NETLINK_NSID_CMSG && length >= Cmsghdr.SIZE + 4)
        return view.getInt32(at + Cmsghdr.SIZE, true);
      at += (length + 7) & -8;
    }
    return undefined;
  }
}
