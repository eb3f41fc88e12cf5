/** hold-port ADDRESS PORT: binds a UDP port, prints `bound` and keeps it until a signal. */
import { createSocket } from 'node:dgram';

const [address = '', port = ''] = process.argv.slice(2);
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.bind(Number(port), address, () => console.log('bound'));
