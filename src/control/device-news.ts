import type { LinkEvent } from '../io/rtnetlink/follower.js';
import type { Link } from '../io/rtnetlink/link.js';
import { tapName } from '../io/tap/open-tap.js';
import { EBADFD, errnoText } from '../native/errno.js';
import { type Device, type DeviceRegistry, ELSEWHERE, isHere, type LinkSource } from './device-registry.js';
import type { HostPorts } from './host-ports.js';
import type { LowerFollower } from './lower-follower.js';
import type { MtuFollower } from './mtu-follower.js';
import type { NeighbourTable } from './neighbour-table.js';

/** Who must know of what the kernel tells, and what is done about it. */
export interface NewsSurroundings {
  readonly links: LinkSource;
  readonly registry: DeviceRegistry;
  readonly neighbours: NeighbourTable;
  readonly hostPorts: HostPorts;
  readonly mtus: MtuFollower;
  readonly lowers: LowerFollower;
  /** Whether a link was vtep's, and is nobody's now. */
  canReclaim(link: Link): boolean;
  /** Does `work` when its turn has come. */
  later(work: () => Promise<void>): void;
  /** A device may be another in the kernel now. */
  reread(device: Device): Promise<void>;
  /** What a device stands on may have another MTU now. */
  followMtu(device: Device): void;
  /** What is told of a device has changed. */
  changed(device: Device): void;
  /** A device is no more. */
  vanish(device: Device, why: string): void;
  log(line: string): void;
}

/** Changes of routes that come within so many milliseconds are looked at together: a routing daemon makes thousands. */
const TOGETHER_MS = 100;

/** What the kernel and the workers tell of devices, brought to whom it concerns. */
export class DeviceNews {
  private readonly around: NewsSurroundings;
  private routesTimer: NodeJS.Timeout | undefined;

  constructor(around: NewsSurroundings) {
    this.around = around;
  }

  heard(event: LinkEvent): void {
    const { registry, neighbours, hostPorts, lowers } = this.around;
    lowers.heard(event);
    if (event.type === 'neighbours') {
      if (event.nsid === undefined) neighbours.changed(event.ifindex);
      return;
    }
    if (event.type === 'routes') {
      if (event.nsid === undefined) this.routesChanged();
      return;
    }
    if (event.type === 'lost') {
      this.routesChanged();
      neighbours.devicesChanged();
      hostPorts.reread();
      for (const device of registry.list()) this.around.later(() => this.around.reread(device));
      return;
    }
    if (event.type === 'link' && event.nsid === undefined) this.lowerChanged(event.link);
    const device = registry.byLink(event.link, event.nsid);
    if (!device && event.nsid === undefined) hostPorts.heard(event.link, event.type !== 'link');
    if (!device) return;
    switch (event.type) {
      case 'link':
        this.around.later(() => this.around.reread(device));
        break;
      case 'moved':
        this.moved(device, event.to);
        break;
      case 'gone':
        this.around.vanish(device, 'it was deleted');
        break;
    }
  }

  /** A worker could not use a device's descriptor any more. */
  portGone(index: number, errno: number): void {
    const device = this.around.registry.get(index);
    if (device) this.around.vanish(device, errno === EBADFD ? 'it was deleted' : errnoText(errno));
  }

  /** A link that vxlan devices stand on may have another MTU now. */
  private lowerChanged({ index }: Link): void {
    for (const device of this.around.registry.list()) {
      if (this.around.mtus.concerns(device, index)) this.around.later(async () => this.around.followMtu(device));
    }
  }

  private routesChanged(): void {
    this.routesTimer ??= setTimeout(() => {
      this.routesTimer = undefined;
      for (const device of this.around.registry.list()) {
        if (this.around.mtus.goesByRoute(device)) this.around.later(async () => this.around.followMtu(device));
      }
    }, TOGETHER_MS).unref();
  }

  /** An id that another namespace gave says nothing here: then the descriptor's name tells whether it came back. */
  private moved(device: Device, to: { nsid: number; index: number }): void {
    const wasHere = isHere(device);
    device.nsid = wasHere ? to.nsid : ELSEWHERE;
    device.ifindex = to.index;
    const name = wasHere ? undefined : tapName(device.fd);
    const link = name === undefined ? undefined : this.around.links.link(name);
    if (link && this.around.canReclaim(link)) {
      device.nsid = undefined;
      device.ifindex = link.index;
    }
    const where = isHere(device) ? 'came back to this' : 'moved to another';
    this.around.log(`${device.name} ${where} network namespace; it goes on working`);
    this.around.changed(device);
    this.around.later(() => this.around.reread(device));
  }
}
