/** send-frames DEV: sends each line of standard input, written in hex, as one Ethernet frame through the interface. */
import { readFileSync } from 'node:fs';
import { RtnetlinkClient } from '../../../src/io/rtnetlink/client.js';
import { must } from '../../../src/native/errno.js';
import { bindSocket, send, socket } from '../../../src/native/libc.js';
import { NativeBuffer } from '../../../src/native/scratch.js';
import { AF_PACKET, SOCK_RAW } from '../../../src/native/socket-constants.js';
import { SockaddrLl } from '../../../src/native/structs.js';

const [dev = ''] = process.argv.slice(2);
const link = new RtnetlinkClient().link(dev);
if (!link) throw new Error(`there is no ${dev}`);
const fd = must(socket(AF_PACKET, SOCK_RAW, 0), 'socket');
const memory = new NativeBuffer(65536);
memory.view.setUint16(SockaddrLl.FAMILY, AF_PACKET, true);
memory.view.setInt32(SockaddrLl.IFINDEX, link.index, true);
must(bindSocket(fd, memory.address, SockaddrLl.SIZE), 'bind');
for (const line of readFileSync(0, 'utf8').split('\n')) {
  if (line === '') continue;
  const frame = Buffer.from(line.replaceAll(/\s/g, ''), 'hex');
  memory.bytes.set(frame);
  must(send(fd, memory.address, frame.length, 0), 'send');
}
process.exit();
