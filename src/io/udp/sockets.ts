/**
 * Opening the sockets of an underlay: control path. The result is plain numbers, so that it can be posted to the
 * worker that will use them; whoever opened them closes them (`closeUdpSockets`) once the worker has let go.
 *
 * One socket receives. It takes no part in port sharing (no SO_REUSEADDR, no SO_REUSEPORT), so a second endpoint on
 * the port, the kernel's vxlan device among them, is told EADDRINUSE instead of stealing flows. Another few
 * transmit, each bound to a source port of its own: a flow's hash chooses one of them, which gives the underlay's
 * ECMP and RSS the entropy that RFC 7348 section 5 asks for. They drop whatever they receive by a filter.
 */
import { EADDRINUSE, EINVAL, must, SystemError } from '../../native/errno.js';
import { bindSocket, close, getsockname, getsockopt, setsockopt, socket } from '../../native/libc.js';
import { NativeBuffer, scratch } from '../../native/scratch.js';
import {
  AF_INET,
  AF_INET6,
  IP_MTU_DISCOVER,
  IP_MULTICAST_LOOP,
  IP_PKTINFO,
  IP_PMTUDISC_DONT,
  IP_RECVTOS,
  IP_RECVTTL,
  IPV6_AUTOFLOWLABEL,
  IPV6_DONTFRAG,
  IPV6_FLOWINFO_SEND,
  IPV6_MULTICAST_LOOP,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_V6ONLY,
  SO_ATTACH_FILTER,
  SO_BINDTODEVICE,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_NO_CHECK6_RX,
  UDP_SEGMENT,
} from '../../native/socket-constants.js';
import { SockaddrIn, SockaddrIn6, SockFilter, SockFprog } from '../../native/structs.js';

export interface UdpSocketOptions {
  readonly family: 4 | 6;
  /** UDP port to receive on, 1 … 65535 (0: the kernel chooses, see `UdpSockets.port`). */
  readonly port: number;
  /** Local address in network order (4 or 16 bytes); absent: every address. */
  readonly local?: Uint8Array;
  /**
   * Name of the device that datagrams leave by (SO_BINDTODEVICE on the transmit sockets). They may come in by any, as
   * with the kernel's `vxlan … dev X`.
   */
  readonly device?: string;
  /** Index of `device`: the scope of link-local IPv6 addresses. */
  readonly deviceIndex?: number;
  /** Bytes asked of the receive socket's queue. The kernel doubles them, and without CAP_NET_ADMIN may cap them. */
  readonly receiveBuffer: number;
  /** Bytes asked of each transmit socket's queue. */
  readonly sendBuffer: number;
  /** Whether equal datagrams may be received as bundles (UDP_GRO), where the kernel can; default true. */
  readonly bundles?: boolean;
  /** Whether bundles may be sent (UDP_SEGMENT), where the kernel can; default true. */
  readonly segmentation?: boolean;
  /** Accept a zero checksum over IPv6 (RFC 6936). What is sent is said by each record (TUNNEL_CSUM). */
  readonly udp6ZeroChecksumReceive?: boolean;
  /** False: the sockets only send, to `port` where nothing else is said. Default true. */
  readonly receive?: boolean;
  /** How many source ports, 1 … 256. */
  readonly sourcePorts: number;
  /** Source ports to choose from, the upper bound exclusive, as `srcport MIN MAX`; absent: ephemeral ports. */
  readonly sourcePortRange?: readonly [number, number];
  /** Share every port with these, which `openUdpGroup` has prepared for it. */
  readonly beside?: UdpSockets;
  /** The receive socket takes nothing until somebody detaches the filter (SO_DETACH_FILTER). */
  readonly silent?: boolean;
}

export interface UdpSockets {
  readonly family: 4 | 6;
  readonly port: number;
  readonly scopeId: number;
  /** The address that they are bound to, in network order; absent: none. */
  readonly local?: Uint8Array;
  /** -1: these only send. */
  readonly receiveFd: number;
  /** One per source port. */
  readonly transmitFds: readonly number[];
  readonly sourcePorts: readonly number[];
  /** Whether the kernel hands over bundles (UDP_GRO, Linux 5.0). */
  readonly receiveOffload: boolean;
  /** Whether the kernel takes bundles (UDP_SEGMENT, Linux 4.18). */
  readonly segmentation: boolean;
  /** Bytes that the kernel granted (its doubled figures). */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** What the receive socket had dropped before it was to take anything. */
  readonly dropsBefore: number;
}

const MAX_SOURCE_PORTS = 256;
/** Bytes for the queue that nothing ever enters (the kernel raises it to its minimum). */
const DROPPING_BUFFER = 0;

/**
 * Opens the sockets. Throws a SystemError (EADDRINUSE where the port is taken, EADDRNOTAVAIL where `local` is not an
 * address of this host, ENODEV where there is no such device) and leaves nothing open then.
 */
export function openUdpSockets(options: UdpSocketOptions): UdpSockets {
  const { family, sourcePortRange: range } = options;
  if (options.local !== undefined && options.local.length !== (family === 4 ? 4 : 16))
    throw new RangeError(`udp: a local address of ${options.local.length} bytes in family ${family}`);
  const shared = options.beside?.sourcePorts;
  const most = range === undefined ? options.sourcePorts : Math.min(options.sourcePorts, range[1] - range[0]);
  const wanted = shared?.length ?? most;
  if (!(wanted >= 1 && wanted <= MAX_SOURCE_PORTS))
    throw new RangeError(`udp: ${wanted} source ports (1 to ${MAX_SOURCE_PORTS} are possible)`);
  const opened: number[] = [];
  try {
    const receives = options.receive !== false;
    const receiveFd = receives ? newSocket(options.family, opened) : -1;
    const receiveOffload = receives && prepareReceive(receiveFd, options);
    if (receives && options.silent === true) dropEverything(receiveFd);
    if (receives) bindTo(receiveFd, options, options.beside?.port ?? options.port);
    const transmitFds: number[] = [];
    const sourcePorts: number[] = [];
    for (let i = 0; i < wanted; i++) {
      const fd = newSocket(options.family, opened);
      if (shared) mustSet(fd, SOL_SOCKET, SO_REUSEPORT, 1, 'SO_REUSEPORT');
      prepareTransmit(fd, options);
      const port = shared?.[i];
      if (port !== undefined) bindTo(fd, options, port);
      else if (range === undefined) bindTo(fd, options, 0);
      else bindWithin(fd, options, range, i, wanted);
      transmitFds.push(fd);
      sourcePorts.push(boundPort(fd, family));
    }
    return {
      family,
      port: receives ? boundPort(receiveFd, family) : options.port,
      scopeId: options.deviceIndex ?? 0,
      ...(options.local === undefined ? {} : { local: options.local }),
      receiveFd,
      transmitFds,
      sourcePorts,
      receiveOffload,
      segmentation: options.segmentation !== false && setInt(transmitFds[0], SOL_UDP, UDP_SEGMENT, 0) === 0,
      receiveBuffer: receives ? getInt(receiveFd, SOL_SOCKET, SO_RCVBUF) : 0,
      sendBuffer: getInt(transmitFds[0], SOL_SOCKET, SO_SNDBUF),
      dropsBefore: 0,
    };
  } catch (error) {
    for (const fd of opened) close(fd);
    throw error;
  }
}

export function closeUdpSockets(sockets: UdpSockets): void {
  if (sockets.receiveFd >= 0) close(sockets.receiveFd);
  for (const fd of sockets.transmitFds) close(fd);
}

function newSocket(family: 4 | 6, opened: number[]): number {
  const fd = must(socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
  opened.push(fd);
  if (family === 6) mustSet(fd, SOL_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
  return fd;
}

function bindToDevice(fd: number, device: string): void {
  const name = Buffer.from(device);
  if (name.length === 0 || name.length > 15) throw new SystemError('SO_BINDTODEVICE', EINVAL, device);
  scratch.bytes.set(name);
  must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, scratch.address, name.length), 'SO_BINDTODEVICE', device);
}

/** Sets the options of the receive socket; true where UDP_GRO is to be had. */
function prepareReceive(fd: number, options: UdpSocketOptions): boolean {
  if (options.beside) mustSet(fd, SOL_SOCKET, SO_REUSEPORT, 1, 'SO_REUSEPORT');
  if (options.family === 4) {
    mustSet(fd, SOL_IP, IP_PKTINFO, 1, 'IP_PKTINFO');
    mustSet(fd, SOL_IP, IP_RECVTTL, 1, 'IP_RECVTTL');
    mustSet(fd, SOL_IP, IP_RECVTOS, 1, 'IP_RECVTOS');
  } else {
    mustSet(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1, 'IPV6_RECVPKTINFO');
    mustSet(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1, 'IPV6_RECVHOPLIMIT');
    mustSet(fd, SOL_IPV6, IPV6_RECVTCLASS, 1, 'IPV6_RECVTCLASS');
    if (options.udp6ZeroChecksumReceive === true) mustSet(fd, SOL_UDP, UDP_NO_CHECK6_RX, 1, 'UDP_NO_CHECK6_RX');
  }
  if (setInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, options.receiveBuffer) < 0)
    mustSet(fd, SOL_SOCKET, SO_RCVBUF, options.receiveBuffer, 'SO_RCVBUF');
  return options.bundles !== false && setInt(fd, SOL_UDP, UDP_GRO, 1) === 0;
}

function prepareTransmit(fd: number, options: UdpSocketOptions): void {
  dropEverything(fd);
  if (options.device !== undefined) bindToDevice(fd, options.device);
  // Linux sets DF on UDP by default; the kernel's vxlan device does not (df unset).
  if (options.family === 4) {
    mustSet(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, 'IP_MTU_DISCOVER');
    // What goes to a group does not come back: the kernel's device does not hear itself either.
    mustSet(fd, SOL_IP, IP_MULTICAST_LOOP, 0, 'IP_MULTICAST_LOOP');
  } else {
    // The kernel's device never fragments over IPv6, whatever df says (ip6_fragment refuses what it did not allow).
    mustSet(fd, SOL_IPV6, IPV6_DONTFRAG, 1, 'IPV6_DONTFRAG');
    // The flow label is what the tunnel record says, 0 as a rule; by itself the kernel would make one up.
    mustSet(fd, SOL_IPV6, IPV6_AUTOFLOWLABEL, 0, 'IPV6_AUTOFLOWLABEL');
    mustSet(fd, SOL_IPV6, IPV6_FLOWINFO_SEND, 1, 'IPV6_FLOWINFO_SEND');
    mustSet(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0, 'IPV6_MULTICAST_LOOP');
  }
  if (setInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, options.sendBuffer) < 0)
    mustSet(fd, SOL_SOCKET, SO_SNDBUF, options.sendBuffer, 'SO_SNDBUF');
  mustSet(fd, SOL_SOCKET, SO_RCVBUF, DROPPING_BUFFER, 'SO_RCVBUF');
}

/** Attaches the classic BPF program `ret #0`, before the socket has a port: nothing can ever be queued on it. */
export function dropEverything(fd: number): void {
  const program = new NativeBuffer(SockFprog.SIZE + SockFilter.SIZE);
  program.view.setUint16(SockFprog.LENGTH, 1, true);
  program.pointer(SockFprog.FILTER, program, SockFprog.SIZE);
  program.view.setUint16(SockFprog.SIZE + SockFilter.CODE, 0x06, true); // BPF_RET | BPF_K
  program.view.setUint32(SockFprog.SIZE + SockFilter.K, 0, true);
  must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program.address, SockFprog.SIZE), 'SO_ATTACH_FILTER');
}

/** Binds to port number `i` of `count` spread over the range, or to the next free one behind it. */
function bindWithin(
  fd: number,
  options: UdpSocketOptions,
  [low, high]: readonly [number, number],
  i: number,
  count: number,
): void {
  const size = high - low;
  const start = Math.floor((i * size) / count);
  for (let k = 0; k < size; k++) {
    const result = tryBind(fd, options, low + ((start + k) % size));
    if (result === 0) return;
    if (result !== -EADDRINUSE) must(result, 'bind', `source port ${low + start}`);
  }
  throw new SystemError('bind', EADDRINUSE, `source ports ${low} to ${high - 1}`);
}

function bindTo(fd: number, options: UdpSocketOptions, port: number): void {
  must(tryBind(fd, options, port), 'bind', `UDP port ${port}`);
}

function tryBind(fd: number, options: UdpSocketOptions, port: number): number {
  const { view, bytes, address } = scratch;
  bytes.fill(0, 0, SockaddrIn6.SIZE);
  if (options.family === 4) {
    view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
    view.setUint16(SockaddrIn.PORT, port, false);
    if (options.local !== undefined) bytes.set(options.local, SockaddrIn.ADDRESS);
    return bindSocket(fd, address, SockaddrIn.SIZE);
  }
  view.setUint16(SockaddrIn6.FAMILY, AF_INET6, true);
  view.setUint16(SockaddrIn6.PORT, port, false);
  if (options.local !== undefined) bytes.set(options.local, SockaddrIn6.ADDRESS);
  view.setUint32(SockaddrIn6.SCOPE_ID, options.deviceIndex ?? 0, true);
  return bindSocket(fd, address, SockaddrIn6.SIZE);
}

function boundPort(fd: number, family: 4 | 6): number {
  const length = 64;
  scratch.view.setUint32(length, SockaddrIn6.SIZE, true);
  must(getsockname(fd, scratch.address, scratch.address + length), 'getsockname');
  return scratch.view.getUint16(family === 4 ? SockaddrIn.PORT : SockaddrIn6.PORT, false);
}

export function setInt(fd: number, level: number, name: number, value: number): number {
  scratch.view.setInt32(0, value, true);
  return setsockopt(fd, level, name, scratch.address, 4);
}

export function mustSet(fd: number, level: number, name: number, value: number, about: string): void {
  must(setInt(fd, level, name, value), `setsockopt ${about}`);
}

function getInt(fd: number, level: number, name: number): number {
  scratch.view.setInt32(8, 4, true);
  must(getsockopt(fd, level, name, scratch.address, scratch.address + 8), 'getsockopt');
  return scratch.view.getInt32(0, true);
}
