/**
 * Opening what the raw underlay needs: control path, main thread. For each family of the device
 * - a UDP socket on the port. Over IPv4 it is silent: it takes part in nothing, but while it is there the kernel does
 *   not answer "port unreachable", and nobody else gets the port. Over IPv6 it receives, because raw-socket hands over
 *   neither the destination nor the rest of the IPv6 header;
 * - two raw sockets to send with, one of them with DF set over IPv4. The kernel writes the IP header (source, TOS and
 *   TTL as asked, fragments over IPv4 where there is no DF), vtep the UDP header: so the source port is whichever the flow wants.
 * And where IPv4 is among them, raw-socket's socket with the pair over which it hands the datagrams to the worker.
 */
import { readFileSync } from 'node:fs';
import { must } from '../../native/errno.js';
import { close, setsockopt, socket } from '../../native/libc.js';
import { IFF_LOOPBACK } from '../../native/netlink-constants.js';
import { scratch } from '../../native/scratch.js';
import {
  AF_INET,
  AF_INET6,
  IP_MTU_DISCOVER,
  IP_MULTICAST_LOOP,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IPV6_AUTOFLOWLABEL,
  IPV6_DONTFRAG,
  IPV6_FLOWINFO_SEND,
  IPV6_MULTICAST_LOOP,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from '../../native/socket-constants.js';
import { IPPROTO_UDP } from '../../wire/ip-protocol.js';
import { closeHandover, type HandoverPair, openHandover } from '../handover/pair.js';
import { RtnetlinkClient } from '../rtnetlink/client.js';
import { closeUdpSockets, dropEverything, openUdpSockets, type UdpSockets } from '../udp/sockets.js';
import { RawListener } from './listener.js';

const ETHERNET_MTU = 1500;

export interface RawSocketOptions {
  /** The families of the device. */
  readonly families: readonly (4 | 6)[];
  /** 1 … 65535. */
  readonly port: number;
  /** Local address in network order (4 or 16 bytes); absent: every address. */
  readonly local?: Uint8Array;
  /** Bytes asked of each receive queue, and of each send queue. */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  readonly udp6ZeroChecksumReceive: boolean;
  /** Source ports to choose from, the upper bound exclusive; absent: the host's ephemeral ones. */
  readonly sourcePortRange?: readonly [number, number];
}

/** Plain numbers, for the worker. */
export interface RawFamily {
  readonly family: 4 | 6;
  readonly port: number;
  readonly scopeId: number;
  /** The receiving end of a handover over IPv4, a UDP socket over IPv6; -1: another worker receives. */
  readonly receiveFd: number;
  /** What its queue had lost before, and somebody has been told of; absent: nothing. */
  readonly dropsBefore?: number;
  /** The UDP socket on the port: whoever has it join a multicast group has the raw socket hear it. */
  readonly udpFd: number;
  /** Raw sockets: without DF, and with it. */
  readonly fragmentFd: number;
  readonly dontFragmentFd: number;
  /** A UDP socket that sends nothing: connecting it tells which source the kernel chooses for a destination. */
  readonly probeFd: number;
  /** Source ports, the upper bound exclusive. */
  readonly sourcePortRange: readonly [number, number];
}

export interface RawSockets {
  readonly families: readonly RawFamily[];
  /** The same for another worker, which only sends. Throws a SystemError. */
  senders(): readonly RawFamily[];
  /** Closes everything, once the worker has let go of it. */
  close(): void;
}

/**
 * Opens them. Throws a SystemError as openUdpSockets does (EPERM without CAP_NET_RAW), or a MissingPackageError where
 * raw-socket is not to be had, and leaves nothing open then.
 */
export function openRawSockets(options: RawSocketOptions): RawSockets {
  const closing: (() => void)[] = [];
  const close = (): void => {
    for (const each of closing.splice(0).reverse()) each();
  };
  try {
    const families = options.families.map((family) => openFamily(family, options, closing));
    const senders = (): readonly RawFamily[] =>
      families.map((each) => ({ ...each, receiveFd: -1, probeFd: openProbe(each.family, closing) }));
    return { families, senders, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openFamily(family: 4 | 6, options: RawSocketOptions, closing: (() => void)[]): RawFamily {
  const udp = openUdpSockets({
    family,
    port: options.port,
    receiveBuffer: options.receiveBuffer,
    sendBuffer: 0,
    sourcePorts: 1,
    udp6ZeroChecksumReceive: options.udp6ZeroChecksumReceive,
    ...(options.local === undefined ? {} : { local: options.local }),
  });
  closing.push(() => closeUdpSockets(udp));
  return {
    family,
    port: udp.port,
    scopeId: udp.scopeId,
    receiveFd: family === 4 ? listen(udp, options, closing) : udp.receiveFd,
    udpFd: udp.receiveFd,
    fragmentFd: openTransmit(family, false, options, closing),
    dontFragmentFd: openTransmit(family, true, options, closing),
    probeFd: openProbe(family, closing),
    sourcePortRange: options.sourcePortRange ?? ephemeralPorts(),
  };
}

/** Silences the UDP socket and has raw-socket listen in its place. */
function listen(udp: UdpSockets, options: RawSocketOptions, closing: (() => void)[]): number {
  dropEverything(udp.receiveFd);
  // Else the kernel would merge datagrams on its account, and only a UDP socket is told where one ends.
  set(udp.receiveFd, SOL_UDP, UDP_GRO, 0);
  const pair: HandoverPair = openHandover(options.receiveBuffer);
  closing.push(() => closeHandover(pair));
  const listener = new RawListener({
    port: udp.port,
    receiveBuffer: options.receiveBuffer,
    mtu: largestMtu(),
    handoverFd: pair.sendFd,
    ...(options.local === undefined ? {} : { local: options.local }),
  });
  closing.push(() => listener.close());
  return pair.receiveFd;
}

/** The largest MTU of the host's interfaces; loopback's does not count, on which nothing is longer than its MTU. */
function largestMtu(): number {
  const client = new RtnetlinkClient();
  try {
    const wires = client.links().filter(({ flags }) => (flags & IFF_LOOPBACK) === 0);
    return Math.max(ETHERNET_MTU, ...wires.map(({ mtu }) => mtu));
  } finally {
    client.close();
  }
}

function openProbe(family: 4 | 6, closing: (() => void)[]): number {
  const fd = must(socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  closing.push(() => close(fd));
  return fd;
}

function openTransmit(
  family: 4 | 6,
  dontFragment: boolean,
  options: RawSocketOptions,
  closing: (() => void)[],
): number {
  const domain = family === 4 ? AF_INET : AF_INET6;
  const fd = must(socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP), 'socket', 'raw');
  closing.push(() => close(fd));
  // It would get a copy of every UDP datagram of the host.
  dropEverything(fd);
  if (family === 4) {
    set(fd, SOL_IP, IP_MTU_DISCOVER, dontFragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
    set(fd, SOL_IP, IP_MULTICAST_LOOP, 0);
  } else {
    set(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0);
    // As the UDP sockets: never fragmented, and the flow label is the record's.
    set(fd, SOL_IPV6, IPV6_DONTFRAG, 1);
    set(fd, SOL_IPV6, IPV6_AUTOFLOWLABEL, 0);
    set(fd, SOL_IPV6, IPV6_FLOWINFO_SEND, 1);
  }
  scratch.view.setInt32(0, options.sendBuffer, true);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, scratch.address, 4) < 0)
    set(fd, SOL_SOCKET, SO_SNDBUF, options.sendBuffer);
  return fd;
}

function set(fd: number, level: number, name: number, value: number): void {
  scratch.view.setInt32(0, value, true);
  must(setsockopt(fd, level, name, scratch.address, 4), 'setsockopt');
}

/** The kernel's range for both families, its upper bound never used, as in udp_flow_src_port. */
function ephemeralPorts(): readonly [number, number] {
  const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  return [low ?? 32768, high ?? 60999];
}
