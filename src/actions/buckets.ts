/** The shared memory of token buckets (police.ts): slabs, so that they grow without moving. */

/** A power of two. */
export const BUCKETS_OF_SLAB = 256;
/** 16 doubles each, and behind them the slab's lock. */
export const BUCKET_SLAB_BYTES = BUCKETS_OF_SLAB * 16 * 8 + 64;
