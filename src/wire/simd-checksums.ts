/** The module of assembly/ over a memory, where the processor and the engine can run it. */
import { CHECKSUM_MODULE } from './checksum-module.js';

/** Functions over one memory; offsets in bytes from its start. They trap where a range leaves the memory. */
export interface SimdChecksums {
  /** The folded sum, 0 … 0xffff, of 0 … 65,535 bytes from `at` on; any alignment. */
  sum(at: number, length: number): number;
  /** The folded sum of an IP header's addresses (8 or 32 bytes, any alignment) and of `length` bytes from `at` on. */
  sumWithAddresses(addresses: number, addressBytes: number, at: number, length: number): number;
  /**
   * Folded sums of consecutive slices of `each` bytes (the last may be shorter) of the `length` bytes from `at` on,
   * written as 32-bit integers from byte offset `out` (a multiple of 4) on.
   */
  sumSlices(at: number, length: number, each: number, out: number): void;
  /** `Trains.followers` (trains.ts), with the offset of its plan. */
  followers(before: number, at: number, stride: number, count: number, plan: number, joins: number): number;
}

/** A WebAssembly.Memory that is shared (TypeScript declares it for browsers only). */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** The part of the global WebAssembly that is used here. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
}

/**
 * The functions over `memory`, or null where they cannot run: without WebAssembly or its 128-bit instructions
 * (Node.js turns both off on processors without SSSE3 and SSE4.1), or where making code at run time is forbidden.
 */
export function simdChecksums(memory: WasmMemory): SimdChecksums | null {
  const api = (globalThis as unknown as { WebAssembly?: WebAssemblyApi }).WebAssembly;
  const bytes = Uint8Array.from(Buffer.from(CHECKSUM_MODULE, 'base64'));
  if (api === undefined || !api.validate(bytes)) return null;
  try {
    const { exports } = new api.Instance(new api.Module(bytes), { env: { memory } });
    const { sum, sumWithAddresses, sumSlices, followers } = exports as SimdChecksums;
    return { sum, sumWithAddresses, sumSlices, followers }; // an object of one's own: exports are a slow one
  } catch {
    return null;
  }
}
