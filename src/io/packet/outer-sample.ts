/**
 * A look at what arrives on an interface for a moment: how many VXLAN datagrams over IPv4 come without an outer UDP
 * checksum. A UDP socket cannot tell, and the kernel never bundles those (udp_gro_receive). Control path: it blocks.
 */
import { EAGAIN, EINTR, must } from '../../native/errno.js';
import { bindSocket, close, ppoll, recv, socket } from '../../native/libc.js';
import { NativeBuffer } from '../../native/scratch.js';
import {
  AF_PACKET,
  MSG_DONTWAIT,
  MSG_TRUNC,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from '../../native/socket-constants.js';
import { Pollfd, SockaddrLl, Timespec } from '../../native/structs.js';

export interface OuterSample {
  /** Datagrams to one of the ports, whole or first fragments. */
  readonly datagrams: number;
  /** Those of them whose checksum is zero. */
  readonly zeroChecksums: number;
}

const ETH_P_IP = 0x0800;
const PROTOCOL_UDP = 17;
/** Bytes looked at: the longest IPv4 header and a UDP header. */
const HEADERS = 68;
/** Packets of any kind after which enough has been seen. */
const LIMIT = 5000;
const POLL = 128;
const TIMEOUT = 144;

/** Counts one packet, its IPv4 header at the beginning of `bytes`, into a sample; exported for tests. */
export function countOuter(bytes: Uint8Array, ports: ReadonlySet<number>): 'other' | 'checksum' | 'zero' {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 28 || view.getUint8(0) >> 4 !== 4 || view.getUint8(9) !== PROTOCOL_UDP) return 'other';
  const header = (view.getUint8(0) & 15) * 4;
  const isLaterFragment = (view.getUint16(6) & 0x1fff) !== 0;
  if (header < 20 || isLaterFragment || bytes.length < header + 8) return 'other';
  if (!ports.has(view.getUint16(header + 2))) return 'other';
  return view.getUint16(header + 6) === 0 ? 'zero' : 'checksum';
}

/**
 * Looks for `milliseconds` at what arrives on the interface for one of these ports. Throws a SystemError (EPERM without
 * CAP_NET_RAW).
 */
export function sampleOuter(ifindex: number, ports: ReadonlySet<number>, milliseconds: number): OuterSample {
  const fd = must(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket', 'AF_PACKET');
  try {
    const memory = new NativeBuffer(192);
    const { view, bytes } = memory;
    view.setUint16(SockaddrLl.FAMILY, AF_PACKET, true);
    view.setUint16(SockaddrLl.PROTOCOL, ETH_P_IP);
    view.setInt32(SockaddrLl.IFINDEX, ifindex, true);
    must(bindSocket(fd, memory.address, SockaddrLl.SIZE), 'bind', `interface ${ifindex}`);
    const end = performance.now() + milliseconds;
    let [datagrams, zeroChecksums] = [0, 0];
    for (let packets = 0; packets < LIMIT; ) {
      const length = recv(fd, memory.address, HEADERS, MSG_DONTWAIT | MSG_TRUNC);
      if (length === -EAGAIN || length === -EINTR) {
        if (!wait(memory, fd, end - performance.now())) break;
        continue;
      }
      must(length, 'recv', `interface ${ifindex}`);
      packets++;
      const kind = countOuter(bytes.subarray(0, Math.min(length, HEADERS)), ports);
      if (kind !== 'other') datagrams++;
      if (kind === 'zero') zeroChecksums++;
    }
    return { datagrams, zeroChecksums };
  } finally {
    close(fd);
  }
}

/** False where nothing came in that time. */
function wait({ view, address }: NativeBuffer, fd: number, milliseconds: number): boolean {
  if (milliseconds <= 0) return false;
  view.setInt32(POLL + Pollfd.FD, fd, true);
  view.setInt16(POLL + Pollfd.EVENTS, POLLIN, true);
  view.setBigInt64(TIMEOUT + Timespec.SECONDS, 0n, true);
  view.setBigInt64(TIMEOUT + Timespec.NANOSECONDS, BigInt(Math.floor(milliseconds * 1e6)), true);
  return ppoll(address + POLL, 1, address + TIMEOUT) > 0;
}
