/**
 * A worker: what waits on the eventfd of the control thread, the underlay sockets and the TAPs, and serves them. In a
 * thread of its own (worker-main.ts) it is blocked in epoll_wait and never returns to its event loop; instructions are
 * fetched synchronously when the eventfd says so, between two batches, which is what makes a rule change atomic for
 * the frames. On the caller's thread (own-worker.ts) it is asked to serve what is ready.
 */
import type { ActionPrograms } from '../actions/program.js';
import { createLookup } from '../classifier/open-lookup.js';
import { DeviceTable } from '../devices/device-table.js';
import type { PacketSocket } from '../io/packet/open-packet.js';
import { PacketPort } from '../io/packet/packet-port.js';
import { TapPort } from '../io/tap/tap-port.js';
import type { TapQueue } from '../io/tap/tap-queue.js';
import { TUNNEL_GSO_BYTES, TunnelGso } from '../io/tunnel-gso/tunnel-gso.js';
import { ROUTE_PROBE_BYTES, RouteProbe } from '../io/udp/route-probe.js';
import { makeUnderlay, type UnderlayParts } from '../io/underlay-parts.js';
import { Arena } from '../memory/arena.js';
import { ArenaPool } from '../memory/arena-pool.js';
import { ActionCounters, Counters, MAX_DEVICES } from '../memory/counters.js';
import { DropRing } from '../memory/drop-ring.js';
import { SampleRing } from '../memory/sample-ring.js';
import { VniCounters } from '../memory/vni-counters.js';
import { boundThread, isBounded, setCapabilities } from '../native/credentials.js';
import { EINTR, errnoText } from '../native/errno.js';
import { read } from '../native/libc.js';
import { NO_COALESCING } from '../offload/offloads.js';
import { ENGINE_ARENA_BYTES, Engine, MESSAGES } from './engine.js';
import { Heartbeat } from './heartbeat.js';
import type { FromWorker, HookRules, Instruction, ToWorker, WorkerStart } from './messages.js';
import { POLL_DEVICE, PollSet } from './poll-set.js';
import { addRestored } from './restored-counts.js';
import { Rounds } from './rounds.js';
import { nameThread, pinThread } from './this-thread.js';
import { threadId } from './thread-watch.js';
import { DATAGRAMS } from './transmit.js';
import { ArenaClock, Waiting } from './waiting.js';

/** Bytes for the message arrays of one device's sockets, and how many devices may have some. */
const UNDERLAY_BYTES = 256 * 1024;
const UNDERLAYS = 64;
/** Milliseconds between two notes of action simple. */
const NOTE_INTERVAL = 1000;
/** Bytes for the scratch of a TAP's queue. */
const PORT_BYTES = 4096;
const ARENA_BYTES =
  ENGINE_ARENA_BYTES +
  UNDERLAYS * UNDERLAY_BYTES +
  MAX_DEVICES * PORT_BYTES +
  ROUTE_PROBE_BYTES +
  TUNNEL_GSO_BYTES +
  1024 * 1024;

/** How a worker hears and is heard. */
export interface ControlLink {
  say(message: FromWorker): void;
  /** The next instruction; undefined: there is none yet. */
  next(): ToWorker | undefined;
}

export class DatapathWorker {
  private readonly link: ControlLink;
  /** Its place among the workers. */
  private readonly number: number;
  readonly arena: Arena;
  private readonly counters: Counters;
  private readonly actionCounters = new ActionCounters();
  private readonly vniCounters: VniCounters;
  readonly engine: Engine;
  private readonly routes: RouteProbe;
  private readonly tunnelGso: TunnelGso | null;
  readonly poll: PollSet;
  private readonly waiting: Waiting;
  private readonly rounds: Rounds;
  private readonly heartbeat: Heartbeat;
  private readonly wakeFd: number;
  private readonly wakeBuffer: number;
  private readonly underlayParts: ArenaPool;
  private readonly portParts: ArenaPool;
  /** The part of the arena behind each open underlay and port. */
  private readonly underlayPart = new Map<number, Arena>();
  private readonly portPart = new Map<number, Arena>();
  private running = true;
  private tunnelGsoTold = false;
  /** When a note was said last, in milliseconds. */
  private noteTold = Number.NEGATIVE_INFINITY;

  /** `extraBytes` of the arena are for whoever drives the worker. */
  constructor(link: ControlLink, start: WorkerStart, extraBytes = 0) {
    this.link = link;
    this.arena = new Arena(ARENA_BYTES + extraBytes);
    this.underlayParts = new ArenaPool(this.arena, UNDERLAY_BYTES, UNDERLAYS);
    this.portParts = new ArenaPool(this.arena, PORT_BYTES, MAX_DEVICES);
    this.number = start.number;
    this.counters = new Counters(start.counters);
    this.vniCounters = new VniCounters(start.vniCounters);
    this.engine = new Engine(
      this.arena,
      new DeviceTable(start.devices),
      this.counters,
      this.actionCounters,
      new SampleRing(start.samples),
      start.fdb,
      this.vniCounters,
      start.pathMtus,
      undefined,
      new DropRing(start.drops),
    );
    this.engine.setCoalescing(start.coalesce);
    this.engine.peers.isOn = start.strictPeers;
    this.routes = new RouteProbe(this.arena);
    this.engine.setRoutes(this.routes);
    this.tunnelGso = start.tunnelGso === undefined ? null : new TunnelGso(this.arena, start.tunnelGso);
    this.heartbeat = new Heartbeat(start.heartbeat);
    this.wakeFd = start.wakeFd;
    this.wakeBuffer = this.arena.alloc(8);
    this.poll = new PollSet(this.arena);
    this.poll.add(start.wakeFd, POLL_DEVICE.CONTROL, 0, 0);
    this.waiting = new Waiting(this.poll, this.counters, new ArenaClock(this.arena), start.busyPoll);
    this.rounds = new Rounds(this.poll, this.engine, this.engine.written, {
      underlay: (number) => this.closeUnderlay(number),
      port: (device, error) => this.portFailed(device, error),
    });
  }

  /** A thread's whole life: `cpu` is the processor that it keeps to, or -1. */
  run(cpu: number): void {
    // In the place of one that died, behind --user: what the control thread has kept is not for it.
    if (isBounded()) setCapabilities([]);
    nameThread(this.arena, `vtep-worker${this.number}`);
    if (cpu >= 0) pinThread(this.arena, cpu);
    const thread = threadId();
    this.say({ type: 'ready', ...(thread !== undefined && { thread }) });
    try {
      this.loop();
      this.say({ type: 'stopped' });
    } catch (error) {
      this.die();
      throw error;
    } finally {
      this.close();
    }
  }

  private loop(): void {
    while (this.running) {
      const ready = this.waiting.wait();
      if (ready < 0 && ready !== -EINTR) throw new Error(`epoll_wait: ${errnoText(ready)}`);
      if (ready > 0) this.serve(ready);
    }
  }

  /** An error that nobody expected: leaves things so that another thread can go on with them. */
  private die(): void {
    try {
      this.engine.abandon();
    } catch {
      // Whatever is wrong with it is: the first error is the one to tell of.
    }
    this.say({ type: 'dying', drops: this.engine.underlays.dropsTold() });
  }

  /** Gives back what is its own; descriptors that it was handed are their owner's. */
  close(): void {
    this.routes.close();
    this.tunnelGso?.close();
    this.poll.close();
  }

  /** Serves the first `ready` entries that `poll` has reported; returns the messages and frames that came in. */
  serve(ready: number): number {
    const { poll } = this;
    let isAsked = false;
    for (let n = 0; n < ready; n++) if (poll.kind(poll.ready(n)) === POLL_DEVICE.CONTROL) isAsked = true;
    const work = this.rounds.serve(ready);
    if (work > 0) this.waiting.worked();
    this.tellNote();
    if (this.tunnelGso !== null && this.tunnelGso.failure !== 0) this.tellFailure(this.tunnelGso.failure);
    const { fdb, mirrors } = this.engine;
    if (fdb.hasEvents && fdb.mustTell()) this.say({ type: 'fdb-notices' });
    if (mirrors.hasWanted) this.say({ type: 'mirror-wanted', wanted: mirrors.takeWanted() });
    if (isAsked) this.obey();
    return work;
  }

  /** Has a port served that no descriptor tells of. Returns the frames that came in. */
  servePort(device: number): number {
    return this.rounds.serveOne(device);
  }

  /** The kernel's log line of action simple, but not for every frame. */
  private tellNote(): void {
    const action = this.engine.takeNote();
    if (action < 0) return;
    const now = performance.now();
    if (now - this.noteTold < NOTE_INTERVAL) return;
    this.noteTold = now;
    this.say({ type: 'note', action });
  }

  private tellFailure(errno: number): void {
    if (this.tunnelGsoTold) return;
    this.tunnelGsoTold = true;
    this.say({ type: 'tunnel-gso-failed', errno });
  }

  private portFailed(device: number, error: number): void {
    this.closePort(device);
    this.say({ type: 'port-gone', device, errno: -error });
  }

  private openPort(device: number, queue: TapQueue | undefined, offloads: number): void {
    this.closePort(device);
    if (queue === undefined) return;
    const part = this.portParts.take();
    this.portPart.set(device, part);
    this.engine.setPort(device, new TapPort(part, queue), offloads);
    if (queue.readFd >= 0) this.poll.add(queue.readFd, POLL_DEVICE.PORT, device, 0);
  }

  private openOutput(device: number, socket: PacketSocket, offloads: number): void {
    this.closePort(device);
    const part = this.portParts.take();
    this.portPart.set(device, part);
    this.engine.setPort(device, new PacketPort(part, socket), offloads);
  }

  private closePort(device: number): void {
    this.engine.setPort(device, null, 0);
    this.poll.remove(POLL_DEVICE.PORT, device);
    giveBack(this.portPart, this.portParts, device);
  }

  private openUnderlay(number: number, parts: UnderlayParts | undefined): void {
    this.closeUnderlay(number);
    if (parts === undefined) throw new RangeError(`no sockets for worker ${this.number}`);
    const part = this.underlayParts.take();
    this.underlayPart.set(number, part);
    const underlay = makeUnderlay(part, parts, { receive: MESSAGES, send: DATAGRAMS }, this.tunnelGso);
    this.engine.underlays.open(number, underlay);
    underlay.receiveFds.forEach((fd, which) => {
      this.poll.add(fd, POLL_DEVICE.UNDERLAY, number, which);
    });
  }

  private closeUnderlay(number: number): void {
    this.engine.underlays.open(number, null);
    this.poll.remove(POLL_DEVICE.UNDERLAY, number);
    giveBack(this.underlayPart, this.underlayParts, number);
  }

  private obey(): void {
    read(this.wakeFd, this.arena.address(this.wakeBuffer), 8);
    this.heartbeat.answer();
    let sequence = -1;
    for (;;) {
      const instruction = this.link.next();
      if (instruction === undefined) break;
      sequence = instruction.sequence;
      try {
        this.apply(instruction);
      } catch (error) {
        this.say({ type: 'refused', sequence, message: error instanceof Error ? error.message : String(error) });
      }
    }
    if (sequence >= 0) this.say({ type: 'applied', sequence });
  }

  /** Carries out an instruction; throws where it cannot be. */
  apply(instruction: Instruction): void {
    switch (instruction.type) {
      case 'port-give':
        this.closePort(instruction.device);
        this.engine.setPort(instruction.device, instruction.port, NO_COALESCING);
        break;
      case 'port-open':
        this.openPort(instruction.device, instruction.queues[this.number], instruction.offloads);
        break;
      case 'port-close':
        this.closePort(instruction.device);
        break;
      case 'output-open':
        this.openOutput(instruction.device, instruction.socket, instruction.offloads);
        break;
      case 'output-close':
        this.closePort(instruction.device);
        break;
      case 'underlay-open':
        this.openUnderlay(instruction.underlay, instruction.parts[this.number]);
        this.engine.underlays.serve(instruction.underlay, instruction.owner, instruction.takers);
        break;
      case 'underlay-close':
        this.closeUnderlay(instruction.underlay);
        break;
      case 'underlay-serve':
        this.engine.underlays.serve(instruction.underlay, instruction.owner, instruction.takers);
        break;
      case 'underlay-use':
        this.engine.underlays.use(instruction.device, instruction.underlay);
        break;
      case 'neighbours':
        this.engine.neighbours.use(instruction.neighbours);
        break;
      case 'rules':
        this.useRules(instruction.programs, instruction.hooks);
        break;
      case 'restore-counts':
        if (this.number === 0) addRestored(instruction.counts, this.counters, this.actionCounters, this.vniCounters);
        break;
      case 'count-overflows':
        this.engine.underlays.countOverflows();
        break;
      case 'captures':
        this.engine.setCaptures(
          instruction.captures.map(({ filter, rings }) => ({
            filter,
            ring: rings[this.number] ?? missing('ring of a capture'),
          })),
        );
        break;
      case 'mirror-taps':
        this.engine.useMirrorTaps(instruction.device, instruction.taps, instruction.refused);
        break;
      case 'action-counters':
        this.actionCounters.attach(instruction.slabs[this.number] ?? missing('action counters'));
        break;
      case 'buckets':
        this.engine.attachBuckets(instruction.slab);
        break;
      case 'peers':
        this.engine.peers.use(instruction.device, instruction.words);
        break;
      case 'confine':
        boundThread();
        break;
      case 'stop':
        this.running = false;
        break;
    }
  }

  /** All of it or, where a snapshot cannot be opened, nothing. */
  private useRules(programs: ActionPrograms, hooks: readonly HookRules[]): void {
    const lookups = hooks.map(({ snapshot }) => (snapshot ? createLookup(snapshot) : null));
    this.engine.usePrograms(programs);
    hooks.forEach(({ device, direction }, n) => {
      this.engine.useRules(device, direction, lookups[n]);
    });
  }

  private say(message: FromWorker): void {
    this.link.say(message);
  }
}

function missing(what: string): never {
  throw new RangeError(`no ${what} for this worker`);
}

function giveBack(parts: Map<number, Arena>, pool: ArenaPool, number: number): void {
  const part = parts.get(number);
  if (part === undefined) return;
  parts.delete(number);
  pool.give(part);
}
