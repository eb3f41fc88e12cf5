import type { VxlanOptions } from '../iproute/commands.js';
import type { Device } from './device-registry.js';
import { type UnderlayMtu, type UnderlaySource, underlayMtu } from './vxlan-mtu.js';

/** What a follower may do to devices. */
export interface MtuSetter {
  /** The MTU that the kernel says a device has now; undefined where it is not there. */
  mtu(device: Device): number | undefined;
  /** Gives false, and says so itself, where this process may not. */
  setMtu(device: Device, mtu: number): boolean;
  /** Has changes of routes told from now on. */
  followRoutes(): void;
  log(line: string): void;
}

/**
 * Keeps the MTU of vxlan devices at what their underlay leaves, as it changes. A device that was given an MTU of its
 * own keeps it, unless it no longer fits. Every change is said, with the number.
 */
export class MtuFollower {
  private readonly source: UnderlaySource;
  private readonly setter: MtuSetter;
  /** By the index of the device. */
  private readonly followed = new Map<number, UnderlayMtu>();
  private followsRoutes = false;
  /** Indices of devices whose remote is behind themselves, as was said. */
  private readonly circular = new Set<number>();

  constructor(source: UnderlaySource, setter: MtuSetter) {
    this.source = source;
    this.setter = setter;
  }

  /** A device is new: `underlay` is what its MTU was made from. */
  begin(device: Device, underlay: UnderlayMtu | undefined, wanted: number | undefined, mtu: number | undefined): void {
    if (!underlay) {
      this.followed.delete(device.index);
      return;
    }
    this.followed.set(device.index, underlay);
    if (!underlay.isLimit && !this.followsRoutes) {
      this.followsRoutes = true;
      this.setter.followRoutes();
    }
    const { lower, lowerMtu } = underlay;
    if (mtu === undefined || mtu === wanted) return;
    const asked = wanted === undefined ? '' : ` instead of ${wanted}`;
    this.setter.log(`${device.name}: MTU ${mtu}${asked}, which is what ${lower} (${lowerMtu}) leaves`);
  }

  end(device: Device): void {
    this.followed.delete(device.index);
    this.circular.delete(device.index);
  }

  /** Something about a link has changed: whether a device stands on it. */
  concerns(device: Device, lowerIndex: number): boolean {
    return this.followed.get(device.index)?.lowerIndex === lowerIndex;
  }

  /** Routes have changed: whether a device goes by them. */
  goesByRoute(device: Device): boolean {
    return this.followed.get(device.index)?.isLimit === false;
  }

  /** Looks at a device's underlay again. */
  follow(device: Device, options: VxlanOptions): void {
    const before = this.followed.get(device.index);
    const now = this.look(options);
    // A lower device that is gone, or down so that there is no route, says nothing: it may come back.
    if (!now || this.isOwn(device, now)) return;
    this.followed.set(device.index, now);
    if (now.mtu === before?.mtu) return;
    const current = this.setter.mtu(device);
    if (current === undefined) return;
    const follows = before !== undefined && current === before.mtu;
    if (follows ? current === now.mtu : !now.isLimit || current <= now.mtu) return;
    if (!this.setter.setMtu(device, now.mtu)) return;
    this.setter.log(
      `${device.name}: MTU ${now.mtu} instead of ${current}, since ${now.lower} ${now.lower === before?.lower ? 'has' : 'leads there, with'} ${now.lowerMtu} now`,
    );
  }

  /** Whether what a device stands on is the device itself, which would leave itself less and less. */
  private isOwn(device: Device, { lowerIndex }: UnderlayMtu): boolean {
    const isOwn = lowerIndex === device.ifindex;
    if (isOwn && !this.circular.has(device.index)) {
      this.setter.log(
        `${device.name}: the way to its remote leads through ${device.name} itself: nothing is sent there`,
      );
    }
    if (isOwn) this.circular.add(device.index);
    else this.circular.delete(device.index);
    return isOwn;
  }

  private look(options: VxlanOptions): UnderlayMtu | undefined {
    const { dev } = options;
    if (dev !== undefined && !this.source.link(dev)) return undefined;
    return underlayMtu(this.source, options);
  }
}
