import { checkBytes } from './check-options.js';
import { VtepError } from './errors.js';
import type { ProcessPort } from './process-port.js';
import type { DropReason } from './reasons.js';
import type { Device } from './types.js';

/** What a device asks of its endpoint. */
export interface DeviceOwner {
  /** Frames wait in the device's port. */
  ready(index: number): void;
  /** Counts frames that a function has dropped, or that found no room (no reason). */
  dropped(index: number, reason: DropReason | undefined, frames: number): void;
  remove(index: number): Promise<void>;
  nameOf(index: number): string;
}

export class ProcessDevice implements Device {
  private readonly owner: DeviceOwner;
  private readonly index: number;
  private readonly port: ProcessPort;
  private lastName: string;
  private isClosed = false;

  constructor(owner: DeviceOwner, index: number, name: string, port: ProcessPort) {
    this.owner = owner;
    this.index = index;
    this.port = port;
    this.lastName = name;
  }

  get name(): string {
    if (!this.isClosed && this.port.owner !== undefined) this.lastName = this.owner.nameOf(this.index);
    return this.lastName;
  }

  send(frame: Uint8Array): boolean {
    this.check();
    checkBytes('a frame', frame);
    const isTaken = this.port.push(frame);
    if (isTaken) this.owner.ready(this.index);
    else this.owner.dropped(this.index, undefined, 1);
    return isTaken;
  }

  sendAll(frames: Iterable<Uint8Array>): number {
    let taken = 0;
    for (const frame of frames) if (this.send(frame)) taken++;
    return taken;
  }

  drop(reason: DropReason, frames = 1): void {
    this.check();
    if (reason === undefined) throw new VtepError('invalid', 'frames are dropped under a reason');
    if (!Number.isInteger(frames) || frames < 0) throw new VtepError('invalid', `${frames} frames cannot be dropped`);
    this.owner.dropped(this.index, reason, frames);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.end();
    await this.owner.remove(this.index);
  }

  /** It has gone. */
  end(): void {
    this.lastName = this.name;
    this.isClosed = true;
    this.port.owner = undefined;
  }

  private check(): void {
    if (this.isClosed || this.port.owner === undefined)
      throw new VtepError('closed', `device "${this.lastName}" is closed`);
  }
}
