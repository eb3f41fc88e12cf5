/**
 * datagram-sink ADDRESS PORT COUNT: prints `listening`, then `LENGTH SHA1` of each datagram, and ends after COUNT of
 * them.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';

const [address = '', port = '', count = ''] = process.argv.slice(2);
const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
let left = Number(count);
socket.on('message', (message) => {
  console.log(`${message.length} ${createHash('sha1').update(message).digest('hex')}`);
  if (--left === 0) socket.close();
});
socket.bind(Number(port), address, () => console.log('listening'));
