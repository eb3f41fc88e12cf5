/** One datagram to a Unix socket, which Node.js itself has no means for. Control path. */
import { EINVAL } from '../native/errno.js';
import { close, connect, send, socket } from '../native/libc.js';
import { NativeBuffer } from '../native/scratch.js';
import { AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from '../native/socket-constants.js';

/** sizeof(sockaddr_un.sun_path): a path has a zero behind it, an abstract name has one in front. */
const SUN_PATH = 108;

/**
 * Sends `text` to the socket at `path` (`@NAME`: an abstract one), and does not wait. Returns 0 or -errno: EAGAIN where
 * its queue is full, EINVAL where the path is empty or longer than 107 bytes.
 */
export function sendUnixDatagram(path: string, text: string): number {
  const name = Buffer.from(path);
  if (name.length < 2 || name.length >= SUN_PATH || name.includes(0)) return -EINVAL;
  const isAbstract = path.startsWith('@');
  if (isAbstract) name[0] = 0;
  const address = new NativeBuffer(2 + SUN_PATH);
  address.view.setUint16(0, AF_UNIX, true);
  address.bytes.set(name, 2);
  const body = Buffer.from(text);
  const bytes = new NativeBuffer(body.length);
  bytes.bytes.set(body);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  const connected = connect(fd, address.address, 2 + name.length + (isAbstract ? 0 : 1));
  const sent = connected < 0 ? connected : send(fd, bytes.address, body.length, MSG_DONTWAIT);
  close(fd);
  return sent < 0 ? sent : 0;
}
