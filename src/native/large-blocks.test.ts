import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { mapLargeBlocks } from './large-blocks.js';
import { addressOf } from './libc.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Where the C library's heap lies, that grows by brk. */
function isInHeap(address: number): boolean {
  const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) .*\[heap\]$/m.exec(readFileSync('/proc/self/maps', 'utf8')) ?? [];
  return from !== undefined && address >= Number.parseInt(from, 16) && address < Number.parseInt(to ?? '', 16);
}

/** The address of a block that is garbage when this returns. */
function addressOfGarbage(bytes: number): number {
  return addressOf(new Uint8Array(new SharedArrayBuffer(bytes)));
}

test('large blocks are mapped, whatever was freed before, and so untouched pages of theirs cost nothing', async (t) => {
  mapLargeBlocks();
  // Each but the first would be cut from the heap, to the bound that glibc has raised to the size of the one before.
  for (const size of [20, 18, 16, 1]) {
    const address = addressOfGarbage(size * 2 ** 20);
    t.false(isInHeap(address), `${size} MiB at ${address.toString(16)}`);
    collect();
    // Shared memory is freed by a task behind the collection.
    await setImmediate();
    collect();
  }
});
