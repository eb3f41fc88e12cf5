/**
 * What an engine is made of, and which of its parts knows which. They are made once; the engine (engine.ts) drives the
 * batches through them.
 */
import { Executor } from '../actions/execute.js';
import type { ActionPrograms } from '../actions/program.js';
import { Writable } from '../actions/writable.js';
import { FlowCache } from '../classifier/flow-cache/flow-cache.js';
import type { DeviceTable } from '../devices/device-table.js';
import { FdbLookup } from '../devices/fdb-lookup.js';
import { FdbStore } from '../devices/fdb-store.js';
import type { Arena } from '../memory/arena.js';
import type { ActionCounters, Counters } from '../memory/counters.js';
import { DropRing } from '../memory/drop-ring.js';
import { Packets } from '../memory/packets.js';
import { ReceivedDatagrams, Slots } from '../memory/received.js';
import { SampleRing } from '../memory/sample-ring.js';
import { BatchScratch } from '../memory/scratch.js';
import { VniCounters } from '../memory/vni-counters.js';
import { Witness } from '../memory/witness.js';
import { Coalescer } from '../offload/coalesce.js';
import { Encapsulator } from '../offload/encapsulate.js';
import { Checksummer } from '../wire/checksum.js';
import { simdChecksums } from '../wire/simd-checksums.js';
import { Admitter } from './admit.js';
import { BatchClock } from './batch-clock.js';
import { BatchInHand } from './batch-in-hand.js';
import { Hooks } from './classify.js';
import { Decapsulator } from './decapsulate.js';
import { Deliverer } from './deliver.js';
import { Demultiplexer } from './demultiplexer.js';
import { Forwarder } from './forwarder.js';
import { HostFrames, TAP_FRAMES } from './host-frames.js';
import { ANSWERS, Inbound } from './inbound.js';
import { MirrorTaps } from './mirror-taps.js';
import { NeighbourLookup } from './neighbour-lookup.js';
import { NeighbourProxy } from './neighbour-proxy.js';
import { PathMtus } from './path-mtu.js';
import { PortWriter } from './port-writer.js';
import { OutputQueues } from './queues.js';
import { Resumer } from './resume.js';
import { RingSampler } from './ring-sampler.js';
import { RouteShortCircuit } from './route-short-circuit.js';
import { SendOutcomes } from './send-outcomes.js';
import { SourceLearning } from './source-learning.js';
import { ReceivedTrains } from './trains.js';
import { Transmitter } from './transmit.js';
import { UnderlayPaths } from './underlay-paths.js';
import { Underlays } from './underlays.js';

/** Descriptors of a batch; a bundle of 64 KB of small datagrams is split over several batches' worth of flushes. */
export const PACKETS = 4096;
/** Messages of one recvmmsg. */
export const MESSAGES = 32;
/** Bytes for copies of frames that are rewritten after they were mirrored: every frame of a full batch once. */
const SCRATCH_BYTES = 4 * 1024 * 1024;

/** Bytes of arena that an engine needs. */
export const ENGINE_ARENA_BYTES = 32 * 1024 * 1024;

const NO_PROGRAMS: ActionPrograms = {
  start: new Int32Array(0),
  actionPages: new Int32Array(0),
  actionAt: new Int32Array(0),
  words: new Int32Array(0),
  tunnels: new Int32Array(0),
  buckets: 0,
};

/** The classes of an engine's parts. One that is watched has others, which tell of what they do (lab/trace). */
export interface EngineClasses {
  readonly Hooks: typeof Hooks;
  readonly Executor: typeof Executor;
}

const PLAIN: EngineClasses = { Hooks, Executor };

export class EngineParts {
  readonly packets: Packets;
  readonly batch: ReceivedDatagrams;
  readonly fdb: FdbLookup;
  readonly demultiplexer = new Demultiplexer();
  readonly queues: OutputQueues;
  readonly executor: Executor;
  readonly hook: Hooks;
  readonly resumer: Resumer;
  /** Who sees what is counted under reasons. */
  readonly witness: Witness;
  readonly scratch: BatchScratch;
  readonly flowCache: FlowCache;
  readonly decapsulator: Decapsulator;
  readonly trains: ReceivedTrains;
  readonly portWriter: PortWriter;
  readonly transmitter: Transmitter;
  readonly deliverer: Deliverer;
  readonly underlays: Underlays;
  readonly hostFrames: HostFrames;
  readonly admitter: Admitter;
  readonly inHand: BatchInHand;
  readonly clock: BatchClock;
  readonly writable: Writable;
  readonly underlayPaths = new UnderlayPaths();
  readonly inbound: Inbound;
  readonly mirrors: MirrorTaps;
  readonly neighbours: NeighbourLookup;

  /**
   * `samples`, `fdb` and `pathMtus` (shared memory of the forwarding table, and of path-mtu.ts), `vniCounters`, `drops`:
   * absent, ones of its own.
   */
  constructor(
    arena: Arena,
    devices: DeviceTable,
    counters: Counters,
    actionCounters: ActionCounters,
    samples = new SampleRing(),
    fdb: SharedArrayBuffer = new FdbStore().buffer,
    vniCounters: VniCounters = new VniCounters(),
    pathMtus?: SharedArrayBuffer,
    classes: EngineClasses = PLAIN,
    drops = new DropRing(),
  ) {
    this.fdb = new FdbLookup(fdb);
    const simd = simdChecksums(arena.memory);
    const checksums = new Checksummer(arena.memory.buffer, simd);
    this.packets = new Packets(arena, PACKETS);
    this.batch = new ReceivedDatagrams(arena, MESSAGES, PACKETS + ANSWERS);
    this.witness = new Witness(arena.u8, this.packets, this.batch, drops);
    counters.witness = this.witness;
    const slots = new Slots(arena, TAP_FRAMES);
    this.queues = new OutputQueues(this.packets);
    this.scratch = new BatchScratch(arena, SCRATCH_BYTES);
    this.hook = new classes.Hooks(arena, this.packets, devices, counters, this.queues, this.batch.tunnels);
    const sampler = new RingSampler(arena.u8, this.packets, samples);
    const { packets, scratch } = this;
    const parts = { arena, packets, scratch, checksums, counters, actionCounters, sampler };
    this.executor = new classes.Executor(parts, this.hook, NO_PROGRAMS);
    this.hook.setExecutor(this.executor);
    this.resumer = new Resumer(packets, this.hook, this.executor, this.hook.deferral);
    this.mirrors = new MirrorTaps(arena, packets, devices, counters, this.batch);
    this.hook.setMirrors(this.mirrors);
    this.flowCache = new FlowCache(counters);
    const paths = new PathMtus(arena.u8, this.packets, pathMtus);
    const { queues, executor, batch } = this;
    this.trains = new ReceivedTrains(
      arena,
      packets,
      counters,
      actionCounters,
      checksums,
      simd,
      executor,
      queues,
      batch,
    );
    const learning = new SourceLearning(arena.u8, packets, devices, counters, this.fdb, batch.tunnels);
    this.decapsulator = new Decapsulator(
      arena,
      this.packets,
      devices,
      counters,
      this.hook,
      checksums,
      this.batch,
      paths,
      this.demultiplexer,
      learning,
      this.trains,
      vniCounters,
    );
    this.inbound = new Inbound(arena, this.packets, checksums, this.batch, this.underlayPaths);
    this.neighbours = new NeighbourLookup(arena.u8, devices, this.fdb);
    const proxy = new NeighbourProxy(
      arena.u8,
      this.packets,
      devices,
      this.fdb,
      this.neighbours,
      this.inbound,
      checksums,
    );
    this.writable = new Writable(arena, packets, scratch);
    const rsc = new RouteShortCircuit(arena.u8, packets, devices, this.fdb, this.neighbours, this.writable);
    const { demultiplexer, underlayPaths, inbound } = this;
    this.portWriter = new PortWriter(
      arena,
      packets,
      devices,
      counters,
      new Coalescer(arena, packets, checksums, PACKETS),
    );
    const outcomes = new SendOutcomes(devices, counters, demultiplexer, vniCounters, underlayPaths);
    this.transmitter = new Transmitter(
      arena,
      packets,
      devices,
      counters,
      outcomes,
      new Encapsulator(arena, packets, checksums),
      new Forwarder(arena.u8, packets, devices, this.fdb),
      proxy,
      rsc,
      demultiplexer,
      NO_PROGRAMS.tunnels,
      underlayPaths,
      inbound,
    );
    this.deliverer = new Deliverer(queues, this.portWriter, this.transmitter);
    const { hook, decapsulator, mirrors } = this;
    this.underlays = new Underlays(batch, counters, demultiplexer, this.transmitter);
    this.hostFrames = new HostFrames(packets, slots, devices, counters, hook, paths);
    this.admitter = new Admitter(inbound, packets, devices, counters, hook, learning);
    this.inHand = new BatchInHand(packets, devices, counters, queues, hook, demultiplexer, decapsulator);
    this.clock = new BatchClock(executor, this.witness, paths, underlayPaths, inbound, mirrors, this.fdb);
  }
}
