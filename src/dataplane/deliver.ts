import type { CaptureTaps } from './capture-taps.js';
import type { PortWriter } from './port-writer.js';
import { type OutputQueues, TO_PORT } from './queues.js';
import type { Transmitter } from './transmit.js';

/** Empties the output queues of a batch, in the order in which they were begun: to the host or into the tunnel. */
export class Deliverer {
  private readonly queues: OutputQueues;
  private readonly portWriter: PortWriter;
  private readonly transmitter: Transmitter;
  /** Who sees what leaves; null: nobody. */
  private captures: CaptureTaps | null = null;

  constructor(queues: OutputQueues, portWriter: PortWriter, transmitter: Transmitter) {
    this.queues = queues;
    this.portWriter = portWriter;
    this.transmitter = transmitter;
  }

  setCaptures(captures: CaptureTaps | null): void {
    this.captures = captures;
    this.transmitter.captures = captures;
  }

  /** Writes everything queued, counts what could not be written, and leaves the queues empty. */
  flush(): void {
    const { queues, portWriter, transmitter } = this;
    if (this.captures !== null) this.captures.leaving(queues);
    for (let n = 0; n < queues.count; n++) {
      queues.written = n;
      if (queues.way(n) === TO_PORT) portWriter.write(queues.device(n), queues.first(n));
      else transmitter.send(queues.device(n), queues.first(n));
    }
    queues.reset();
  }
}
