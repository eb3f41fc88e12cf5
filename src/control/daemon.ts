import { writeSync } from 'node:fs';
import type { ClassifierTable } from '../classifier/classifier.js';
import { Datapath } from '../dataplane/datapath.js';
import type { Peer } from '../dataplane/peer-table.js';
import type { TunnelGsoParts } from '../io/tunnel-gso/tunnel-gso.js';
import { CommandError } from '../iproute/commands.js';
import { errnoText, errorText } from '../native/errno.js';
import { mapLargeBlocks } from '../native/large-blocks.js';
import { close } from '../native/libc.js';
import { openBatch } from './batch-file.js';
import type { Interpreter } from './interpreter.js';
import { type MetricsAddress, MetricsServer } from './metrics-server.js';
import { NamespaceLock } from './namespace-lock.js';
import type { OverviewMaker } from './overview.js';
import type { Reply, Say } from './protocol.js';
import { asCommandError } from './report.js';
import { confinedAs, confinementOf, controlGroup, giveUpRights, type Keepable, LostRights } from './rights.js';
import { Service } from './service.js';
import type { ServiceEnvironment } from './service-environment.js';
import { controlPath, makeSocketDirectory } from './socket-path.js';

export interface DaemonOptions {
  /** Batch file, `-` for standard input; absent: an empty daemon. */
  readonly batch?: string;
  readonly control?: string;
  /** The line `READY=1` is written to this descriptor once everything is in place; it stays the caller's. */
  readonly readyFd?: number;
  readonly coalesce: boolean;
  readonly classifier: 'tuple-space' | 'linear';
  /** Device node of TUN/TAP. */
  readonly tun: string;
  /** Whether super-frames are handed to the kernel whole, as far as the host can. */
  readonly tunnelGso: boolean;
  readonly workers: number;
  /** Processors for the workers, one after the other; absent: wherever the kernel wants. */
  readonly cpus?: readonly number[];
  /** Microseconds that a worker looks for more before it sleeps; 0: none. */
  readonly busyPoll: number;
  /** Who the daemon becomes when everything is in place, NAME[:GROUP]; absent: it stays who it is. */
  readonly user?: string;
  /** Capabilities that it keeps then. */
  readonly keepCaps?: readonly Keepable[];
  /** Whether devices take datagrams only from peers that rules and remotes name. */
  readonly strictPeers?: boolean;
  /** Peers of every device, with `strictPeers`. */
  readonly peers?: readonly Peer[];
  /** The group whose members may give commands, a name or number. */
  readonly controlGroup?: string;
  /** File of what was counted and learned: read at the start, written at the end. */
  readonly state?: string;
  /** Where metrics are to be had; absent: nowhere. */
  readonly metrics?: MetricsAddress;
  /** What a service manager wants of it. */
  readonly service?: ServiceEnvironment;
  /** Is told how much of the batch has been carried out. */
  readonly progress?: (done: number, total: number | undefined) => void;
}

/** How it ended: `badly` where something could not be put away, `hanging` where a worker does not answer. */
export type Farewell = 'well' | 'badly' | 'hanging';

/** A running vtep: the datapath, its devices and rules, the control socket. */
export class Daemon {
  private readonly say: Say;
  private readonly stopped = new AbortController();
  /** What ends the parts that were started, in that order; with `undo` nothing new is to stay. */
  private readonly endings: ((undo: boolean) => Promise<void>)[] = [];
  private readonly hurried = new AbortController();
  private service: Service | undefined;
  private ending: Promise<void> | undefined;
  private hasLeftBadly = false;
  private interpreter: Interpreter | undefined;
  private lost = new LostRights(undefined);
  private fail: (error: Error) => void = () => undefined;
  /** Rejects where the daemon cannot go on. */
  readonly failed: Promise<never>;

  private constructor(print: (reply: Reply) => void) {
    this.say = (reply) => {
      print(reply);
      return undefined;
    };
    this.failed = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failed.catch(() => undefined);
  }

  /**
   * Starts a daemon: takes the namespace's lock first, then runs the batch, opens the control socket, and says that
   * it is ready. Throws CommandError with everything undone where a line of the batch fails, or `signal` comes first.
   */
  static async start(options: DaemonOptions, print: (reply: Reply) => void, signal?: AbortSignal): Promise<Daemon> {
    const daemon = new Daemon(print);
    const stop = (): void => daemon.stopped.abort();
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    try {
      await daemon.begin(options);
      return daemon;
    } catch (error) {
      const cause = daemon.stopped.signal.aborted ? new CommandError('vtep: stopped before it was ready', 0) : error;
      if (!daemon.stopped.signal.aborted) daemon.service?.failed(error);
      await daemon.end(true);
      throw cause;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Stops intake, writes what is in hand, removes what it made. */
  async stop(): Promise<Farewell> {
    this.service?.stopping();
    const inTime = await withinBounds(this.end(false), this.hurried.signal);
    if (!inTime) this.say({ err: 'vtep: a worker does not answer; left without waiting for it\n' });
    this.service?.close();
    return inTime ? (this.hasLeftBadly ? 'badly' : 'well') : 'hanging';
  }

  /** Has `stop` wait for nothing that can be left. */
  hurry(): void {
    this.hurried.abort();
  }

  /**
   * Reads the batch file again and has everything be as it says, or leaves everything as it is; what became of it is
   * printed.
   */
  async reload(): Promise<void> {
    const exit = await this.lost.explain(this.say, async (say) => (await this.interpreter?.reload(say)) ?? 0);
    if (exit === 0) this.say({ err: 'vtep: reloaded\n' });
  }

  private async begin(options: DaemonOptions): Promise<void> {
    const log = (line: string): void => void this.say({ err: `vtep: ${line}\n` });
    mapLargeBlocks();
    const service = new Service(options.service ?? { notes: [] }, log);
    this.service = service;
    const path = controlPath(options.control);
    const confinement = options.user === undefined ? undefined : confinementOf(options.user, options.keepCaps ?? []);
    if (options.peers && !options.strictPeers) throw new CommandError('vtep: --peer goes with --strict-peers', 1);
    if (options.keepCaps && !confinement) throw new CommandError('vtep: --keep-caps goes with --user', 1);
    const gid = options.controlGroup === undefined ? undefined : controlGroup(options.controlGroup);
    const access = { ...(confinement && { uid: confinement.uid }), ...(gid !== undefined && { gid }) };
    const file = options.batch === undefined ? undefined : openBatch(options.batch);
    if (file) this.stopped.signal.addEventListener('abort', () => file.close());
    makeSocketDirectory(path, access);
    const before =
      options.state === undefined ? undefined : (await import('./state-file.js')).readStateFile(options.state);
    const lock = NamespaceLock.take(path);
    this.endings.push(async () => lock.release());

    const tunnelGso = options.tunnelGso ? await this.openTunnelGso(options.tun, log) : {};
    const starting = startDatapath(options, tunnelGso);
    // Its workers load what they need meanwhile.
    const loading = import('./daemon-parts.js');
    const datapath = await starting;
    this.endings.push(() => datapath.stop());
    tellTunnelGsoFailure(datapath, log);
    datapath.once('failed', (error) => this.fail(new CommandError(`vtep: the datapath failed: ${error.stack}`, 1)));
    const { ControlServer, Devices, EventLog, Interpreter, LeftGarbage, Rules, StrictPeers, ...parts } = await loading;
    const { admitObservers, createTable, giveBack, runStartBatch, startProbes, takeLeave, tellDeaths } = parts;
    tellDeaths(datapath, log);

    const said = new Set<string>();
    const logOnce = (line: string): void => {
      if (!said.has(line)) log(line);
      said.add(line);
    };
    for (const note of startProbes().notes) logOnce(note);
    const vanished = (index: number): void => {
      interpreter.vanished(index).catch((error: unknown) => log(asCommandError(error).message));
    };
    const events = new EventLog();
    const devices = new Devices(datapath, { tun: options.tun, log, logOnce, vanished, events });
    this.endings.push((undo) => devices.close(undo));
    const newTable = (): ClassifierTable => createTable(options.classifier ?? 'tuple-space');
    const rules = new Rules(datapath, devices.registry, newTable, events);
    if (options.strictPeers) {
      const peers = new StrictPeers(
        {
          options: (index) => devices.registry.get(index)?.vxlan,
          apply: (instruction) => datapath.apply(instruction),
        },
        options.peers ?? [],
      );
      datapath.fdb.listener = peers;
      devices.strictPeers = peers;
      rules.strictPeers = peers;
    }
    datapath.on('note', (row) => {
      const note = rules.actions.noteOf(row);
      if (note !== undefined) log(note);
    });
    const interpreter = new Interpreter(devices, rules, datapath.counters.sets, this.stopped.signal, events);
    interpreter.file = options.batch;
    interpreter.cpus = options.cpus ?? [];
    // Not so in a library: the heap of a program is its own business.
    const garbage = new LeftGarbage();
    interpreter.changed = () => garbage.look();
    const endpoint = { datapath, devices, rules };
    const observers = admitObservers(interpreter, endpoint);
    this.endings.push(async () => observers.close());
    this.interpreter = interpreter;
    interpreter.around = (reload) => service.reloading(reload);
    this.endings.push(async (undo) => {
      if (!undo) await takeLeave(endpoint, { hurry: this.hurried.signal, state: options.state, log });
    });
    this.endings.push(() => interpreter.idle());

    const progress = (done: number, total: number | undefined): void => {
      options.progress?.(done, total);
      service.starting(done, total);
    };
    if (file)
      await runStartBatch(interpreter, file, {
        name: options.batch ?? '',
        progress,
        say: this.say,
        signal: this.stopped.signal,
      });
    if (before) log(`${options.state}: ${await giveBack(before, endpoint)}`);
    let open = (): void => undefined;
    // Nobody is answered with more rights than are to be left.
    const isOpen = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.lost = new LostRights(confinement);
    const server = await ControlServer.listen(
      path,
      async (argv, say, until) => {
        await isOpen;
        return this.lost.explain(say, (to) => interpreter.request(argv, to, until));
      },
      async (batch, say) => {
        await isOpen;
        return this.lost.explain(say, (to) => interpreter.batch(batch, to));
      },
      access,
    );
    this.endings.push(() => server.close());
    if (options.metrics) await this.openMetrics(options.metrics, observers.overview, interpreter, log);
    this.stopped.signal.throwIfAborted();
    if (confinement) {
      await devices.confine(confinement);
      await datapath.apply({ type: 'confine' });
      giveUpRights(confinement);
      log(confinedAs(confinement));
    }
    open();
    if (options.readyFd !== undefined) tellReady(options.readyFd);
    service.ready(endpoint);
  }

  private async openMetrics(
    at: MetricsAddress,
    overview: OverviewMaker,
    interpreter: Interpreter,
    log: (line: string) => void,
  ): Promise<void> {
    // Nobody else needs the library.
    const { scrape } = await import('../observe/metrics.js');
    overview.keepPeers();
    const server = await MetricsServer.listen(at, () =>
      interpreter.look(async () => scrape(await overview.make('first'))),
    );
    this.endings.push(() => server.close());
    log(`metrics at ${server.url}`);
  }

  /** What the datapath is to use, where the host has it; says what it has not. */
  private async openTunnelGso(tun: string, log: (line: string) => void): Promise<{ tunnelGso?: TunnelGsoParts }> {
    const { openTunnelGso } = await import('../io/tunnel-gso/open-tunnel-gso.js');
    const { parts, refusals } = openTunnelGso(tun);
    for (const refusal of refusals) log(`--tunnel-gso: ${refusal}`);
    if (parts === undefined) return {};
    this.endings.push(async () => void close(parts.fd));
    return { tunnelGso: parts };
  }

  private end(undo: boolean): Promise<void> {
    this.ending ??= this.endAll(undo);
    return this.ending;
  }

  /** Ends everything, whatever of it fails. */
  private async endAll(undo: boolean): Promise<void> {
    this.stopped.abort();
    for (const end of this.endings.reverse()) {
      try {
        await end(undo);
      } catch (error) {
        this.hasLeftBadly = true;
        this.say({ err: `${asCommandError(error).message}\n` });
      }
    }
  }
}

/** Longest that an end may take, and what is left of it for somebody in a hurry, in ms. */
const END_MS = 15_000;
const HURRY_MS = 1000;

/** Whether it came to an end in time. */
async function withinBounds(end: Promise<void>, hurry: AbortSignal): Promise<boolean> {
  const timers: NodeJS.Timeout[] = [];
  const late = new Promise<false>((resolve) => {
    const after = (milliseconds: number): void => void timers.push(setTimeout(() => resolve(false), milliseconds));
    after(END_MS);
    if (hurry.aborted) after(HURRY_MS);
    else hurry.addEventListener('abort', () => after(HURRY_MS));
  });
  try {
    return await Promise.race([end.then(() => true as const), late]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

async function startDatapath(
  { coalesce, workers, cpus, busyPoll, strictPeers = false }: DaemonOptions,
  tunnelGso: { tunnelGso?: TunnelGsoParts },
): Promise<Datapath> {
  try {
    return await Datapath.start({ coalesce, workers, busyPoll, strictPeers, ...(cpus && { cpus }), ...tunnelGso });
  } catch (error) {
    throw new CommandError(`vtep: the datapath cannot start: ${errorText(error)}`, 1);
  }
}

function tellTunnelGsoFailure(datapath: Datapath, log: (line: string) => void): void {
  datapath.on('tunnel-gso-failed', (errno) =>
    log(`--tunnel-gso: its TAP fails: ${errnoText(errno)}; super-frames go through the sockets from now on`),
  );
}

function tellReady(fd: number): void {
  try {
    writeSync(fd, 'READY=1\n');
  } catch (error) {
    throw new CommandError(`vtep: cannot write to descriptor ${fd}: ${errorText(error)}`, 1);
  }
}
