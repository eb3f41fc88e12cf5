/** A frame port that fails on request, around any other. For tests; allocates freely. */
import type { Packets } from '../../memory/packets.js';
import type { Slots } from '../../memory/received.js';
import type { FrameVector } from '../../memory/vectors.js';
import type { FramePort } from '../device.js';
import { withhold } from './withhold.js';

export interface PortFaults {
  /** Errno (positive) of the read call with that number, counted from 0; 0: let it through. */
  readonly read?: (call: number) => number;
  /** Errno of an entry of the write call with that number; what fails is not written. */
  readonly write?: (call: number, entry: number) => number;
}

export class FaultPort implements FramePort {
  readonly fd: number;
  private readonly inner: FramePort;
  private readonly faults: PortFaults;
  private reads = 0;
  private writes = 0;

  constructor(inner: FramePort, faults: PortFaults) {
    this.inner = inner;
    this.faults = faults;
    this.fd = inner.fd;
  }

  get short(): number {
    return this.inner.short;
  }

  get malformed(): number {
    return this.inner.malformed;
  }

  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number {
    const errno = this.faults.read?.(this.reads++) ?? 0;
    return errno === 0 ? this.inner.read(packets, slots, firstSlot, limit) : -errno;
  }

  write(vector: FrameVector): void {
    const call = this.writes++;
    const { iovecStart, iovecCount, bytes, segments } = vector;
    const errnoOf = (entry: number): number => this.faults.write?.(call, entry) ?? 0;
    withhold(vector, [iovecStart, iovecCount, bytes, segments], errnoOf, () => this.inner.write(vector));
  }
}
