/** What a port takes in a frame with a virtio-net header: bits of `offloads`. */
/** Unfinished checksums. The others need it too. */
export const OFFLOAD_CSUM = 1;
/** TCP super-frames over IPv4. */
export const OFFLOAD_TSO4 = 2;
/** TCP super-frames over IPv6. */
export const OFFLOAD_TSO6 = 4;
/** UDP super-frames (GSO_UDP_L4) over IPv4; a TAP takes them from kernel 6.2 on. */
export const OFFLOAD_USO4 = 8;
/** UDP super-frames over IPv6. */
export const OFFLOAD_USO6 = 16;
/** The port takes super-frames, but packets shall not be merged into such. */
export const NO_COALESCING = 32;
