import { write } from '../native/libc.js';
import { NativeBuffer } from '../native/scratch.js';

/** The number 1, as an eventfd wants it written. */
const one = new NativeBuffer(8);
one.view.setBigUint64(0, 1n, true);

/** Wakes whoever waits on an eventfd. */
export function signalEventfd(fd: number): void {
  write(fd, one.address, 8);
}
