/** Constants of the TUN/TAP driver and the virtio-net header (linux/if_tun.h, linux/virtio_net.h). */

export const TUNSETIFF = 0x400454ca;
export const TUNSETPERSIST = 0x400454cb;
export const TUNGETFEATURES = 0x800454cf;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUNGETIFF = 0x800454d2;
export const TUNSETVNETHDRSZ = 0x400454d8;
export const TUNSETQUEUE = 0x400454d9;
export const TUNSETCARRIER = 0x400454e2;

export const IFF_TAP = 0x0002;
export const IFF_MULTI_QUEUE = 0x0100;
/** With TUNSETQUEUE: the queue is no longer one that the host's frames are given to. */
export const IFF_DETACH_QUEUE = 0x0400;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;
/** Fail with EBUSY instead of attaching to an interface that exists. */
export const IFF_TUN_EXCL = 0x8000;

/** Offloads that userspace takes over (TUNSETOFFLOAD). */
export const TUN_F_CSUM = 0x01;
export const TUN_F_TSO4 = 0x02;
export const TUN_F_TSO6 = 0x04;
export const TUN_F_TSO_ECN = 0x08;
/** Kernel 6.2 and later; both or none. */
export const TUN_F_USO4 = 0x20;
export const TUN_F_USO6 = 0x40;
/** Kernel 6.17 and later: segmentation of what is inside a UDP tunnel, and with an outer checksum. */
export const TUN_F_UDP_TUNNEL_GSO = 0x80;
export const TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100;

/** Bit of virtio_net_hdr.flags: the checksum at csum_start + csum_offset is unfinished. */
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
/** Bit of flags with a tunnel's gso_type: the outer UDP checksum is meant, and unfinished too. */
export const VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM = 8;
/** Bits of gso_type beside that of the inner segments: they stand in a UDP tunnel over IPv4, or IPv6. */
export const VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 = 0x20;
export const VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6 = 0x40;

/** Byte offsets within struct virtio_net_hdr_mrg_rxbuf (12 bytes, little-endian). */
export const VnetHeader = {
  FLAGS: 0,
  GSO_TYPE: 1,
  HDR_LEN: 2,
  GSO_SIZE: 4,
  CSUM_START: 6,
  CSUM_OFFSET: 8,
  NUM_BUFFERS: 10,
} as const;

/** What struct virtio_net_hdr_v1_hash_tunnel (24 bytes) has more: offsets from the start of the frame. */
export const TunnelVnetHeader = { OUTER_TRANSPORT: 20, INNER_NETWORK: 22, SIZE: 24 } as const;
