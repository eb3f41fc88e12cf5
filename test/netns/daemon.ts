/** A running vtep, and what its commands say. */
import { writeFileSync } from 'node:fs';
import { type Background, type Finished, run, type StartOptions } from './process.js';
import { type Host, type Topology, VTEP } from './topology.js';

export interface DropCount {
  readonly reason: string;
  readonly verdict: 'drop' | 'pass';
  readonly device: string;
  readonly count: number;
  readonly sentence: string;
}

export interface ActionCount {
  /** As tc prints it: `tunnel_key  unset pipe`, `mirred (Egress Redirect to device tap0) stolen`. */
  readonly text: string;
  readonly bytes: number;
  readonly packets: number;
}

/** VTEP_TEST_OPTIONS=--tunnel-gso, for instance, has every test run with other options of `vtep run`. */
export const TEST_OPTIONS = (process.env.VTEP_TEST_OPTIONS ?? '').split(' ').filter((word) => word !== '');

let batches = 0;

/** `vtep run -b` of these lines, started and not waited for. The file is removed with the topology. */
export function startVtep(
  host: Host,
  lines: readonly string[],
  more: readonly string[] = [],
  options?: StartOptions,
): Background {
  const file = `${host.notes}/test-${++batches}.batch`;
  writeFileSync(file, `${lines.join('\n')}\n`);
  return host.start([VTEP, 'run', '-b', file, ...more], options);
}

export class Daemon {
  readonly host: Host;
  readonly process: Background;

  private constructor(host: Host, process: Background) {
    this.host = host;
    this.process = process;
  }

  /**
   * Starts a vtep on host B of the topology (with its batch, unless another is given, and more options) and waits until
   * it is ready.
   */
  static async start(
    topology: Topology,
    lines: readonly string[] = topology.batch,
    more: readonly string[] = TEST_OPTIONS,
  ): Promise<Daemon> {
    return Daemon.of(topology.b, startVtep(topology.b, lines, more));
  }

  /** The daemon that a `vtep run` on this host is, once it is ready. */
  static async of(host: Host, process: Background): Promise<Daemon> {
    await process.waitFor(/^vtep: ready/m, 15_000);
    return new Daemon(host, process);
  }

  /** Runs `vtep …` (a line split at blanks) in the daemon's namespace. */
  attempt(line: string): Promise<Finished> {
    return run(this.host.argv([VTEP, ...line.trim().split(/\s+/)]));
  }

  /** As `attempt`, and rejects where it fails; gives standard output. */
  async do(line: string): Promise<string> {
    const finished = await this.attempt(line);
    if (finished.code !== 0)
      throw new Error(`vtep ${line}: exit ${finished.code}\n${finished.stderr}${finished.stdout}`);
    return finished.stdout;
  }

  /** `vtep drops --json`, the counts of one reason summed over the devices; absent reasons are 0. */
  async drops(): Promise<(reason: string) => number> {
    const rows = JSON.parse(await this.do('drops --json')) as DropCount[];
    return (reason) => rows.filter((row) => row.reason === reason).reduce((sum, row) => sum + row.count, 0);
  }

  /** The actions of every filter at a device's ingress, in the order in which tc prints them. */
  async actions(dev: string): Promise<ActionCount[]> {
    return parseActions(await this.do(`tc -s filter show dev ${dev} ingress`));
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    return this.process.stop(signal);
  }
}

/** Reads the `action order` blocks of `tc -s filter show`. */
export function parseActions(text: string): ActionCount[] {
  const actions: ActionCount[] = [];
  for (const block of text.split(/^\taction order \d+: /m).slice(1)) {
    const sent = /Sent (\d+) bytes (\d+) pkt/.exec(block);
    if (!sent) throw new Error(`an action without statistics: ${block}`);
    const [head = ''] = block.split(/\n\t ?index /, 1);
    const text = head.trimEnd();
    actions.push({ text, bytes: Number(sent[1]), packets: Number(sent[2]) });
  }
  return actions;
}
