/**
 * The datapath of one worker, without its thread: everything from a filled receive batch to the last write. The
 * worker drives it with real devices, tests with fakes.
 *
 * A batch runs to completion: receive, decapsulate, classify, act, queue, coalesce, write. Nothing is kept from one
 * batch to the next but the rules and the counters, so there is no queue to bound and no timer to flush one.
 */

import type { CustomActions } from '../actions/deferred.js';
import type { Executor } from '../actions/execute.js';
import type { ActionPrograms } from '../actions/program.js';
import { Writable } from '../actions/writable.js';
import type { Lookup } from '../classifier/classifier.js';
import type { FlowCache } from '../classifier/flow-cache/flow-cache.js';
import { DeviceKind, type DeviceTable, VxlanMode } from '../devices/device-table.js';
import type { FdbLookup } from '../devices/fdb-lookup.js';
import type { FramePort, Routes, Underlay } from '../io/device.js';
import type { Arena } from '../memory/arena.js';
import { CapturePoint, CaptureRing } from '../memory/capture-ring.js';
import { type Clock, STEADY_OFFSET } from '../memory/clock.js';
import {
  type ActionCounters,
  type Counters,
  DeviceCounter,
  MAX_DEVICES,
  SizeHistogram,
  WorkCounter,
} from '../memory/counters.js';
import type { DropRing } from '../memory/drop-ring.js';
import { type PacketIndex, type Packets, TUNNEL_RECEIVED } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { HEADROOM, type ReceivedDatagrams, type Slots } from '../memory/received.js';
import type { SampleRing } from '../memory/sample-ring.js';
import type { BatchScratch } from '../memory/scratch.js';
import type { VniCounters } from '../memory/vni-counters.js';
import { DROP_WINDOW, type Witness } from '../memory/witness.js';
import { type CaptureFilter, CaptureTaps } from './capture-taps.js';
import type { Hooks } from './classify.js';
import type { Decapsulator } from './decapsulate.js';
import type { Deliverer } from './deliver.js';
import type { Demultiplexer } from './demultiplexer.js';
import { type EngineClasses, EngineParts, PACKETS, TAP_FRAMES } from './engine-parts.js';
import type { Inbound } from './inbound.js';
import { loseFromHost, loseQueued, loseReceived } from './lost-batch.js';
import type { MirrorTaps } from './mirror-taps.js';
import type { NeighbourLookup } from './neighbour-lookup.js';
import type { PathMtus } from './path-mtu.js';
import type { PeerFilter } from './peer-filter.js';
import type { OutputQueues } from './queues.js';
import type { SourceLearning } from './source-learning.js';
import type { ReceivedTrains } from './trains.js';
import type { UnderlayPaths } from './underlay-paths.js';
import type { WrittenPorts } from './written-ports.js';

export { ENGINE_ARENA_BYTES, type EngineClasses, MESSAGES } from './engine-parts.js';

/** Descriptors kept free for mirrored copies while a message is decapsulated. */
const SPARE_PACKETS = 1024;
/**
 * Frames read from a TAP at a time: TAP_STEP, and as many again up to TAP_FRAMES while they are small, because what
 * leaves together costs less (io/udp/bundler.ts). Super-frames of 64 KB end a batch at the first step, so that
 * acknowledgements do not wait long for their turn.
 */
const TAP_STEP = 16;
const TAP_BYTES = 65536;
/**
 * Messages that the frames of one read may become before the next reads bring fewer: a broadcast frame becomes as many as
 * there are remotes, and others would wait for all of them.
 */
const TAP_MESSAGES = 1024;

/** Times that a frame may go on from one vxlan device of this host to another. */
const LOCAL_LIMIT = 4;

export class Engine {
  private readonly packets: Packets;
  private readonly batch: ReceivedDatagrams;
  private readonly tapSlots: Slots;
  private readonly devices: DeviceTable;
  readonly fdb: FdbLookup;
  private readonly demultiplexer: Demultiplexer;
  private readonly counters: Counters;
  private readonly executor: Executor;
  /** The steady clock at the time of the batch, in milliseconds; here, because a number passed on may be made anew. */
  private readonly time: Float64Array;
  private readonly hook: Hooks;
  private readonly queues: OutputQueues;
  private readonly witness: Witness;
  private readonly arena: Arena;
  /** null: nobody captures. */
  private captures: CaptureTaps | null = null;
  private hasTrains = true;
  private readonly scratch: BatchScratch;
  private readonly flowCache: FlowCache;
  private readonly decapsulator: Decapsulator;
  private readonly trains: ReceivedTrains;
  private readonly learning: SourceLearning;
  private readonly paths: PathMtus;
  private readonly deliverer: Deliverer;
  private readonly writable: Writable;
  private readonly underlayPaths: UnderlayPaths;
  private readonly inbound: Inbound;
  readonly mirrors: MirrorTaps;
  private readonly neighbours: NeighbourLookup;
  private readonly underlays: (Underlay | null)[] = new Array(MAX_DEVICES).fill(null);
  private readonly ports: (FramePort | null)[] = new Array(MAX_DEVICES).fill(null);
  /** What has been counted of each port's `short` and `malformed`, modulo 2^32. */
  private readonly shortSeen = new Int32Array(MAX_DEVICES);
  private readonly malformedSeen = new Int32Array(MAX_DEVICES);
  /** Frames that may be read from each port at once. */
  private readonly allowance = new Int32Array(MAX_DEVICES).fill(TAP_FRAMES);
  /** null: the machine's, which is asked directly; a call through an interface would box what it answers. */
  private clock: Clock | null = null;
  private customActions: CustomActions | null = null;
  /** The batch in hand: the descriptor's underlay or device, or -1; which message or frame is looked at, and of how many. */
  private underlayInHand = -1;
  private portInHand = -1;
  private at = 0;
  private inHand = 0;
  /** Packets that there were before it was looked at. */
  private packetsBefore = 0;

  /** As EngineParts: what is absent is one of its own. */
  constructor(
    arena: Arena,
    devices: DeviceTable,
    counters: Counters,
    actionCounters: ActionCounters,
    samples?: SampleRing,
    fdb?: SharedArrayBuffer,
    vniCounters?: VniCounters,
    pathMtus?: SharedArrayBuffer,
    classes?: EngineClasses,
    drops?: DropRing,
  ) {
    this.arena = arena;
    this.devices = devices;
    this.counters = counters;
    const parts = new EngineParts(
      arena,
      devices,
      counters,
      actionCounters,
      samples,
      fdb,
      vniCounters,
      pathMtus,
      classes,
      drops,
    );
    this.witness = parts.witness;
    this.packets = parts.packets;
    this.batch = parts.batch;
    this.tapSlots = parts.tapSlots;
    this.fdb = parts.fdb;
    this.demultiplexer = parts.demultiplexer;
    this.executor = parts.executor;
    this.time = parts.executor.arrivals.time;
    this.hook = parts.hook;
    this.queues = parts.queues;
    this.scratch = parts.scratch;
    this.flowCache = parts.flowCache;
    this.decapsulator = parts.decapsulator;
    this.trains = parts.trains;
    this.learning = parts.learning;
    this.paths = parts.paths;
    this.deliverer = parts.deliverer;
    this.underlayPaths = parts.underlayPaths;
    this.inbound = parts.inbound;
    this.mirrors = parts.mirrors;
    this.neighbours = parts.neighbours;
    this.writable = new Writable(arena, parts.packets, parts.scratch);
  }

  /** One more slab of token buckets (actions/buckets.ts), for programs that are put in force later. */
  attachBuckets(slab: SharedArrayBuffer): void {
    this.executor.buckets.attach(slab);
  }

  /** Puts programs in force; the hooks that refer to them follow in the same turn. */
  usePrograms(programs: ActionPrograms): void {
    this.executor.use(programs);
    this.hook.useTunnels(programs.tunnels);
    this.witness.transmitTunnels = programs.tunnels;
    this.deliverer.use(programs.tunnels);
  }

  /** Puts the filters of a hook (AT_INGRESS or AT_EGRESS) of a device in force; null: it has no such hook. */
  useRules(device: number, hook: number, lookup: Lookup | null): void {
    const place = device * 2 + hook;
    if (lookup === null) this.flowCache.forget(place);
    this.hook.use(device, hook, lookup && this.flowCache.before(lookup, place));
  }

  /** Another clock, and chance that is the same each time (`seed`: any 32 bits but 0): for what has to come out the same. */
  makeRepeatable(clock: Clock, seed: number): void {
    this.clock = clock;
    this.executor.seed(seed);
  }

  /** The ports that frames were written to; whoever looks at it resets it. */
  get written(): WrittenPorts {
    return this.deliverer.written;
  }

  /** The action `simple` that a frame has met since the last call: its id, or -1. */
  takeNote(): number {
    const { note } = this.executor;
    this.executor.note = -1;
    return note;
  }

  /** The host's neighbours on devices with `proxy` or `rsc`, NEIGHBOUR_WORDS words each. */
  useNeighbours(neighbours: Int32Array): void {
    this.neighbours.use(neighbours);
  }

  /** The TAPs of a mirror receiver, and VNIs that get none; frames that waited for either go on, or are counted. */
  useMirrorTaps(device: number, taps: Int32Array, refused: Int32Array): void {
    const { mirrors } = this;
    mirrors.use(device, taps, refused);
    if (mirrors.held === 0) return;
    this.tick(mirrors.held);
    this.packets.reset();
    this.hook.beginBatch();
    for (let tap = mirrors.release(); tap >= 0; tap = mirrors.release()) {
      const packet = mirrors.released;
      this.hook.dissect(packet);
      this.hook.send(packet, tap, this.devices.ifindex(this.packets.device[packet]));
    }
    this.finish();
    this.tock();
    mirrors.compact();
  }

  /** Who carries out the actions that are not vtep's own. */
  setCustomActions(actions: CustomActions): void {
    this.customActions = actions;
    this.hook.allowDeferred();
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
    this.deliverer.setCoalescing(on);
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
    this.deliverer.captures = this.captures;
    this.rideTrains();
  }

  /** `offloads`: what the port takes unfinished or unsegmented (bits as the coalescer's). */
  setPort(device: number, port: FramePort | null, offloads: number): void {
    this.ports[device] = port;
    this.shortSeen[device] = port === null ? 0 : port.short;
    this.malformedSeen[device] = port === null ? 0 : port.malformed;
    this.deliverer.setPort(device, port, offloads);
  }

  /** Whom to ask how large packets to the peers may be; null: nobody. */
  setRoutes(routes: Routes | null): void {
    this.underlayPaths.use(routes);
  }

  /** An underlay of one device: everything that it receives is the device's, and the device sends through it. */
  setUnderlay(device: number, underlay: Underlay | null): void {
    this.openUnderlay(device, underlay);
    this.demultiplexer.giveAll(device, device);
    this.useUnderlay(device, underlay === null ? -1 : device);
  }

  /** An underlay by a number below MAX_DEVICES; null: it is closed. */
  openUnderlay(number: number, underlay: Underlay | null): void {
    const before = this.underlays[number];
    if (before !== null) this.deliverer.forgetUnderlay(before);
    this.underlays[number] = underlay;
  }

  /**
   * Whose an underlay's datagrams are: `owner`'s, or where `takers` are given (TAKER_WORDS words each) theirs by VNI.
   * The owner counts what is nobody's.
   */
  serveUnderlay(number: number, owner: number, takers: Int32Array | undefined): void {
    if (takers === undefined) this.demultiplexer.giveAll(number, owner);
    else this.demultiplexer.share(number, owner, takers);
  }

  /** Who may send to devices (`--strict-peers`). */
  get peers(): PeerFilter {
    return this.decapsulator.peers;
  }

  /** Through which underlay a device sends; -1: none, it is down. */
  useUnderlay(device: number, number: number): void {
    this.deliverer.setUnderlay(device, number < 0 ? null : this.underlays[number]);
  }

  /** Receives and processes one batch from descriptor `which` of an underlay. Returns messages, or -errno. */
  serviceUnderlay(number: number, which: number): number {
    const underlay = this.underlays[number];
    if (underlay === null) return 0;
    const device = this.demultiplexer.owner(number);
    const batch = this.batch;
    const received = underlay.receive(which, batch);
    this.counters.work(WorkCounter.RECEIVE_CALLS, 1);
    if (received < 0) {
      this.counters.reason(device, REASON['receive-error'], 1);
      return received;
    }
    if (batch.overflow > 0) this.countOverflow(device, batch.overflow);
    if (received === 0) return 0;
    this.tick(received);
    this.counters.work(WorkCounter.RECEIVED_MESSAGES, received);
    const before = this.counters.workValue(WorkCounter.RECEIVED_DATAGRAMS);
    this.packets.reset();
    this.underlayInHand = number;
    this.inHand = received;
    this.decapsulator.begin();
    if (this.captures !== null) this.captures.arrived(number, this.demultiplexer);
    for (let m = 0; m < received; m++) {
      this.at = m;
      if (this.executor.needsClock) this.executor.arrivals.arrive();
      // A flush in between keeps the order, and the bytes stay valid until the next receive.
      if (this.packets.count + this.decapsulator.datagrams(m) > PACKETS - SPARE_PACKETS) {
        this.finish();
        this.decapsulator.begin();
      }
      this.packetsBefore = this.packets.count;
      this.decapsulator.message(m, number);
    }
    this.at = received;
    this.finish();
    const datagrams = this.counters.workValue(WorkCounter.RECEIVED_DATAGRAMS) - before;
    if (datagrams > 0) this.counters.size(SizeHistogram.RECEIVE_BATCH, datagrams);
    this.underlayInHand = -1;
    this.tock();
    return received;
  }

  /** Whoever drives it has met an exception in it, and will not use it again: counts what it had in hand as lost. */
  abandon(): void {
    const { devices, counters, packets, queues, at } = this;
    if (this.underlayInHand >= 0) {
      let lost = 0;
      for (let m = at; m < this.inHand; m++) lost += this.decapsulator.datagrams(m);
      // Of a bundle, those that had been taken stand in queues; one of them was looked at.
      if (lost > 0) lost -= Math.min(this.decapsulator.datagrams(at) - 1, packets.count - this.packetsBefore - 1);
      loseReceived(counters, this.demultiplexer.owner(this.underlayInHand), lost);
    } else if (this.portInHand >= 0) {
      let lost = 0;
      for (let i = at; i < this.inHand; i++) {
        if (i > at) this.hook.dissect(i as PacketIndex);
        lost += packets.segments(i as PacketIndex);
      }
      loseFromHost(devices, counters, this.portInHand, lost);
    }
    loseQueued(devices, counters, packets, queues);
    this.mirrors.abandon();
  }

  /** How much of what receive queues have lost is counted, by descriptor. */
  dropsTold(): (readonly [fd: number, count: number])[] {
    return this.underlays.flatMap((underlay) => underlay?.dropsTold?.() ?? []);
  }

  /** Counts what the queues of the underlays have lost up to now. */
  countOverflows(): void {
    this.underlays.forEach((underlay, number) => {
      const lost = underlay === null ? 0 : underlay.takeOverflow();
      if (lost > 0) this.countOverflow(this.demultiplexer.owner(number), lost);
    });
  }

  private countOverflow(device: number, lost: number): void {
    this.counters.device(device, DeviceCounter.RX_DROPPED, lost);
    this.counters.reason(device, REASON['socket-overflow'], lost);
  }

  /** Reads and processes one batch of what the host sent on a device. Returns the number of frames, or -errno. */
  servicePort(device: number): number {
    const port = this.ports[device];
    if (port === null) return 0;
    this.packets.reset();
    const most = this.allowance[device];
    const read = this.readFrames(port, most);
    this.countRefused(port, device);
    if (read <= 0) return read;
    this.tick(read);
    this.counters.work(WorkCounter.TAP_FRAMES_READ, read);
    const taken = this.packets.count;
    this.portInHand = device;
    this.inHand = taken;
    if (this.captures !== null) this.captures.sentByHost(device, taken);
    for (let i = 0; i < taken; i++) {
      this.at = i;
      if (this.executor.needsClock) this.executor.arrivals.arrive();
      this.fromHost(i as PacketIndex, device);
    }
    this.at = taken;
    const before = this.deliverer.messages;
    this.finish();
    const made = (this.deliverer.messages - before) | 0;
    const fits = made === 0 ? TAP_FRAMES : ((read * TAP_MESSAGES) / made) | 0;
    this.allowance[device] = Math.max(1, Math.min(fits, most * 2, TAP_FRAMES));
    this.portInHand = -1;
    this.tock();
    return read;
  }

  /** Reads a batch of at most so many; returns the number of frames, or -errno where there is not even one. */
  private readFrames(port: FramePort, most: number): number {
    const { packets } = this;
    let frames = 0;
    let bytes = 0;
    let step: number;
    do {
      const from = packets.count;
      step = port.read(packets, this.tapSlots, frames, Math.min(TAP_STEP, most - frames));
      this.counters.work(WorkCounter.TAP_READS, 1);
      if (step <= 0) return frames > 0 ? frames : step;
      frames += step;
      for (let i = from; i < packets.count; i++) bytes += packets.length[i];
    } while (step === TAP_STEP && frames < most && bytes < TAP_BYTES);
    return frames;
  }

  /** Counts the frames that the port read and dropped. What the host sends on a vxlan device is transmit there. */
  private countRefused(port: FramePort, device: number): void {
    const short = (port.short - this.shortSeen[device]) | 0;
    const malformed = (port.malformed - this.malformedSeen[device]) | 0;
    if (short === 0 && malformed === 0) return;
    this.shortSeen[device] = port.short;
    this.malformedSeen[device] = port.malformed;
    const transmit = this.devices.kind(device) === DeviceKind.VXLAN;
    const counter = transmit ? DeviceCounter.TX_DROPPED : DeviceCounter.RX_DROPPED;
    this.counters.device(device, counter, short + malformed);
    this.counters.reason(device, REASON['tap-read-short'], short);
    this.counters.reason(device, REASON['tap-read-malformed'], malformed);
  }

  /** The time of a batch of `count` frames or messages. */
  private tick(count: number): void {
    const { time, executor } = this;
    time[0] = this.clock === null ? performance.now() + STEADY_OFFSET : this.clock.steady();
    if (executor.needsClock) executor.arrivals.begin(count);
    this.witness.tick((time[0] / DROP_WINDOW) | 0);
    const second = (time[0] / 1000) | 0;
    this.paths.now = second;
    this.underlayPaths.now = second;
    this.inbound.now = second;
    this.mirrors.now = second;
    this.fdb.tick((time[0] / 100) | 0);
  }

  /** The batch is done with. */
  private tock(): void {
    if (!this.executor.needsClock) return;
    this.time[0] = this.clock === null ? performance.now() + STEADY_OFFSET : this.clock.steady();
    this.executor.arrivals.finish();
  }

  private fromHost(packet: PacketIndex, device: number): void {
    this.packets.device[packet] = device;
    this.packets.headroom[packet] = HEADROOM;
    this.hook.dissect(packet);
    this.packets.fixSegments(packet);
    if ((this.devices.vxlanMode(device) & VxlanMode.MIRROR) !== 0) {
      this.refuseFromHost(packet, device);
      return;
    }
    this.paths.observe(packet, this.hook.key);
    // On a vxlan device this is its egress: into the tunnel with whatever metadata there is.
    if (this.devices.kind(device) === DeviceKind.VXLAN) {
      this.hook.send(packet, device, 0);
      return;
    }
    this.counters.device(device, DeviceCounter.RX_PACKETS, this.packets.segments(packet));
    this.counters.device(device, DeviceCounter.RX_BYTES, this.packets.length[packet]);
    this.hook.decide(packet);
  }

  /** Nothing goes back to where mirrored traffic comes from. */
  private refuseFromHost(packet: PacketIndex, device: number): void {
    const segments = this.packets.segments(packet);
    const transmit = this.devices.kind(device) === DeviceKind.VXLAN;
    this.counters.device(device, transmit ? DeviceCounter.TX_DROPPED : DeviceCounter.RX_DROPPED, segments);
    this.counters.reason(device, REASON['mirror-receive-only'], segments, packet);
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
    while (this.customActions !== null && this.hook.waiting > 0) {
      this.customActions.run(this.hook.takeDeferred());
      this.hook.resume();
    }
    this.deliverer.flush();
  }

  /** What came up within the batch comes in at its device, and so on; an end is put to what goes round. */
  private finishInbound(): void {
    for (let round = 0; this.inbound.count > 0; round++) {
      this.admit(round === LOCAL_LIMIT);
      this.flush();
    }
    this.inbound.reset();
  }

  private admit(isLoop: boolean): void {
    const { inbound, packets, counters } = this;
    const count = inbound.count;
    inbound.clear();
    this.hook.beginBatch();
    for (let n = 0; n < count; n++) {
      const packet = inbound.take(n);
      const device = packets.device[packet];
      const segments = packets.segments(packet);
      if (isLoop) {
        counters.device(device, DeviceCounter.RX_DROPPED, segments);
        counters.reason(device, REASON['local-loop'], segments, packet);
        continue;
      }
      // A classic device collects no metadata.
      if ((this.devices.vxlanMode(device) & VxlanMode.CLASSIC) !== 0) packets.flags[packet] &= ~TUNNEL_RECEIVED;
      this.hook.dissect(packet);
      const family = inbound.family(n);
      // What the device itself answers was not received by it.
      if (family !== 0) {
        this.learning.learnLocal(packet, device, family);
        counters.device(device, DeviceCounter.RX_PACKETS, segments);
        counters.device(device, DeviceCounter.RX_BYTES, packets.length[packet]);
      }
      this.hook.decide(packet);
    }
  }
}
