/**
 * The two hosts of netns-scripts/two-hosts.sh (drawn there) as objects, with names of this process's own and removal
 * that does not depend on a test's good end: a teardown per test, handlers for the process's exit and signals, and a
 * sweep of what processes that are dead have left behind.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Background, type Finished, run, type StartOptions, succeed } from './process.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const VTEP = `${root}bin/vtep`;
const SCRIPT = `${root}netns-scripts/two-hosts.sh`;

/** What the script gives its hosts. */
export const MAC_A = '24:25:d0:e1:00:00';
export const MAC_B = '02:25:d0:13:01:02';
export const INNER = { 4: { a: '10.4.0.1', b: '10.4.0.2' }, 6: { a: 'fd04::1', b: 'fd04::2' } } as const;

export interface TopologyOptions {
  /** super: plain veth; wire: packets of wire size with real checksums. Default super. */
  readonly mode?: 'super' | 'wire';
  readonly underlay?: 4 | 6;
  readonly inner?: '4' | '6' | '46';
  /** static (default): permanent neighbour entries, nothing but what the test sends is on the wire. */
  readonly neighbours?: 'static' | 'arp';
  /** none (default): the test starts a vtep of its own. */
  readonly endpoint?: 'none' | 'kernel';
}

/** A network namespace. */
export class Host {
  readonly namespace: string;
  /** The folder of two-hosts.sh for this topology's files. */
  readonly notes: string;
  readonly #started: Background[] = [];

  constructor(namespace: string) {
    this.namespace = namespace;
    this.notes = `/run/${namespace.slice(0, -2)}.two-hosts`; // without the hyphen and the letter
  }

  argv(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.namespace, ...argv];
  }

  /** Runs a command in the namespace, words or a line that is split at blanks; rejects where it fails. */
  do(command: string | readonly string[], input = ''): Promise<string> {
    const words = typeof command === 'string' ? command.trim().split(/\s+/) : command;
    return succeed(this.argv(words), { input });
  }

  /** As `do`, for commands that may fail. */
  attempt(line: string): Promise<Finished> {
    return run(this.argv(line.trim().split(/\s+/)));
  }

  /** Starts a process that is ended with the topology at the latest. */
  start(argv: readonly string[], options?: StartOptions): Background {
    const process = new Background(this.argv(argv), options);
    this.#started.push(process);
    return process;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#started.map((process) => process.stop('SIGTERM', 3_000)));
  }

  /** A program of test/netns/tools. */
  tool(name: string, ...args: string[]): string[] {
    return [process.execPath, fileURLToPath(new URL(`./tools/${name}.js`, import.meta.url)), ...args];
  }

  /** `ethtool -K dev …`, for instance `offloads('vb', 'tx off gro on')`; one call each, as ethtool orders them itself. */
  async offloads(dev: string, settings: string): Promise<void> {
    const words = settings.trim().split(/\s+/);
    for (let i = 0; i + 1 < words.length; i += 2) await this.do(`ethtool -K ${dev} ${words[i]} ${words[i + 1]}`);
  }
}

/** This process's start in clock ticks (proc(5), /proc/PID/stat, field 22): with the id it names one process for good. */
function startTime(): string {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}

/** Prefixes of what stands. */
const standing = new Set<string>();
let count = 0;

/** `two-hosts.sh down` has a way without promises, for exit handlers. */
function removeNow(): void {
  for (const prefix of standing) spawnSync('bash', [SCRIPT, 'down', '--prefix', prefix], { stdio: 'ignore' });
  standing.clear();
}

function prepare(): void {
  process.once('exit', removeNow);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      removeNow();
      process.kill(process.pid, signal); // the handler is gone: this time it ends the process
    });
  }
  spawnSync('bash', [SCRIPT, 'sweep'], { stdio: 'inherit' });
}

export class Topology {
  readonly prefix: string;
  /** The peer: a kernel VXLAN device, vxlan4. */
  readonly a: Host;
  /** The host under test. */
  readonly b: Host;
  readonly outer: { readonly a: string; readonly b: string };
  /** Inner MTU. */
  readonly mtu: number;
  /** The inner device of host B: tap0 for vtep, vxlan4 for the kernel. */
  readonly dev: string;
  /** The configuration of a vtep on host B, a line each. */
  readonly batch: readonly string[];
  readonly #hosts: Host[];

  private constructor(values: ReadonlyMap<string, string>) {
    const value = (name: string): string => {
      const found = values.get(name);
      if (found === undefined) throw new Error(`two-hosts.sh said nothing of ${name}`);
      return found;
    };
    this.prefix = value('PREFIX');
    this.a = new Host(value('HOST_A'));
    this.b = new Host(value('HOST_B'));
    this.outer = { a: value('OUTER_A'), b: value('OUTER_B') };
    this.mtu = Number(value('MTU'));
    this.dev = value('DEV_B');
    this.batch = readFileSync(value('BATCH_B'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    this.#hosts = [this.a, this.b];
  }

  static async up(options: TopologyOptions = {}): Promise<Topology> {
    if (count === 0) prepare();
    const prefix = `vtep-${process.pid}-${startTime()}-${++count}`;
    standing.add(prefix);
    const printed = await succeed([
      ...['bash', SCRIPT, 'up', '--env', '--prefix', prefix, '--peer', 'kernel'],
      ...['--mode', options.mode ?? 'super', '--underlay', String(options.underlay ?? 4)],
      ...['--inner', options.inner ?? '4', '--neighbours', options.neighbours ?? 'static'],
      ...['--endpoint', options.endpoint ?? 'none'],
    ]);
    const pairs = printed
      .trim()
      .split('\n')
      .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    return new Topology(new Map(pairs));
  }

  /** One more namespace, without IPv6: `letter` from c to z. It goes with the others. */
  async addHost(letter: string): Promise<Host> {
    const host = new Host(`${this.prefix}-${letter}`);
    await succeed(['ip', 'netns', 'add', host.namespace]);
    await host.do('ip link set lo up');
    // Multicast listener reports and router solicitations are not what a test sends.
    await succeed(host.argv(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6']));
    this.#hosts.push(host);
    return host;
  }

  async down(): Promise<void> {
    await Promise.allSettled(this.#hosts.map((host) => host.stopAll()));
    await succeed(['bash', SCRIPT, 'down', '--prefix', this.prefix]);
    standing.delete(this.prefix);
  }
}
