/** Single-rule updates of a running vtep over one connection to its control socket, each in force before the next. */
import { statSync } from 'node:fs';
import { Connection } from '../../src/control/client.js';
import type { Host } from './topology.js';

/** Updates begin with filters of this pref, well behind those of the topology. */
const FIRST_PREF = 1000;

/** The socket of the daemon in a host's namespace; root's, as the tests are. */
export function controlSocket(host: Host): string {
  return `/run/vtep/net-${statSync(`/run/netns/${host.namespace}`).ino}.sock`;
}

/** Words of a filter: VNIs that nobody sends, so that traffic passes over it. */
function filter(verb: 'add' | 'replace' | 'del', dev: string, n: number, vni: number): string[] {
  const place = `dev ${dev} parent ffff: protocol ip pref ${FIRST_PREF + n} handle 1 flower`;
  const keys = verb === 'del' ? '' : ` enc_key_id ${vni} action drop`;
  return `tc filter ${verb} ${place}${keys}`.split(' ');
}

export class Updates {
  private readonly connection: Connection;
  private readonly dev: string;
  private readonly spread: number;
  private done = 0;

  /** `spread`: filters that come, change and go in turn. */
  constructor(host: Host, dev: string, spread = 50) {
    this.connection = new Connection(controlSocket(host));
    this.dev = dev;
    this.spread = spread;
  }

  /** Carries out so many updates: each filter is added, replaced, deleted, and added again. Rejects where one fails. */
  async run(count: number): Promise<void> {
    for (let end = this.done + count; this.done < end; this.done++) {
      const round = Math.floor(this.done / this.spread);
      const verb = (['add', 'replace', 'del'] as const)[round % 3] ?? 'add';
      const vni = 1_000_000 + this.done;
      await this.ask(filter(verb, this.dev, this.done % this.spread, vni));
    }
  }

  /** One request; rejects where it fails. */
  async ask(argv: readonly string[]): Promise<void> {
    let said = '';
    const exit = await this.connection.ask({ argv }, { out: () => undefined, err: (text) => (said += text) });
    if (exit !== 0) throw new Error(`${argv.join(' ')}: exit ${exit}: ${said}`);
  }

  /** Lines of tc in one request, put in force together; rejects where one fails. */
  async batch(lines: readonly (readonly string[])[]): Promise<void> {
    let said = '';
    const request = { batch: { tool: 'tc' as const, options: [], lines, force: false } };
    const exit = await this.connection.ask(request, { out: () => undefined, err: (text) => (said += text) });
    if (exit !== 0) throw new Error(`a batch: exit ${exit}: ${said}`);
  }

  close(): void {
    this.connection.close();
  }
}
