/**
 * Links that only this process has, beside those of the kernel: answered here where they are ours, and by the kernel
 * (or, where there is to be no host, by nobody) where they are not.
 */
import { randomBytes } from 'node:crypto';
import type { LinkChanges, RouteAnswer, Rtnetlink } from '../io/rtnetlink/client.js';
import type { Link } from '../io/rtnetlink/link.js';
import type { LinkCounters, LinkDetails } from '../io/rtnetlink/link-details.js';
import type { Neighbour } from '../io/rtnetlink/neighbour.js';
import { EEXIST, EINVAL, ENODEV, EOPNOTSUPP, SystemError } from '../native/errno.js';
import { IFF_LOWER_UP, IFF_RUNNING, IFF_UP } from '../native/netlink-constants.js';

/** Beyond what a kernel counts up to in a lifetime: an index of ours is never one of the kernel's. */
const FIRST_INDEX = 0x40000000;
const BROADCAST = 0x2;
const MULTICAST = 0x1000;
const MIN_MTU = 68;
const MAX_MTU = 65_521;
const DEFAULT_MTU = 1500;
/** IF_OPER_UP and IF_OPER_DOWN of linux/if.h. */
const OPER_UP = 6;
const OPER_DOWN = 2;

interface OwnLink {
  readonly index: number;
  name: string;
  up: boolean;
  mtu: number;
  address: Uint8Array;
  alias: string;
  txQueueLength: number;
  changes: number;
}

/** What a link has counted, as the host would see it. */
export type LinkCounts = Pick<LinkCounters, 'rxPackets' | 'rxBytes' | 'txPackets' | 'txBytes' | 'txDropped'>;

export class ProcessLinks implements Rtnetlink {
  private readonly kernel: Rtnetlink | undefined;
  private readonly counts: (ifindex: number) => LinkCounts | undefined;
  private readonly own = new Map<number, OwnLink>();
  private next = FIRST_INDEX;

  /** `kernel`: undefined where there is to be no host. */
  constructor(kernel: Rtnetlink | undefined, counts: (ifindex: number) => LinkCounts | undefined) {
    this.kernel = kernel;
    this.counts = counts;
  }

  /** Makes a link, down. Throws a SystemError where the name is taken, or cannot be one. */
  add(name: string): number {
    const length = Buffer.byteLength(name);
    if (length === 0 || length > 15 || /[\s/]/.test(name)) throw new SystemError('RTNETLINK', EINVAL, `"${name}"`);
    if (this.link(name)) throw new SystemError('RTNETLINK', EEXIST, `"${name}"`);
    const index = this.next++;
    const address = Uint8Array.from(randomBytes(6));
    // Unicast, locally administered.
    address[0] = ((address[0] ?? 0) & 0xfc) | 2;
    const link = { index, name, up: false, mtu: DEFAULT_MTU, address, alias: '', txQueueLength: 1000, changes: 0 };
    this.own.set(index, link);
    return index;
  }

  /** Takes a link of ours away. */
  remove(index: number): void {
    this.own.delete(index);
  }

  /** The index of a link of ours. */
  ownIndex(name: string): number | undefined {
    for (const link of this.own.values()) if (link.name === name) return link.index;
    return undefined;
  }

  hasOwn(index: number): boolean {
    return this.own.has(index);
  }

  close(): void {
    this.kernel?.close();
  }

  links(nsid?: number): Link[] {
    const ours = nsid === undefined ? [...this.own.values()].map(linkOf) : [];
    return [...(this.kernel?.links(nsid) ?? []), ...ours];
  }

  link(which: number | string, nsid?: number): Link | undefined {
    const index = typeof which === 'number' ? which : this.ownIndex(which);
    const own = nsid === undefined && index !== undefined ? this.own.get(index) : undefined;
    if (own) return linkOf(own);
    return typeof which === 'number' && which >= FIRST_INDEX ? undefined : this.kernel?.link(which, nsid);
  }

  linkDetails(index: number): LinkDetails | undefined {
    const own = this.own.get(index);
    return own ? detailsOf(own, this.counts(index)) : this.kernel?.linkDetails(index);
  }

  neighbours(): Neighbour[] {
    return this.kernel?.neighbours() ?? [];
  }

  setLink(index: number, changes: LinkChanges): void {
    const own = this.own.get(index);
    if (!own) {
      if (!this.kernel) throw new SystemError('RTNETLINK', ENODEV, `link ${index}`);
      this.kernel.setLink(index, changes);
      return;
    }
    const { up = own.up, mtu = own.mtu, address = own.address, name = own.name } = changes;
    if (mtu < MIN_MTU || mtu > MAX_MTU || address.length !== 6 || ((address[0] ?? 0) & 1) !== 0)
      throw new SystemError('RTNETLINK', EINVAL, own.name);
    if (changes.master !== undefined || changes.netnsFd !== undefined)
      throw new SystemError('RTNETLINK', EOPNOTSUPP, own.name);
    if (name !== own.name && this.link(name)) throw new SystemError('RTNETLINK', EEXIST, name);
    if (up !== own.up) own.changes++;
    const { alias = own.alias, txQueueLength = own.txQueueLength } = changes;
    Object.assign(own, { up, mtu, address: Uint8Array.from(address), name, alias, txQueueLength });
  }

  deleteLink(index: number): void {
    if (!this.own.delete(index)) this.kernelOr(ENODEV, `link ${index}`).deleteLink(index);
  }

  route(destination: Uint8Array, device?: number): RouteAnswer {
    return this.kernelOr(EOPNOTSUPP, 'route').route(destination, device);
  }

  deviceOf(address: Uint8Array): number | undefined {
    return this.kernel?.deviceOf(address);
  }

  carryOut(...request: Parameters<Rtnetlink['carryOut']>): void {
    this.kernelOr(EOPNOTSUPP, request[4]).carryOut(...request);
  }

  private kernelOr(errno: number, about: string): Rtnetlink {
    if (!this.kernel) throw new SystemError('RTNETLINK', errno, about);
    return this.kernel;
  }
}

function linkOf({ index, name, up, mtu, address, alias }: OwnLink): Link {
  const flags = BROADCAST | MULTICAST | (up ? IFF_UP | IFF_RUNNING | IFF_LOWER_UP : 0);
  return { index, name, flags, up, lowerUp: up, mtu, address, alias, kind: 'process', lower: 0, master: 0 };
}

const NO_COUNTERS: LinkCounters = {
  ...{ rxPackets: 0, txPackets: 0, rxBytes: 0, txBytes: 0, rxErrors: 0, txErrors: 0, rxDropped: 0, txDropped: 0 },
  ...{ multicast: 0, collisions: 0, rxLengthErrors: 0, rxOverErrors: 0, rxCrcErrors: 0, rxFrameErrors: 0 },
  ...{ rxFifoErrors: 0, rxMissed: 0, txAbortedErrors: 0, txCarrierErrors: 0, txFifoErrors: 0, txHeartbeatErrors: 0 },
  ...{ txWindowErrors: 0, rxCompressed: 0, txCompressed: 0, rxNohandler: 0, rxOtherhost: 0 },
};

function detailsOf(own: OwnLink, counts: LinkCounts | undefined): LinkDetails {
  return {
    link: linkOf(own),
    broadcast: new Uint8Array(6).fill(0xff),
    qdisc: 'noqueue',
    txQueueLength: own.txQueueLength,
    operstate: own.up ? OPER_UP : OPER_DOWN,
    linkMode: 0,
    group: 0,
    promiscuity: 0,
    allmulti: 0,
    minMtu: MIN_MTU,
    maxMtu: MAX_MTU,
    numTxQueues: 1,
    numRxQueues: 1,
    gsoMaxSize: 65_536,
    gsoMaxSegs: 65_535,
    tsoMaxSize: 65_536,
    tsoMaxSegs: 65_535,
    groMaxSize: 65_536,
    carrierChanges: own.changes,
    altnames: [],
    counters: { ...NO_COUNTERS, ...counts },
    tun: { pi: false, vnetHdr: false, persist: false },
  };
}
