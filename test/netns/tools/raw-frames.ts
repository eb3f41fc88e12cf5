/**
 * raw-frames inject DEV: sends each line of standard input, a whole Ethernet frame in hex, out of DEV.
 * raw-frames capture DEV: prints `capturing` on standard error, then each frame that comes in at DEV as a line of hex.
 */
import { readFileSync, writeSync } from 'node:fs';
import { inject, openDevice, receive } from './packet-socket.js';

const [verb = '', device = ''] = process.argv.slice(2);
const fd = openDevice(device, verb === 'capture');

if (verb === 'inject') {
  for (const line of readFileSync(0, 'utf8').split('\n')) inject(fd, line.trim());
} else {
  writeSync(2, 'capturing\n');
  for (;;) {
    const frame = receive(fd, true);
    if (frame !== undefined) writeSync(1, `${frame}\n`);
  }
}
