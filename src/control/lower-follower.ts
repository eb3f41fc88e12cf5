/** Vxlan devices and the interface that they stand on (`dev`): as it goes, comes again, and is called otherwise. */
import type { LinkEvent } from '../io/rtnetlink/follower.js';
import type { VxlanOptions } from '../iproute/commands.js';
import type { Device, LinkSource } from './device-registry.js';

/** What a follower may do to devices. What throws is told in the log. */
export interface LowerSurroundings {
  readonly links: LinkSource;
  devices(): readonly Device[];
  /** The interface that a device's `dev` was when it was last looked for; 0: none. */
  lowerIndex(device: Device): number;
  /** Does `work` when its turn has come. */
  later(work: () => Promise<void>): void;
  /** Leaves the groups that a device receives there. */
  leave(device: Device): void;
  /** `dev` is there anew: frames are to leave, and groups to be received, there. */
  stand(device: Device): void;
  /** Gives a device other options. */
  configure(device: Device, options: VxlanOptions): Promise<void>;
  log(line: string): void;
}

/**
 * The kernel deletes a vxlan device with its lower one. Here it stays, with the rules that name it, and goes on over
 * the interface that has the name next: whoever wrote the name means the interface that is made again by it (a
 * restarted container, a reloaded driver). What becomes of it is said.
 */
export class LowerFollower {
  private readonly around: LowerSurroundings;
  /** Devices, by index, whose lower one has gone. */
  private readonly bereft = new Set<number>();

  constructor(around: LowerSurroundings) {
    this.around = around;
  }

  heard(event: LinkEvent): void {
    if (event.type === 'lost') {
      this.forEach(undefined, (device) => this.reread(device));
      return;
    }
    if (event.type === 'neighbours' || event.type === 'routes' || event.nsid !== undefined) return;
    const { index, name } = event.link;
    // Each device leaves its groups before the first one joins them again: they count their members together.
    this.forEach(index, (device) => (event.type === 'link' ? this.renamed(device) : this.gone(device)));
    if (event.type === 'link') {
      this.forEach(undefined, (device) => (device.vxlan?.dev === name ? this.there(device) : undefined));
    }
  }

  /** A device is no more. */
  end({ index }: Device): void {
    this.bereft.delete(index);
  }

  /** Does something in turn with the devices that stand on an interface; undefined: with all that stand on one. */
  private forEach(lower: number | undefined, work: (device: Device) => Promise<void> | undefined): void {
    const { around } = this;
    for (const device of around.devices()) {
      if (device.vxlan?.dev === undefined || (lower !== undefined && around.lowerIndex(device) !== lower)) continue;
      around.later(async () => {
        if (!device.isGone && around.devices().includes(device)) await work(device);
      });
    }
  }

  private async reread(device: Device): Promise<void> {
    if (this.around.links.link(this.around.lowerIndex(device))) await this.renamed(device);
    else await this.gone(device);
    await this.there(device);
  }

  private async gone(device: Device): Promise<void> {
    const { bereft, around } = this;
    if (bereft.has(device.index)) return;
    bereft.add(device.index);
    around.leave(device);
    around.log(`${device.name}: ${device.vxlan?.dev} is gone; it goes on when an interface of that name is there`);
  }

  private async renamed(device: Device): Promise<void> {
    const { bereft, around } = this;
    const { vxlan } = device;
    const link = around.links.link(around.lowerIndex(device));
    if (!vxlan || !link || link.name === vxlan.dev || bereft.has(device.index)) return;
    await around.configure(device, { ...vxlan, dev: link.name });
    around.log(`${device.name}: ${vxlan.dev} is called ${link.name} now`);
  }

  private async there(device: Device): Promise<void> {
    const { bereft, around } = this;
    const { dev } = device.vxlan ?? {};
    const link = dev === undefined ? undefined : around.links.link(dev);
    if (!link || (link.index === around.lowerIndex(device) && !bereft.has(device.index))) return;
    bereft.delete(device.index);
    around.stand(device);
    around.log(`${device.name}: ${dev} is there again, and it goes on`);
  }
}
