import type { Background } from '../process.js';
import type { Host } from '../topology.js';

/** Frames that come in at a device from now on. */
export class Capture {
  private readonly process: Background;

  private constructor(process: Background) {
    this.process = process;
  }

  static async start(host: Host, device: string): Promise<Capture> {
    const process = host.start(host.tool('raw-frames', 'capture', device));
    await process.waitFor(/capturing/);
    return new Capture(process);
  }

  /** Until a frame that ends so has been seen. */
  async seen(tail: string): Promise<void> {
    await this.process.waitFor(new RegExp(`${tail}\\n`), 15_000);
  }

  /** What came in, in hex, markers left out. */
  async stop(): Promise<string[]> {
    await this.process.stop('SIGTERM');
    return this.process.stdout
      .split('\n')
      .slice(0, -1)
      .filter((line) => !line.slice(-120).includes('88b500000000'));
  }
}
