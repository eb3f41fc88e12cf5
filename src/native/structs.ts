/**
 * Layouts of the structures that system calls read and write: sizes and byte offsets, for 64-bit little-endian Linux
 * (x86-64 and arm64 alike). Fields are in host order unless a comment says network order.
 */

export const Iovec = { BASE: 0, LENGTH: 8, SIZE: 16 } as const;

/** struct msghdr; name length is 32 bits wide, iov and control lengths 64. */
export const Msghdr = {
  NAME: 0,
  NAME_LENGTH: 8,
  IOV: 16,
  IOV_LENGTH: 24,
  CONTROL: 32,
  CONTROL_LENGTH: 40,
  FLAGS: 48,
  SIZE: 56,
} as const;

/** struct mmsghdr: a msghdr and the number of bytes transferred. */
export const Mmsghdr = { HDR: 0, LENGTH: 56, SIZE: 64 } as const;

/** struct cmsghdr: 64-bit length (header included), level, type; the data follows, padded to 8 bytes. */
export const Cmsghdr = { LENGTH: 0, LEVEL: 8, TYPE: 12, SIZE: 16 } as const;

/** CMSG_SPACE: bytes that a control message with `bytes` of data takes. */
export function cmsgSpace(bytes: number): number {
  return Cmsghdr.SIZE + ((bytes + 7) & -8);
}

/** struct sockaddr_in; port and address in network order. */
export const SockaddrIn = { FAMILY: 0, PORT: 2, ADDRESS: 4, SIZE: 16 } as const;

/** struct sockaddr_in6; port, flow information and address in network order, scope id in host order. */
export const SockaddrIn6 = { FAMILY: 0, PORT: 2, FLOWINFO: 4, ADDRESS: 8, SCOPE_ID: 24, SIZE: 28 } as const;

/** struct sockaddr_ll; protocol in network order, interface index in host order. */
export const SockaddrLl = { FAMILY: 0, PROTOCOL: 2, IFINDEX: 4, SIZE: 20 } as const;

/** struct sockaddr_nl. */
export const SockaddrNl = { FAMILY: 0, PID: 4, GROUPS: 8, SIZE: 12 } as const;

/** struct in_pktinfo; both addresses in network order. */
export const InPktinfo = { IFINDEX: 0, SPEC_DST: 4, ADDR: 8, SIZE: 12 } as const;

/** struct in6_pktinfo; the address in network order. */
export const In6Pktinfo = { ADDR: 0, IFINDEX: 16, SIZE: 20 } as const;

/** struct ip_mreqn; both addresses in network order. */
export const IpMreqn = { GROUP: 0, ADDRESS: 4, IFINDEX: 8, SIZE: 12 } as const;

/** struct ipv6_mreq; the address in network order. */
export const Ipv6Mreq = { GROUP: 0, IFINDEX: 16, SIZE: 20 } as const;

/** struct pollfd: 32-bit descriptor, 16-bit events and revents. */
export const Pollfd = { FD: 0, EVENTS: 4, REVENTS: 6, SIZE: 8 } as const;

/** struct epoll_event: 32-bit events and 64 bits of the caller's, packed on x86-64 and nowhere else. */
export const EpollEvent = process.arch === 'x64' ? { EVENTS: 0, DATA: 4, SIZE: 12 } : { EVENTS: 0, DATA: 8, SIZE: 16 };

/** struct timespec (and timeval): two 64-bit numbers. */
export const Timespec = { SECONDS: 0, NANOSECONDS: 8, SIZE: 16 } as const;

/** struct ifreq: a name of at most 15 bytes and a union. */
export const Ifreq = { NAME: 0, NAME_BYTES: 16, FLAGS: 16, SIZE: 40 } as const;

/** struct ethtool_value, to which an ifreq points (at IFREQ's FLAGS). */
export const EthtoolValue = { COMMAND: 0, DATA: 4, SIZE: 8 } as const;

/** struct sock_fprog and struct sock_filter (classic BPF). */
export const SockFprog = { LENGTH: 0, FILTER: 8, SIZE: 16 } as const;
export const SockFilter = { CODE: 0, JT: 2, JF: 3, K: 4, SIZE: 8 } as const;

/** struct nlmsghdr; messages are padded to 4 bytes. */
export const Nlmsghdr = { LENGTH: 0, TYPE: 4, FLAGS: 6, SEQUENCE: 8, PID: 12, SIZE: 16 } as const;

/** struct rtattr (and nlattr): 16-bit length (header included) and type; the data follows, padded to 4 bytes. */
export const Rtattr = { LENGTH: 0, TYPE: 2, SIZE: 4 } as const;

/** struct ifinfomsg. */
export const Ifinfomsg = { FAMILY: 0, TYPE: 2, INDEX: 4, FLAGS: 8, CHANGE: 12, SIZE: 16 } as const;

/** struct rtmsg. */
export const Rtmsg = {
  FAMILY: 0,
  DST_LENGTH: 1,
  SRC_LENGTH: 2,
  TOS: 3,
  TABLE: 4,
  PROTOCOL: 5,
  SCOPE: 6,
  TYPE: 7,
  FLAGS: 8,
  SIZE: 12,
} as const;

/** struct ndmsg. */
export const Ndmsg = { FAMILY: 0, IFINDEX: 4, STATE: 8, FLAGS: 10, TYPE: 11, SIZE: 12 } as const;

/** struct ifaddrmsg. */
export const Ifaddrmsg = { FAMILY: 0, PREFIX_LENGTH: 1, FLAGS: 2, SCOPE: 3, INDEX: 4, SIZE: 8 } as const;

/** struct passwd and struct group, as far as they are read; the C libraries for Linux agree in it. */
export const Passwd = { UID: 16, GID: 20, READ: 24 } as const;
export const GroupEntry = { GID: 16, READ: 20 } as const;
