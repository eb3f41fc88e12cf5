/** A service manager's part in end-to-end tests: what the daemon tells it, and how long it may be silent. */
import type { Background } from './process.js';
import { type Host, VTEP } from './topology.js';

export interface Notice {
  /** Milliseconds since the listener began. */
  readonly at: number;
  readonly pid: number;
  /** Lines of NAME=VALUE. */
  readonly text: string;
}

export class Manager {
  /** $NOTIFY_SOCKET. */
  readonly path: string;
  private readonly listener: Background;

  private constructor(path: string, listener: Background) {
    this.path = path;
    this.listener = listener;
  }

  static async start(host: Host, path = `${host.notes}/notify.sock`): Promise<Manager> {
    const listener = host.start(host.tool('notify-listener', path));
    await listener.waitFor(/^listening/);
    return new Manager(path, listener);
  }

  /** Everything that it was told, the oldest first. */
  get notices(): Notice[] {
    const lines = this.listener.stdout.split('\n').slice(1, -1);
    return lines.map((line) => JSON.parse(line) as Notice);
  }

  /** The values of a name, in the order in which they came. */
  values(name: string): string[] {
    const all = this.notices.flatMap(({ text }) => text.split('\n'));
    return all.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
  }

  /** Resolves when a datagram with such a text has come, for the `count`th time. */
  async told(pattern: RegExp, count = 1, deadlineMs = 15_000): Promise<void> {
    const end = Date.now() + deadlineMs;
    while (this.notices.filter(({ text }) => pattern.test(text)).length < count) {
      if (Date.now() > end) throw new Error(`not told ${pattern}: ${JSON.stringify(this.notices)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** `vtep run` with these words, as the manager's service. */
  run(host: Host, words: readonly string[], env: NodeJS.ProcessEnv = {}): Background {
    return host.start([VTEP, 'run', ...words], { env: { NOTIFY_SOCKET: this.path, ...env } });
  }
}
