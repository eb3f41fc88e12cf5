/**
 * Opening a TAP: control path. The descriptors are plain numbers and go to the workers that use them; closing the
 * last one deletes the device, unless it is persistent.
 *
 * A TAP is made with IFF_TUN_EXCL: plain TUNSETIFF would silently attach to whatever TAP of that name already stands
 * there, a stranger's too. Its headers are in the host's byte order, which is little-endian on the machines that
 * native/platform.ts admits, so TUNSETVNETLE has nothing to say. TUNSETSNDBUF stays at the driver's INT_MAX: a write
 * runs the host's receive path to its end, so there is no queue on that side that a limit could bound.
 *
 * Several queues. The driver chooses the queue that the host's frames of a flow go to by a hash of the flow, unless it
 * has seen frames of that flow written: then by the queue they came through (tun_flow_update). A flow that begins on the
 * host would so change queues with the first answer that another worker writes, and its frames pass each other. So what
 * is written goes through descriptors of their own that are attached and detached again: a detached queue still takes
 * frames, but tells the driver nothing of flows, and none are given to it. The queue of a flow never changes then.
 */
import { EBADFD, EBUSY, EEXIST, EINVAL, must, SystemError } from '../../native/errno.js';
import { close, ioctl, open } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../../native/socket-constants.js';
import { Ifreq } from '../../native/structs.js';
import {
  IFF_DETACH_QUEUE,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TAP,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  TUN_F_CSUM,
  TUN_F_TSO_ECN,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNGETIFF,
  TUNSETCARRIER,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETPERSIST,
  TUNSETQUEUE,
  TUNSETVNETHDRSZ,
} from '../../native/tun-constants.js';
import { VNET_HEADER_BYTES } from '../device.js';
import type { TapQueue } from './tap-queue.js';

/** The driver has 256 for a device, and each worker takes two. */
const MAX_QUEUES = 128;

export interface TapOptions {
  /** 1 to 15 bytes; a `%d` in it is filled in by the kernel. */
  readonly name: string;
  /** Queues wanted, 1 … 128; more than one makes a multi-queue TAP. */
  readonly queues?: number;
  /** Whether the device outlives its descriptors. */
  readonly persist?: boolean;
  /**
   * Attach to the persistent TAP of that name. The caller has seen that it carries vtep's mark, and that nobody has it:
   * several can have one with several queues. One that was made with a single queue keeps that. Makes one where there
   * is none.
   */
  readonly reclaim?: boolean;
  /** The TUN device node; `/dev/net/tun` unless given. */
  readonly tunPath?: string;
}

/** What the host may leave to vtep on this TAP. */
export interface TapOffloads {
  /** Unfinished checksums, TCP segmentation over IPv4 and IPv6, with ECN. */
  readonly tcp: boolean;
  /** UDP segmentation (Linux 6.2). */
  readonly udp: boolean;
}

export interface Tap {
  /** The name the device was given; people may change it afterwards (see `tapName`). */
  readonly name: string;
  /** All of them, non-blocking; the first is a queue that is read. */
  readonly fds: readonly number[];
  /** As many as were wanted. Of a TAP with a single queue only the first has something to read. */
  readonly queues: readonly TapQueue[];
  readonly offloads: TapOffloads;
}

const TCP_OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
const UDP_OFFLOADS = TUN_F_USO4 | TUN_F_USO6;

/**
 * Opens or makes the TAP. Throws a SystemError and leaves nothing behind: EEXIST where the name is taken, EBUSY where
 * a TAP to reclaim is in use, EPERM without CAP_NET_ADMIN, ENOENT or EACCES for the device node, ENODEV where the
 * kernel has no TUN/TAP driver.
 */
export function openTap(options: TapOptions): Tap {
  const { name, queues = 1, persist = false, reclaim = false, tunPath = '/dev/net/tun' } = options;
  const length = Buffer.byteLength(name);
  if (length === 0 || length >= Ifreq.NAME_BYTES) throw new SystemError('TUNSETIFF', EINVAL, `"${name}"`);
  if (!(queues >= 1 && queues <= MAX_QUEUES))
    throw new RangeError(`tap: ${queues} queues (1 to ${MAX_QUEUES} are possible)`);
  const fds: number[] = [];
  let given = name;
  const add = (kind: number, exclusive = false): void => {
    const fd = must(open(tunPath, O_RDWR | O_NONBLOCK | O_CLOEXEC), 'open', tunPath);
    fds.push(fd);
    given = attach(fd, given, kind, exclusive);
  };
  try {
    let kind = queues > 1 ? IFF_MULTI_QUEUE : 0;
    try {
      add(kind, !reclaim);
    } catch (error) {
      // A TAP to reclaim was made for another number of workers.
      if (!(reclaim && error instanceof SystemError && error.errno === EINVAL)) throw error;
      close(fds.pop() ?? -1);
      kind ^= IFF_MULTI_QUEUE;
      add(kind);
    }
    const isSingle = kind === 0 || queues === 1;
    for (let i = 1; i < queues && !isSingle; i++) add(kind);
    for (let i = 0; i < queues && !isSingle; i++) {
      add(kind);
      detach(fds[queues + i]);
    }
    const [fd] = fds;
    scratch.view.setInt32(0, VNET_HEADER_BYTES, true);
    must(ioctl(fd, TUNSETVNETHDRSZ, scratch.address), 'TUNSETVNETHDRSZ', given);
    const udp = ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS | UDP_OFFLOADS) >= 0;
    const tcp = udp || ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS) >= 0;
    must(ioctl(fd, TUNSETPERSIST, persist ? 1 : 0), 'TUNSETPERSIST', given);
    const read = (i: number): number => (isSingle && i > 0 ? -1 : fds[i]);
    const write = (i: number): number => (isSingle ? fd : fds[queues + i]);
    const places = Array.from({ length: queues }, (_, i) => ({ readFd: read(i), writeFd: write(i) }));
    return { name: given, fds, queues: places, offloads: { tcp, udp } };
  } catch (error) {
    for (const fd of fds) close(fd);
    throw error;
  }
}

/** What a TAP's driver has no word for, as a sentence about this host; undefined where nothing is missing. */
export function missingOffload({ tcp, udp }: TapOffloads): string | undefined {
  if (!tcp) return 'the TUN/TAP driver here takes no offloads: every frame is a write';
  if (!udp) return 'the TUN/TAP driver here takes no UDP super-frames (Linux 6.2 does): every datagram is a write';
  return undefined;
}

export function closeTap(tap: Pick<Tap, 'fds'>): void {
  for (const fd of tap.fds) close(fd);
}

/**
 * The present name of the device behind a descriptor, in whichever namespace it is; undefined where it was deleted
 * (EBADFD). Throws a SystemError for a descriptor that is no TAP's.
 */
export function tapName(fd: number): string | undefined {
  scratch.bytes.fill(0, 0, Ifreq.SIZE);
  const result = ioctl(fd, TUNGETIFF, scratch.address);
  if (result === -EBADFD) return undefined;
  must(result, 'TUNGETIFF');
  return scratch.string(Ifreq.NAME, Ifreq.NAME_BYTES);
}

/** Sets the device's carrier: off, the host sees NO-CARRIER and sends nothing. EINVAL while the device is down. */
export function setCarrier(fd: number, on: boolean): void {
  scratch.view.setInt32(0, on ? 1 : 0, true);
  must(ioctl(fd, TUNSETCARRIER, scratch.address), 'TUNSETCARRIER');
}

/** Whether the TAP outlives its descriptors from now on. */
export function setPersistent(fd: number, on: boolean): void {
  must(ioctl(fd, TUNSETPERSIST, on ? 1 : 0), 'TUNSETPERSIST');
}

/** Takes a queue out of those that the host's frames go to; it can be written to as before. */
function detach(fd: number): void {
  scratch.bytes.fill(0, 0, Ifreq.SIZE);
  scratch.view.setUint16(Ifreq.FLAGS, IFF_DETACH_QUEUE, true);
  must(ioctl(fd, TUNSETQUEUE, scratch.address), 'TUNSETQUEUE');
}

/** Makes a descriptor a queue of the TAP `name`, of kind 0 or IFF_MULTI_QUEUE; returns the name that the kernel gave. */
function attach(fd: number, name: string, kind: number, exclusive: boolean): string {
  scratch.bytes.fill(0, 0, Ifreq.SIZE);
  scratch.bytes.set(Buffer.from(name), Ifreq.NAME);
  let flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | kind;
  if (exclusive) flags |= IFF_TUN_EXCL;
  scratch.view.setUint16(Ifreq.FLAGS, flags, true);
  const result = ioctl(fd, TUNSETIFF, scratch.address);
  // With IFF_TUN_EXCL the driver says EBUSY of every name that is taken; `ip link add` says EEXIST.
  if (result === -EBUSY && exclusive) throw new SystemError('TUNSETIFF', EEXIST, name);
  must(result, 'TUNSETIFF', name);
  return scratch.string(Ifreq.NAME, Ifreq.NAME_BYTES);
}
