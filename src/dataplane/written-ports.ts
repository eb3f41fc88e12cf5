import { MAX_DEVICES } from '../memory/counters.js';

/** The ports that something has been written to since `reset`, each once. */
export class WrittenPorts {
  count = 0;
  private readonly devices = new Int32Array(MAX_DEVICES);
  private readonly marked = new Uint8Array(MAX_DEVICES);

  mark(device: number): void {
    if (this.marked[device] !== 0) return;
    this.marked[device] = 1;
    this.devices[this.count++] = device;
  }

  device(n: number): number {
    return this.devices[n];
  }

  reset(): void {
    for (let n = 0; n < this.count; n++) this.marked[this.devices[n]] = 0;
    this.count = 0;
  }
}
