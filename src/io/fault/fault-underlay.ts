/** An underlay that fails on request, around any other. For tests; allocates freely. */
import type { ReceivedDatagrams } from '../../memory/received.js';
import type { DatagramVector } from '../../memory/vectors.js';
import type { Underlay } from '../device.js';
import { withhold } from './withhold.js';

export interface UnderlayFaults {
  /** Errno (positive) of the receive call with that number, counted from 0; 0: let it through. */
  readonly receive?: (call: number) => number;
  /** Errno of an entry of the send call with that number; what fails is not sent. */
  readonly send?: (call: number, entry: number) => number;
}

export class FaultUnderlay implements Underlay {
  readonly receiveFds: readonly number[];
  private readonly inner: Underlay;
  private readonly faults: UnderlayFaults;
  private receives = 0;
  private sends = 0;

  constructor(inner: Underlay, faults: UnderlayFaults) {
    this.inner = inner;
    this.faults = faults;
    this.receiveFds = inner.receiveFds;
  }

  receive(which: number, batch: ReceivedDatagrams): number {
    const errno = this.faults.receive?.(this.receives++) ?? 0;
    if (errno === 0) return this.inner.receive(which, batch);
    batch.count = 0;
    batch.overflow = 0;
    return -errno;
  }

  takeOverflow(): number {
    return this.inner.takeOverflow();
  }

  sourcePort(family: number, hash: number): number {
    return this.inner.sourcePort?.(family, hash) ?? 0;
  }

  send(vector: DatagramVector, tunnels: Int32Array): number {
    const call = this.sends++;
    const { iovecStart, iovecCount, bytes, segmentSize, segments, destination, hash, packet } = vector;
    const columns = [iovecStart, iovecCount, bytes, segmentSize, segments, destination, hash, packet];
    const errnoOf = (entry: number): number => this.faults.send?.(call, entry) ?? 0;
    let calls = 0;
    withhold(vector, columns, errnoOf, () => {
      calls = this.inner.send(vector, tunnels);
    });
    return calls;
  }
}
