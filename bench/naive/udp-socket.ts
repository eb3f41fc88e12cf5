/** The naive endpoint on a UDP socket: poll, one recv and one write, one read and one send. */
import { must } from '../../src/native/errno.js';
import { bindSocket, connect, ppoll, read, recv, send, socket, write } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { AF_INET, MSG_DONTWAIT, POLLIN, SOCK_CLOEXEC, SOCK_DGRAM } from '../../src/native/socket-constants.js';
import { Pollfd, SockaddrIn } from '../../src/native/structs.js';
import { carriesFrame, type Link, VXLAN_BYTES, writeVxlanHeader } from './tap.js';

const ROOM = 65536;

function socketAddress(address: string, port: number): NativeBuffer {
  const buffer = new NativeBuffer(SockaddrIn.SIZE);
  buffer.view.setUint16(SockaddrIn.FAMILY, AF_INET, true);
  buffer.view.setUint16(SockaddrIn.PORT, port, false);
  buffer.bytes.set(address.split('.').map(Number), SockaddrIn.ADDRESS);
  return buffer;
}

/** Never returns. The peer sends from any port, so one socket receives and another one, connected, sends. */
export function runOnUdpSocket({ tap, local, remote, vni, port }: Link, ready: (variant: string) => void): never {
  const receiver = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  must(bindSocket(receiver, socketAddress(local, port).address, SockaddrIn.SIZE), 'bind');
  const sender = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  must(bindSocket(sender, socketAddress(local, 49152).address, SockaddrIn.SIZE), 'bind');
  must(connect(sender, socketAddress(remote, port).address, SockaddrIn.SIZE), 'connect');

  const poll = new NativeBuffer(2 * Pollfd.SIZE);
  for (const [n, fd] of [receiver, tap].entries()) {
    poll.view.setInt32(n * Pollfd.SIZE + Pollfd.FD, fd, true);
    poll.view.setInt16(n * Pollfd.SIZE + Pollfd.EVENTS, POLLIN, true);
  }
  const received = new NativeBuffer(ROOM);
  const sent = new NativeBuffer(ROOM);
  writeVxlanHeader(sent.bytes, 0, vni);
  ready('a UDP socket');
  for (;;) {
    must(ppoll(poll.address, 2, 0), 'ppoll');
    if (poll.view.getInt16(Pollfd.REVENTS, true) !== 0) {
      const length = recv(receiver, received.address, ROOM, MSG_DONTWAIT);
      if (carriesFrame(received.bytes, 0, length, vni)) {
        write(tap, received.address + VXLAN_BYTES, length - VXLAN_BYTES);
      }
    }
    if (poll.view.getInt16(Pollfd.SIZE + Pollfd.REVENTS, true) !== 0) {
      const length = read(tap, sent.address + VXLAN_BYTES, ROOM - VXLAN_BYTES);
      if (length > 0) send(sender, sent.address, VXLAN_BYTES + length, 0);
    }
  }
}
