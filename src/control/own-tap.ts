/** TAPs that are vtep's: their mark on the host, and taking back one that an earlier vtep has left. */
import type { Link } from '../io/rtnetlink/link.js';
import type { LinkDetails } from '../io/rtnetlink/link-details.js';
import { openTap, type Tap } from '../io/tap/open-tap.js';
import type { TapQueue } from '../io/tap/tap-queue.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { EACCES, EBUSY, EEXIST, ENODEV, ENOENT, ENXIO, EPERM, errnoText, SystemError } from '../native/errno.js';
import {
  NO_COALESCING,
  OFFLOAD_CSUM,
  OFFLOAD_TSO4,
  OFFLOAD_TSO6,
  OFFLOAD_USO4,
  OFFLOAD_USO6,
} from '../offload/offloads.js';
import type { DeviceRegistry } from './device-registry.js';
import { rtnetlinkAnswers } from './refusal.js';

/** Mark of vtep on the interfaces it made (ifalias): only those does it ever take over. */
export const MARK = 'vtep';

/** Whether a link was vtep's, and is nobody's now. */
export function isReclaimable(registry: DeviceRegistry, link: Link): boolean {
  return link.kind === 'tun' && link.alias === MARK && registry.byLink(link, undefined) === undefined;
}

/** Opens a TAP, new or `reclaim`ed. Throws CommandError where the name is taken. The descriptors are the caller's. */
export function openOwnTap(name: string, persist: boolean, reclaim: boolean, tunPath: string, queues: number): Tap {
  try {
    return openTap({ name, persist, reclaim, tunPath, queues });
  } catch (error) {
    if (error instanceof SystemError && error.errno === EEXIST) throw rtnetlinkAnswers('File exists');
    if (error instanceof SystemError && error.errno === EBUSY) throw rtnetlinkAnswers('Device or resource busy');
    throw withoutRight(error, name, tunPath);
  }
}

/** What is missing where a TAP cannot be made, and what helps; any other error as it is. */
function withoutRight(error: unknown, name: string, tunPath: string): unknown {
  if (!(error instanceof SystemError)) return error;
  const { errno, syscall } = error;
  const own = 'or --tun PATH names a device node of your own';
  const say = (what: string, why: string): CommandError =>
    new CommandError(`vtep: ${what}: ${errnoText(errno)}: ${why} (docs/rootless.md)`, 2);
  if (syscall === 'open' && [ENOENT, ENODEV, ENXIO].includes(errno))
    return say(tunPath, `there is no TUN/TAP driver here: modprobe tun, in a container --device ${tunPath}, ${own}`);
  if (syscall === 'open' && [EACCES, EPERM].includes(errno))
    return say(tunPath, `this user may not open it: chmod 666 ${tunPath} as root, ${own}, on no nodev mount`);
  if (syscall === 'TUNSETIFF' && errno === EPERM)
    return say(
      name,
      'making a TAP needs CAP_NET_ADMIN in this network namespace: run as root, or in a user namespace (unshare -rn)',
    );
  return error;
}

/** Whether somebody has a TAP of several queues, of which the kernel does not say that it is busy: several can have it. */
export function isHeld({ tun }: LinkDetails): boolean {
  return tun?.queues !== undefined && tun.queues.enabled + tun.queues.disabled > 0;
}

/** The places of `workers` at a TAP. Where it has one queue the first of them reads it, and all write to it. */
export function placesAt({ queues }: Tap, workers: number): TapQueue[] {
  const [{ writeFd } = { writeFd: -1 }] = queues;
  return Array.from({ length: workers }, (_, worker) => queues[worker] ?? { readFd: -1, writeFd });
}

/** Mark of a receiver's TAP, which says what it is; none of them is ever taken over. */
export function mirrorMark(receiver: string, vni: number): string {
  return `${MARK}: VNI ${vni} of ${receiver}`;
}

/** What a TAP of mirrored traffic is given: frames as they were on a wire, unless it says `tap-offload on`. */
export function mirrorOffloads(bits: number, { tapOffload }: Pick<VxlanOptions, 'tapOffload'>): number {
  return tapOffload === true ? bits : NO_COALESCING;
}

/** What a TAP takes unfinished or unsegmented, as the coalescer wants to know it. */
export function offloadBits(offloads: { tcp: boolean; udp: boolean }): number {
  const tcp = offloads.tcp ? OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 : 0;
  return tcp | (offloads.udp ? OFFLOAD_USO4 | OFFLOAD_USO6 : 0);
}
