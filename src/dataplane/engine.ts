/**
 * The datapath of one worker, without its thread: the sequence of a batch, from the receive call to the last write, and
 * what it is told to go by. The worker drives it with real devices, tests with fakes.
 *
 * A batch runs to completion: receive, decapsulate, classify, act, queue, coalesce, write. Nothing is kept from one
 * batch to the next but the rules and the counters, so there is no queue to bound and no timer to flush one.
 */

import type { CustomActions } from '../actions/deferred.js';
import type { Executor } from '../actions/execute.js';
import type { ActionPrograms } from '../actions/program.js';
import type { Writable } from '../actions/writable.js';
import type { Lookup } from '../classifier/classifier.js';
import type { FlowCache } from '../classifier/flow-cache/flow-cache.js';
import type { DeviceTable } from '../devices/device-table.js';
import type { FdbLookup } from '../devices/fdb-lookup.js';
import type { FramePort, Routes } from '../io/device.js';
import type { Arena } from '../memory/arena.js';
import { CapturePoint, CaptureRing } from '../memory/capture-ring.js';
import type { Clock } from '../memory/clock.js';
import { type Counters, SizeHistogram, WorkCounter } from '../memory/counters.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import type { BatchScratch } from '../memory/scratch.js';
import type { Witness } from '../memory/witness.js';
import type { Admitter } from './admit.js';
import type { BatchClock } from './batch-clock.js';
import type { BatchInHand } from './batch-in-hand.js';
import { type CaptureFilter, CaptureTaps } from './capture-taps.js';
import type { Hooks } from './classify.js';
import type { Decapsulator } from './decapsulate.js';
import type { Deliverer } from './deliver.js';
import type { Demultiplexer } from './demultiplexer.js';
import { EngineParts, PACKETS } from './engine-parts.js';
import type { HostFrames } from './host-frames.js';
import type { Inbound } from './inbound.js';
import type { MirrorTaps } from './mirror-taps.js';
import type { NeighbourLookup } from './neighbour-lookup.js';
import type { PeerFilter } from './peer-filter.js';
import type { PortWriter } from './port-writer.js';
import type { Resumer } from './resume.js';
import type { ReceivedTrains } from './trains.js';
import type { Transmitter } from './transmit.js';
import type { UnderlayPaths } from './underlay-paths.js';
import type { Underlays } from './underlays.js';
import type { WrittenPorts } from './written-ports.js';

export { ENGINE_ARENA_BYTES, type EngineClasses, MESSAGES } from './engine-parts.js';

/** Descriptors kept free for mirrored copies while a message is decapsulated. */
const SPARE_PACKETS = 1024;
/** Times that a frame may go on from one vxlan device of this host to another. */
const LOCAL_LIMIT = 4;

export class Engine {
  readonly fdb: FdbLookup;
  readonly mirrors: MirrorTaps;
  readonly neighbours: NeighbourLookup;
  /** Where datagrams come from and go to. */
  readonly underlays: Underlays;
  private readonly arena: Arena;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly packets: Packets;
  private readonly batch: ReceivedDatagrams;
  private readonly demultiplexer: Demultiplexer;
  private readonly executor: Executor;
  private readonly hook: Hooks;
  private readonly witness: Witness;
  private readonly scratch: BatchScratch;
  private readonly flowCache: FlowCache;
  private readonly decapsulator: Decapsulator;
  private readonly trains: ReceivedTrains;
  private readonly hostFrames: HostFrames;
  private readonly inbound: Inbound;
  private readonly admitter: Admitter;
  private readonly resumer: Resumer;
  private readonly portWriter: PortWriter;
  private readonly transmitter: Transmitter;
  private readonly deliverer: Deliverer;
  private readonly writable: Writable;
  private readonly underlayPaths: UnderlayPaths;
  private readonly clock: BatchClock;
  private readonly inHand: BatchInHand;
  /** null: nobody captures. */
  private captures: CaptureTaps | null = null;
  private hasTrains = true;
  private customActions: CustomActions | null = null;

  /** Is made of the same as EngineParts. */
  constructor(...of: ConstructorParameters<typeof EngineParts>) {
    const [arena, devices, counters] = of;
    const parts = new EngineParts(...of);
    this.arena = arena;
    this.devices = devices;
    this.counters = counters;
    this.fdb = parts.fdb;
    this.mirrors = parts.mirrors;
    this.neighbours = parts.neighbours;
    this.underlays = parts.underlays;
    this.packets = parts.packets;
    this.batch = parts.batch;
    this.demultiplexer = parts.demultiplexer;
    this.executor = parts.executor;
    this.hook = parts.hook;
    this.witness = parts.witness;
    this.scratch = parts.scratch;
    this.flowCache = parts.flowCache;
    this.decapsulator = parts.decapsulator;
    this.trains = parts.trains;
    this.hostFrames = parts.hostFrames;
    this.inbound = parts.inbound;
    this.admitter = parts.admitter;
    this.resumer = parts.resumer;
    this.portWriter = parts.portWriter;
    this.transmitter = parts.transmitter;
    this.deliverer = parts.deliverer;
    this.writable = parts.writable;
    this.underlayPaths = parts.underlayPaths;
    this.clock = parts.clock;
    this.inHand = parts.inHand;
  }

  /** One more slab of token buckets (actions/buckets.ts), for programs that are put in force later. */
  attachBuckets(slab: SharedArrayBuffer): void {
    this.executor.buckets.attach(slab);
  }

  /** Puts programs in force; the hooks that refer to them follow in the same turn. */
  usePrograms(programs: ActionPrograms): void {
    this.executor.use(programs);
    this.hook.key.useTunnels(programs.tunnels);
    this.witness.transmitTunnels = programs.tunnels;
    this.transmitter.use(programs.tunnels);
  }

  /** Puts the filters of a hook (AT_INGRESS or AT_EGRESS) of a device in force; null: it has no such hook. */
  useRules(device: number, hook: number, lookup: Lookup | null): void {
    const place = device * 2 + hook;
    if (lookup === null) this.flowCache.forget(place);
    this.hook.use(device, hook, lookup && this.flowCache.before(lookup, place));
  }

  /** Another clock, and chance that is the same each time (`seed`: any 32 bits but 0): for what has to come out the same. */
  makeRepeatable(clock: Clock, seed: number): void {
    this.clock.use(clock);
    this.executor.seed(seed);
  }

  /** The ports that frames were written to; whoever looks at it resets it. */
  get written(): WrittenPorts {
    return this.portWriter.written;
  }

  /** The action `simple` that a frame has met since the last call: its id, or -1. */
  takeNote(): number {
    const { note } = this.executor;
    this.executor.note = -1;
    return note;
  }

  /** The TAPs of a mirror receiver, and VNIs that get none; frames that waited for either go on, or are counted. */
  useMirrorTaps(device: number, taps: Int32Array, refused: Int32Array): void {
    const { mirrors } = this;
    mirrors.use(device, taps, refused);
    if (mirrors.held === 0) return;
    this.clock.begin(mirrors.held);
    this.packets.reset();
    this.hook.key.beginBatch();
    for (let tap = mirrors.release(); tap >= 0; tap = mirrors.release()) {
      const packet = mirrors.released;
      this.hook.key.dissect(packet);
      this.hook.send(packet, tap, this.devices.ifindex(this.packets.device[packet]));
    }
    this.finish();
    this.clock.end();
    mirrors.compact();
  }

  /** Who carries out the actions that are not vtep's own. */
  setCustomActions(actions: CustomActions): void {
    this.customActions = actions;
    this.hook.deferral.allow(this.packets.capacity);
  }

  /** What custom actions and devices look at frames with; borrowed within a batch. */
  get columns(): Packets {
    return this.packets;
  }

  /** Makes the bytes of a packet its own before somebody changes them; false where there is no room. */
  own(packet: PacketIndex): boolean {
    return this.writable.own(packet, 0);
  }

  /** The received tunnel records that packets refer to (TUNNEL_RECEIVED), TUNNEL_WORDS each. */
  get receivedTunnels(): Int32Array {
    return this.batch.tunnels;
  }

  /** Whether frames are merged before they are written to ports that take merged ones. */
  setCoalescing(on: boolean): void {
    this.portWriter.setCoalescing(on);
  }

  /** Whether datagrams of one flow in a row share what the first one of them did. */
  setTrains(on: boolean): void {
    this.hasTrains = on;
    this.rideTrains();
  }

  /** Where a capture is to see each packet on its way none takes the short one. */
  private rideTrains(): void {
    const { captures } = this;
    const isWatched = captures?.wants(CapturePoint.DECAP) || captures?.wants(CapturePoint.DROP);
    this.trains.isOn = this.hasTrains && !isWatched;
    this.trains.forget();
  }

  /** What is captured from now on, into which rings, in the place of what was before. */
  setCaptures(captures: readonly { readonly filter: CaptureFilter; readonly ring: SharedArrayBuffer }[]): void {
    const taps = captures.map(({ filter, ring }) => ({ filter, ring: new CaptureRing(ring) }));
    const { arena, packets, batch, witness } = this;
    this.captures = taps.length === 0 ? null : new CaptureTaps(taps, arena, packets, batch, witness);
    const at = (point: number): CaptureTaps | null => (this.captures?.wants(point) ? this.captures : null);
    witness.tap = at(CapturePoint.DROP);
    this.decapsulator.captures = at(CapturePoint.DECAP);
    this.deliverer.setCaptures(this.captures);
    this.rideTrains();
  }

  /** `offloads`: what the port takes unfinished or unsegmented (bits as the coalescer's). */
  setPort(device: number, port: FramePort | null, offloads: number): void {
    this.hostFrames.setPort(device, port);
    this.portWriter.setPort(device, port, offloads);
  }

  /** Whom to ask how large packets to the peers may be; null: nobody. */
  setRoutes(routes: Routes | null): void {
    this.underlayPaths.use(routes);
  }

  /** Who may send to devices (`--strict-peers`). */
  get peers(): PeerFilter {
    return this.decapsulator.peers;
  }

  /** Receives and processes one batch from descriptor `which` of an underlay. Returns messages, or -errno. */
  serviceUnderlay(number: number, which: number): number {
    const received = this.underlays.receive(number, which);
    if (received <= 0) return received;
    this.clock.begin(received);
    const { inHand } = this;
    const before = this.counters.workValue(WorkCounter.RECEIVED_DATAGRAMS);
    this.packets.reset();
    inHand.beginReceived(number, received);
    this.decapsulator.begin();
    if (this.captures !== null) this.captures.arrived(number, this.demultiplexer);
    for (let m = 0; m < received; m++) {
      inHand.at = m;
      if (this.executor.needsClock) this.executor.arrivals.arrive();
      // A flush in between keeps the order, and the bytes stay valid until the next receive.
      if (this.packets.count + this.decapsulator.datagrams(m) > PACKETS - SPARE_PACKETS) {
        this.finish();
        this.decapsulator.begin();
      }
      inHand.packetsBefore = this.packets.count;
      this.decapsulator.message(m, number);
    }
    inHand.at = received;
    this.finish();
    const datagrams = this.counters.workValue(WorkCounter.RECEIVED_DATAGRAMS) - before;
    if (datagrams > 0) this.counters.size(SizeHistogram.RECEIVE_BATCH, datagrams);
    inHand.end();
    this.clock.end();
    return received;
  }

  /** Reads and processes one batch of what the host sent on a device. Returns the number of frames, or -errno. */
  servicePort(device: number): number {
    const { hostFrames, inHand } = this;
    const read = hostFrames.read(device);
    if (read <= 0) return read;
    this.clock.begin(read);
    const taken = this.packets.count;
    inHand.beginFromHost(device, taken);
    if (this.captures !== null) this.captures.sentByHost(device, taken);
    for (let i = 0; i < taken; i++) {
      inHand.at = i;
      if (this.executor.needsClock) this.executor.arrivals.arrive();
      hostFrames.frame(i as PacketIndex, device);
    }
    inHand.at = taken;
    const before = this.transmitter.messages;
    this.finish();
    hostFrames.allow(device, read, (this.transmitter.messages - before) | 0);
    inHand.end();
    this.clock.end();
    return read;
  }

  /** Whoever drives it has met an exception in it, and will not use it again: counts what it had in hand as lost. */
  abandon(): void {
    this.inHand.lose();
    this.mirrors.abandon();
  }

  private finish(): void {
    this.witness.nothing();
    this.flush();
    if (this.inbound.count > 0) this.finishInbound();
    this.packets.reset();
    this.scratch.reset();
  }

  /** Frames that wait for custom actions go on, and then all that is queued is written. */
  private flush(): void {
    const { deferral } = this.hook;
    while (this.customActions !== null && deferral.waiting > 0) {
      this.customActions.run(deferral.take());
      this.resumer.run();
    }
    this.deliverer.flush();
  }

  /** What came up within the batch comes in at its device, and so on; an end is put to what goes round. */
  private finishInbound(): void {
    for (let round = 0; this.inbound.count > 0; round++) {
      this.admitter.admit(round === LOCAL_LIMIT);
      this.flush();
    }
    this.inbound.reset();
  }
}
