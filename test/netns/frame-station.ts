/** tools/frame-station of a host: frames in and out of its devices, by one process. */
import type { Background } from './process.js';
import type { Host } from './topology.js';

const DEADLINE_MS = 15_000;

interface Waiter {
  readonly wants: (line: string) => boolean;
  readonly resolve: () => void;
}

export class FrameStation {
  private readonly process: Background;
  private readonly frames = new Map<string, string[]>();
  private waiters: Waiter[] = [];
  private pending = '';

  constructor(host: Host) {
    this.process = host.start(host.tool('frame-station'));
    this.process.child.stdout?.on('data', (text: string) => this.heard(text));
  }

  /** Sends frames in hex out of a device, in this order. */
  inject(device: string, frames: readonly string[]): void {
    this.process.child.stdin?.write(`inject ${device} ${frames.join(',')}\n`);
  }

  /** Captures what comes in at a device from now on. */
  async open(device: string): Promise<void> {
    this.frames.set(device, []);
    await this.ask(`open ${device}`, `opened ${device}`);
  }

  /** Until a frame of the capture that ends so has come in. */
  async seen(device: string, tail: string): Promise<void> {
    if (this.frames.get(device)?.some((frame) => frame.endsWith(tail))) return;
    await this.waitFor((line) => line.startsWith(`${device} `) && line.endsWith(tail), `a frame …${tail} at ${device}`);
  }

  /** Ends a capture: what came in, in hex. */
  async close(device: string): Promise<readonly string[]> {
    await this.ask(`close ${device}`, `closed ${device}`);
    const frames = this.frames.get(device) ?? [];
    this.frames.delete(device);
    return frames;
  }

  private async ask(line: string, answer: string): Promise<void> {
    const answered = this.waitFor((each) => each === answer, answer);
    this.process.child.stdin?.write(`${line}\n`);
    await answered;
  }

  private async waitFor(wants: (line: string) => boolean, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`did not see ${what}: ${this.process.stderr}`)), DEADLINE_MS);
    });
    const ended = this.process.exited.then(({ stderr }) => {
      throw new Error(`ended before it saw ${what}: ${stderr}`);
    });
    const come = new Promise<void>((resolve) => {
      this.waiters.push({ wants, resolve });
    });
    try {
      await Promise.race([come, late, ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  private heard(text: string): void {
    const lines = (this.pending + text).split('\n');
    this.pending = lines.pop() ?? '';
    for (const line of lines) {
      const blank = line.indexOf(' ');
      this.frames.get(line.slice(0, blank))?.push(line.slice(blank + 1));
      const met = this.waiters.filter(({ wants }) => wants(line));
      this.waiters = this.waiters.filter((waiter) => !met.includes(waiter));
      for (const { resolve } of met) resolve();
    }
  }
}
