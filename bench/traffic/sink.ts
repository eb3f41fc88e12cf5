/**
 * sink ADDRESS PORT: a UDP socket that counts and keeps nothing. A classic BPF filter refuses every datagram after the
 * stack has found the socket and verified the checksum, a super-frame segment by segment; the kernel counts them as
 * the socket's drops. So nobody has to read, and the sink costs the machine no more than the delivery itself.
 * Prints `listening` and stays until a signal. `deliveredTo` reads the count.
 */
import { must } from '../../src/native/errno.js';
import { bindSocket, setsockopt, socket } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { AF_INET, SO_ATTACH_FILTER, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from '../../src/native/socket-constants.js';
import { SockaddrIn, SockFilter, SockFprog } from '../../src/native/structs.js';

const [address = '', port = ''] = process.argv.slice(2);
const fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
const program = new NativeBuffer(SockFprog.SIZE + SockFilter.SIZE);
program.view.setUint16(SockFprog.LENGTH, 1, true);
program.pointer(SockFprog.FILTER, program, SockFprog.SIZE);
program.view.setUint16(SockFprog.SIZE + SockFilter.CODE, 0x06, true); // BPF_RET | BPF_K: 0 bytes of it are kept
must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program.address, SockFprog.SIZE), 'SO_ATTACH_FILTER');
const name = new NativeBuffer(SockaddrIn.SIZE);
name.view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
name.view.setUint16(SockaddrIn.PORT, Number(port), false);
name.bytes.set(address.split('.').map(Number), SockaddrIn.ADDRESS);
must(bindSocket(fd, name.address, SockaddrIn.SIZE), 'bind', `${address} port ${port}`);
console.log('listening');
setInterval(() => {}, 1 << 30);
