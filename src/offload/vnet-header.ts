/**
 * struct virtio_net_hdr_mrg_rxbuf (virtio 1.2, section 5.1.6): flags, gso_type, hdr_len, gso_size, csum_start,
 * csum_offset, num_buffers, little-endian. What stands before every frame that is written to a TAP with IFF_VNET_HDR
 * and TUNSETVNETHDRSZ 12.
 */
import type { Arena } from '../memory/arena.js';

export const VNET_BYTES = 12;
/** Bit of flags: the checksum at csum_start + csum_offset is unfinished. */
export const NEEDS_CSUM = 1;

/** Writes the header at `at`, a multiple of 4. num_buffers is 0: it means something only to a reader. */
export function writeVnetHeader(
  arena: Arena,
  at: number,
  flags: number,
  gsoType: number,
  headerBytes: number,
  gsoSize: number,
  csumStart: number,
  csumOffset: number,
): void {
  const i32 = arena.i32;
  const w = at >> 2;
  i32[w] = flags | (gsoType << 8) | (headerBytes << 16);
  i32[w + 1] = gsoSize | (csumStart << 16);
  i32[w + 2] = csumOffset;
}
