/** send-datagrams ADDRESS PORT [SOURCE]: sends each line of standard input, written in hex, as one UDP datagram. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

const [address = '', port = '', source] = process.argv.slice(2);
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
if (source !== undefined) await new Promise<void>((resolve) => socket.bind(0, source, resolve));
const lines = readFileSync(0, 'utf8').split('\n').slice(0, -1); // the last line ends, too; an empty one is an empty datagram
for (const line of lines) {
  const payload = Buffer.from(line.replaceAll(/\s/g, ''), 'hex');
  await new Promise<void>((resolve, reject) => {
    socket.send(payload, Number(port), address, (error) => (error ? reject(error) : resolve()));
  });
}
socket.close();
