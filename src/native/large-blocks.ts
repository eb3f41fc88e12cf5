/**
 * Large blocks of memory that the C library hands out by mmap and takes back by munmap.
 *
 * The tables that workers share are made as large as they may become, because pages that nobody has written to cost
 * nothing. That holds for fresh mappings alone. glibc begins with them from 128 KiB on, but raises that bound to the size
 * of each mapping that is freed, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD): behind the first reload a table of 18 MiB is
 * cut from the heap, written with zeros all over, and, freed, stays there as a hole that the next small block splits.
 * Measured over 20 reloads: 127 MiB of anonymous memory, and 51 MiB with a bound that stays.
 */
import { mallopt } from './libc.js';

/** <malloc.h> */
const M_MMAP_THRESHOLD = -3;

/** Blocks from this size on: bytes. */
const LARGE = 256 * 1024;

/** Has large blocks mapped, whatever was freed before; false where the C library cannot be told. For the whole process. */
export function mapLargeBlocks(): boolean {
  return mallopt(M_MMAP_THRESHOLD, LARGE);
}
