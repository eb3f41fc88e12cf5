import type { DeviceTable } from '../devices/device-table.js';
import type { Link } from '../io/rtnetlink/link.js';
import { EPERM, SystemError } from '../native/errno.js';
import { type Device, type DeviceRegistry, isHere } from './device-registry.js';
import type { Forwarding } from './forwarding.js';
import type { Turns } from './turns.js';

/** What a device that comes up or goes down takes along. */
export interface UpDownSurroundings {
  readonly registry: DeviceRegistry;
  readonly forwarding: Forwarding;
  readonly turns: Turns;
  /** What workers know of devices. */
  readonly table: DeviceTable;
  /** Sets a link of the host up or down. */
  setLink(ifindex: number, up: boolean): void;
  log(line: string): void;
}

/** Devices as they come up and go down, with the sockets and learned entries of vxlan devices. */
export class UpAndDown {
  private readonly around: UpDownSurroundings;

  constructor(around: UpDownSurroundings) {
    this.around = around;
  }

  /**
   * Opens the sockets of a device that is about to be set up; throws CommandError where a port is taken.
   * `Devices.refresh` must follow, whatever became of it.
   */
  prepareUp(index: number): Promise<void> {
    return this.around.turns.take(async () => {
      const device = this.around.registry.get(index);
      if (!device) return;
      await device.sockets?.open(device.index);
      device.isRising = true;
    });
  }

  /** Closes the sockets of a device that is about to go; `Devices.refresh` opens them again. */
  pause(index: number): Promise<void> {
    return this.around.turns.take(async () => {
      await this.around.registry.get(index)?.sockets?.close();
    });
  }

  /** Sets a device up; to be called in turn. Throws CommandError where a port is taken. */
  async setUp(device: Device): Promise<void> {
    await device.sockets?.open(device.index);
    this.around.setLink(device.ifindex, true);
  }

  /** So that the host sees it; behind `--user` that may be refused, and the device carries nothing all the same. */
  private setDown(device: Device): void {
    try {
      this.around.setLink(device.ifindex, false);
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === EPERM)) throw error;
      this.around.table.setUp(device.index, false);
      this.around.log(`${device.name} is up on the host, where only CAP_NET_ADMIN can set it down`);
    }
  }

  /** What the kernel says of a device, taken over; to be called in turn. */
  async sync(device: Device, link: Link): Promise<void> {
    const { table, forwarding } = this.around;
    device.name = link.name;
    table.setMtu(device.index, link.mtu);
    table.setMac(device.index, link.address);
    if (link.up) {
      try {
        await device.sockets?.open(device.index);
      } catch (error) {
        // Set up with the system's own `ip`, which had its answer already: take it back, and say why.
        const why = error instanceof Error ? error.message : String(error);
        this.around.log(`${device.name} stays down: ${why}`);
        if (isHere(device)) this.setDown(device);
        return;
      }
      table.setUp(device.index, true);
      if (device.vxlan) forwarding.open(device);
    } else {
      table.setUp(device.index, false);
      if (device.isRising || !device.sockets?.isOpen) return;
      forwarding.shut(device);
      await device.sockets.close();
    }
  }
}
