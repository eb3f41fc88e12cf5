import { spawn } from 'node:child_process';
import test from 'ava';
import { enterFreshNamespace, rooted } from '../testing/namespace.js';
import { countOuter, sampleOuter } from './outer-sample.js';

const PORTS = new Set([4789]);
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

const packets: readonly (readonly [title: string, bytes: string, kind: ReturnType<typeof countOuter>])[] = [
  ['a datagram with a checksum', '45000024 00000000 40110000 0a000001 0a000002 d903 12b5 0010 abcd', 'checksum'],
  ['a datagram without one', '45000024 00000000 40110000 0a000001 0a000002 d903 12b5 0010 0000', 'zero'],
  ['a header with options', '46000028 00000000 40110000 0a000001 0a000002 01010101 d903 12b5 0010 0000', 'zero'],
  ['another port', '45000024 00000000 40110000 0a000001 0a000002 12b5 d903 0010 0000', 'other'],
  ['TCP', '45000024 00000000 40060000 0a000001 0a000002 d903 12b5 0010 0000', 'other'],
  ['a later fragment', '45000024 00000001 40110000 0a000001 0a000002 d903 12b5 0010 0000', 'other'],
  ['IPv6', '65000024 00000000 40110000 0a000001 0a000002 d903 12b5 0010 0000', 'other'],
  ['a header that is cut', '45000024 00000000 40110000 0a000001 0a000002 d903 12b5', 'other'],
  ['a header that is too short to be one', '44000024 00000000 40110000 0a000001 0a000002 d903 12b5 0010 0000', 'other'],
  ['options beyond the end', '4f000024 00000000 40110000 0a000001 0a000002 d903 12b5 0010 0000', 'other'],
];
for (const [title, bytes, kind] of packets) {
  test(`${title} counts as ${kind}`, (t) => {
    t.is(countOuter(hex(bytes), PORTS), kind);
  });
}

test.before(() => {
  if (process.getuid?.() === 0) enterFreshNamespace();
});

rooted('what arrives on an interface is seen, and nothing else', (t) => {
  t.deepEqual(sampleOuter(1, PORTS, 1), { datagrams: 0, zeroChecksums: 0 });
  // It keeps this thread while it looks: who sends is another process.
  const program = `
    const socket = require('node:dgram').createSocket('udp4');
    setInterval(() => { for (const port of [4788, 4789]) socket.send('x', port, '127.0.0.1'); }, 5);`;
  const sender = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
  t.teardown(() => sender.kill('SIGKILL'));
  let seen = 0;
  for (let tries = 0; tries < 100 && seen === 0; tries++) seen = sampleOuter(1, PORTS, 100).datagrams;
  t.true(seen > 0);
  t.is(sampleOuter(1, new Set([4787]), 50).datagrams, 0);
});
