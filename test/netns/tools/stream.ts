/**
 * A TCP stream whose bytes are checked, which those of iperf3 are not.
 *   stream serve ADDRESS PORT         prints `listening`, takes one connection, prints `BYTES SHA1`
 *   stream send ADDRESS PORT BYTES    sends that many and prints the same line
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { pattern } from './pattern.js';

const [verb = '', address = '', port = '', length = ''] = process.argv.slice(2);
const hash = createHash('sha1');
let bytes = 0;
const count = (chunk: Uint8Array): void => {
  hash.update(chunk);
  bytes += chunk.length;
};
const report = (): void => console.log(`${bytes} ${hash.digest('hex')}`);

if (verb === 'serve') {
  const server = createServer((socket: Socket) => {
    server.close();
    socket.on('data', count);
    socket.on('end', () => {
      report();
      socket.end();
    });
  });
  server.listen(Number(port), address, () => console.log('listening'));
} else {
  const socket = connect(Number(port), address);
  await once(socket, 'connect');
  const block = Uint8Array.from({ length: 1 << 20 }, (_, i) => pattern(i));
  for (let left = Number(length); left > 0; left -= block.length) {
    const chunk = block.subarray(0, Math.min(left, block.length));
    count(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  socket.resume();
  await once(socket, 'close');
  report();
}
