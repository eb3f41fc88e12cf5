/** A TAP as it comes: no virtio-net header, so no offload of any kind. */
import { must } from '../../src/native/errno.js';
import { ioctl, open } from '../../src/native/libc.js';
import { scratch } from '../../src/native/scratch.js';
import { O_CLOEXEC, O_RDWR } from '../../src/native/socket-constants.js';
import { Ifreq } from '../../src/native/structs.js';
import { IFF_NO_PI, IFF_TAP, IFF_TUN_EXCL, TUNSETIFF } from '../../src/native/tun-constants.js';

/** What the endpoint joins. */
export interface Link {
  /** Descriptor of the TAP; a read waits for a frame. */
  readonly tap: number;
  readonly local: string;
  readonly remote: string;
  readonly vni: number;
  readonly port: number;
}

export const VXLAN_BYTES = 8;

export function openPlainTap(name: string): number {
  const fd = must(open('/dev/net/tun', O_RDWR | O_CLOEXEC), 'open', '/dev/net/tun');
  scratch.bytes.fill(0, 0, Ifreq.SIZE);
  scratch.bytes.set(Buffer.from(name), Ifreq.NAME);
  scratch.view.setUint16(Ifreq.FLAGS, IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL, true);
  must(ioctl(fd, TUNSETIFF, scratch.address), 'TUNSETIFF', name);
  return fd;
}

/** RFC 7348, section 5: flags with only I set, the VNI in the upper three bytes of the second word. */
export function writeVxlanHeader(bytes: Uint8Array, at: number, vni: number): void {
  bytes.set([0x08, 0, 0, 0, (vni >> 16) & 0xff, (vni >> 8) & 0xff, vni & 0xff, 0], at);
}

/** Whether a datagram's payload of `length` bytes at `at` carries a frame of that VNI. */
export function carriesFrame(bytes: Uint8Array, at: number, length: number, vni: number): boolean {
  if (length < VXLAN_BYTES + 14 || bytes[at] !== 0x08) return false;
  return ((bytes[at + 4] ?? 0) << 16) + ((bytes[at + 5] ?? 0) << 8) + (bytes[at + 6] ?? 0) === vni;
}
