/**
 * The machines whose structure layouts this folder knows: Linux on x86-64 and arm64. Both are little-endian with
 * 64-bit pointers, and the structures used here are laid out alike on them.
 */
import { endianness } from 'node:os';

/** What is wrong with a platform for vtep, as a sentence; undefined where it fits. */
export function platformRefusal(platform: string, arch: string, order: 'LE' | 'BE'): string | undefined {
  if (platform !== 'linux') return `vtep needs Linux (this is ${platform})`;
  if ((arch !== 'x64' && arch !== 'arm64') || order !== 'LE')
    return `vtep knows the structure layouts of x86-64 and arm64 (this is ${arch}, ${order === 'LE' ? 'little' : 'big'}-endian)`;
  return undefined;
}

/** Throws where vtep cannot run; called when the C library is loaded, before any structure is written. */
export function requirePlatform(): void {
  const refusal = platformRefusal(process.platform, process.arch, endianness());
  if (refusal !== undefined) throw new Error(refusal);
}
