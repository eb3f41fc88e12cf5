/** Constants of Linux sockets (include/uapi/asm-generic/socket.h, linux/in.h, in6.h, udp.h), x86-64 and arm64 alike. */

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;
export const SOL_PACKET = 263;
export const SOL_NETLINK = 270;

export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_NO_CHECK = 11;
export const SO_REUSEPORT = 15;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_DETACH_FILTER = 27;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
/** The supplementary groups of a Unix socket's peer (Linux 4.13). */
export const SO_PEERGROUPS = 59;
/** Linux 5.1. */
export const SO_BINDTOIFINDEX = 62;
/** Nine 32-bit numbers; the last one is the count of datagrams that the queue had no room for (Linux 4.12). */
export const SO_MEMINFO = 55;

export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVTTL = 12;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;

export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;

/** Whether groups are received that another socket of the host has joined. */
export const IP_MULTICAST_ALL = 49;

export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_ADD_MEMBERSHIP = 20;
export const IPV6_DROP_MEMBERSHIP = 21;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_MULTICAST_ALL = 29;
export const IPV6_V6ONLY = 26;
export const IPV6_FLOWINFO_SEND = 33;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_DONTFRAG = 62;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
export const IPV6_AUTOFLOWLABEL = 70;

/** Values of IP_MTU_DISCOVER: never set DF; always set DF and keep to the path MTU. */
export const IP_PMTUDISC_DONT = 0;
export const IP_PMTUDISC_DO = 2;

export const UDP_NO_CHECK6_TX = 101;
export const UDP_NO_CHECK6_RX = 102;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

/** Index into what SO_MEMINFO answers (linux/sock_diag.h). */
export const SK_MEMINFO_DROPS = 8;

/** Options at SOL_PACKET (linux/if_packet.h). */
export const PACKET_VNET_HDR = 15;
export const PACKET_QDISC_BYPASS = 20;
export const PACKET_VNET_HDR_SZ = 24;

export const MSG_PEEK = 0x02;
export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

export const POLLIN = 0x001;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLIN = 0x001;
export const EPOLL_CLOEXEC = 0x80000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLONESHOT = 0x40000000;
/** A clock of clock_gettime(2). */
export const CLOCK_MONOTONIC = 1;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;

export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_NOFOLLOW = process.arch === 'arm64' ? 0o100000 : 0o400000;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;

/** Flag of unshare(2) and setns(2): the calling thread's network namespace. */
export const CLONE_NEWNET = 0x40000000;

/** Option of prctl(2): the signal that this process gets when its parent ends. */
export const PR_SET_PDEATHSIG = 1;
/** Option of prctl(2): the calling thread's name. */
export const PR_SET_NAME = 15;
export const SIGKILL = 9;

/** Requests of ioctl(2) on any socket, and the commands of SIOCETHTOOL that ask for a flag (linux/ethtool.h). */
export const SIOCETHTOOL = 0x8946;
export const ETHTOOL_GTXCSUM = 0x16;
export const ETHTOOL_GTSO = 0x1e;
export const ETHTOOL_GGRO = 0x2b;
