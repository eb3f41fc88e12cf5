/**
 * Sends and captures at the devices of a namespace for as long as standard input is open: tests of many rows ask one
 * process instead of starting one for each. A line each:
 *   `open DEV` begins a capture, answered by `opened DEV`; each frame that comes in is printed as `DEV HEX`.
 *   `close DEV` ends it, answered by `closed DEV` behind all frames that had come in.
 *   `inject DEV HEX` sends a frame out of DEV.
 */
import { readSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { closeDevice, inject, openDevice, receive } from './packet-socket.js';

const POLLIN = 1;
const poll = koffi.load('libc.so.6').func('int poll(_Inout_ uint8_t *, ulong, int)');

const captures = new Map<string, number>();

function tellFrames(device: string, fd: number): void {
  for (let frame = receive(fd, false); frame !== 'none'; frame = receive(fd, false))
    if (frame !== undefined) writeSync(1, `${device} ${frame}\n`);
}

function carryOut(line: string): void {
  const [verb, device = '', hex = ''] = line.split(' ');
  if (verb === 'open') {
    captures.set(device, openDevice(device, true));
    writeSync(1, `opened ${device}\n`);
  } else if (verb === 'close') {
    const fd = captures.get(device);
    if (fd === undefined) throw new Error(`no capture at ${device}`);
    tellFrames(device, fd);
    closeDevice(fd);
    captures.delete(device);
    writeSync(1, `closed ${device}\n`);
  } else if (verb === 'inject') {
    injectAll(device, hex.split(','));
  } else throw new Error(`what is ${line}?`);
}

function injectAll(device: string, frames: readonly string[]): void {
  const fd = openDevice(device, false);
  try {
    for (const frame of frames) inject(fd, frame);
  } finally {
    closeDevice(fd);
  }
}

const input = Buffer.alloc(1 << 16);
let pending = '';
for (;;) {
  const polled = Buffer.alloc(8 * (1 + captures.size)); // struct pollfd
  [0, ...captures.values()].forEach((fd, n) => {
    polled.writeInt32LE(fd, 8 * n);
    polled.writeInt16LE(POLLIN, 8 * n + 4);
  });
  poll(polled, 1 + captures.size, -1);
  let n = 1;
  for (const [device, fd] of captures) if (polled.readInt16LE(8 * n++ + 6) !== 0) tellFrames(device, fd);
  if (polled.readInt16LE(6) === 0) continue;
  const length = readSync(0, input);
  if (length === 0) break;
  const lines = (pending + input.subarray(0, length).toString('latin1')).split('\n');
  pending = lines.pop() ?? '';
  for (const line of lines) carryOut(line);
}
