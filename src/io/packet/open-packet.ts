/**
 * Opening an AF_PACKET socket that frames are written to: control path. It is bound to protocol 0, so it receives
 * nothing, and nothing is queued on it.
 *
 * PACKET_QDISC_BYPASS is left off. It would save the queueing discipline's lock, but a frame that the driver cannot
 * take as it is (a super-frame on an interface without TSO) would be dropped (dev_direct_xmit in net/core/dev.c), and
 * what people have set up at the interface's egress would not count. `mirred` of the kernel does not bypass it either.
 */
import { release } from 'node:os';
import { must } from '../../native/errno.js';
import { bindSocket, close, setsockopt, socket } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import {
  AF_PACKET,
  PACKET_VNET_HDR,
  PACKET_VNET_HDR_SZ,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from '../../native/socket-constants.js';
import { SockaddrLl } from '../../native/structs.js';
import { VNET_HEADER_BYTES } from '../device.js';

/** Plain numbers, for the worker. */
export interface PacketSocket {
  readonly fd: number;
  /** Bytes of the virtio-net header that the socket wants before each frame: 12, or 10 before Linux 6.4. */
  readonly headerBytes: number;
  /** Whether it takes UDP super-frames (Linux 6.2). */
  readonly udpSegmentation: boolean;
}

/** struct virtio_net_hdr: the longer one without `num_buffers`, which means nothing here. */
const SHORT_HEADER_BYTES = 10;

/**
 * Opens a socket on the interface with this index. Throws a SystemError (EPERM without CAP_NET_RAW, ENODEV or ENETDOWN
 * where the interface is gone or down) and leaves nothing open then.
 */
export function openPacketSocket(ifindex: number, sendBuffer: number): PacketSocket {
  const fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket', 'AF_PACKET');
  try {
    const isLong = setInt(fd, SOL_PACKET, PACKET_VNET_HDR_SZ, VNET_HEADER_BYTES) === 0;
    if (!isLong) must(setInt(fd, SOL_PACKET, PACKET_VNET_HDR, 1), 'setsockopt PACKET_VNET_HDR');
    if (setInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, sendBuffer) < 0) setInt(fd, SOL_SOCKET, SO_SNDBUF, sendBuffer);
    scratch.bytes.fill(0, 0, SockaddrLl.SIZE);
    scratch.view.setUint16(SockaddrLl.FAMILY, AF_PACKET, true);
    scratch.view.setInt32(SockaddrLl.IFINDEX, ifindex, true);
    must(bindSocket(fd, scratch.address, SockaddrLl.SIZE), 'bind');
    return {
      fd,
      headerBytes: isLong ? VNET_HEADER_BYTES : SHORT_HEADER_BYTES,
      udpSegmentation: isKernelAtLeast(release(), 6, 2),
    };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Whether a kernel release (`6.1.0-13-amd64`) is the one named or a later one. */
export function isKernelAtLeast(text: string, major: number, minor: number): boolean {
  const [ours = 0, oursMinor = 0] = text.split('.').map((part) => Number.parseInt(part, 10));
  return ours > major || (ours === major && oursMinor >= minor);
}

function setInt(fd: number, level: number, name: number, value: number): number {
  scratch.view.setInt32(0, value, true);
  return setsockopt(fd, level, name, scratch.address, 4);
}
