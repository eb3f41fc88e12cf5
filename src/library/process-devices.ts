/** Devices of the process whose other side is a function of the program. */
import type { Device as ControlDevice } from '../control/device-registry.js';
import { asCommandError } from '../control/report.js';
import { REASON } from '../memory/reasons.js';
import { CheckedFrameBatch } from './checked-batch.js';
import { VtepError } from './errors.js';
import type { FrameReader } from './frame-reader.js';
import type { Parts } from './parts.js';
import { type DeviceOwner, ProcessDevice } from './process-device.js';
import { refusePromise } from './troubles.js';
import type { Device, DeviceHandlers } from './types.js';
import type { VectorBatch } from './vector-batch.js';

export interface DeviceSurroundings {
  readonly parts: Parts;
  readonly reader: FrameReader;
  /** Whether functions are kept to the rules (checked-batch.ts). */
  readonly checked: boolean;
  /** Counts frames under a reason of the program's; none: they found no room. */
  readonly dropped: DeviceOwner['dropped'];
  readonly failed: (error: unknown, source: string) => void;
}

export class ProcessDevices {
  private readonly around: DeviceSurroundings;
  private readonly made = new Map<number, ProcessDevice>();
  private hasEnded = false;

  constructor(around: DeviceSurroundings) {
    this.around = around;
  }

  /** Gives a device its functions; makes it where there is none of this name. Throws VtepError. */
  async open(name: string, handlers: DeviceHandlers): Promise<Device> {
    const { parts, reader } = this.around;
    const { devices, host } = parts;
    if (!devices.registry.find(name)) await this.make(name);
    const device = devices.registry.find(name);
    const port = device && host.port(device.madeAs);
    if (!device || !port)
      throw new VtepError('no-device', `"${name}" is a TAP of the host, not a device of the process`);
    if (port.owner) throw new VtepError('invalid', `device "${name}" has functions already`);
    const made = new ProcessDevice(this.ownerOf(device), device.index, name, port);
    this.made.set(device.index, made);
    const failed = (error: unknown): void => this.around.failed(error, `device "${made.name}"`);
    port.owner = { reader, transmit: (batch) => this.transmit(handlers, batch, made, failed), failed };
    return made;
  }

  /** No function is called any more. */
  end(): void {
    this.hasEnded = true;
    for (const device of this.made.values()) device.end();
    this.made.clear();
  }

  private async make(name: string): Promise<void> {
    const { host, interpreter } = this.around.parts;
    const link = { kind: 'link-add-tap', link: { name, up: true }, persist: false } as const;
    try {
      await host.within(name, () => interpreter.run(link, () => undefined));
    } catch (error) {
      throw new VtepError('invalid', asCommandError(error).message, { cause: error });
    }
  }

  private ownerOf(device: ControlDevice): DeviceOwner {
    const { own, interpreter, devices } = this.around.parts;
    const { registry } = devices;
    return {
      ready: (index) => own?.portReady(index),
      dropped: this.around.dropped,
      remove: async (index) => {
        this.made.delete(index);
        // A line may have removed it, and its index be another's.
        if (!this.hasEnded && registry.get(index) === device) await interpreter.vanished(index);
      },
      nameOf: (index) => registry.nameOf(index),
    };
  }

  private transmit(
    handlers: DeviceHandlers,
    batch: VectorBatch,
    device: Device,
    rejected: (error: unknown) => void,
  ): void {
    if (!handlers.transmit) {
      for (let i = 0; i < batch.count; i++) batch.refuse(i, REASON['process-unread']);
      return;
    }
    if (!this.around.checked) {
      refusePromise(handlers.transmit(batch, device), rejected);
      return;
    }
    const checked = new CheckedFrameBatch(batch);
    try {
      refusePromise(handlers.transmit(checked, device), rejected);
      checked.settle();
    } finally {
      checked.takeAway();
    }
  }
}
