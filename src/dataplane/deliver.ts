import { DeviceKind, type DeviceTable, EXTENSION_GPE, VxlanMode } from '../devices/device-table.js';
import type { FramePort, Underlay } from '../io/device.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter, MAX_DEVICES, SizeHistogram, WorkCounter } from '../memory/counters.js';
import { GSO_NONE, NONE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../memory/packets.js';
import { PeerCounter } from '../memory/peer-traffic.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { DatagramVector, FrameVector } from '../memory/vectors.js';
import { VniCounter, type VniCounters } from '../memory/vni-counters.js';
import { EMSGSIZE } from '../native/errno.js';
import type { Coalescer } from '../offload/coalesce.js';
import { ENCAPSULATED, type Encapsulator, FULL } from '../offload/encapsulate.js';
import { NO_COALESCING } from '../offload/offloads.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { VXLAN_HEADER } from '../wire/vxlan.js';
import type { CaptureTaps } from './capture-taps.js';
import { type Demultiplexer, NOBODY } from './demultiplexer.js';
import { type Forwarder, isNowhere, NOWHERE, RECORDS_FULL } from './forwarder.js';
import { ANSWERED, type Inbound, NOT_ANSWERED } from './inbound.js';
import { type NeighbourProxy, NOT_ASKED, PROXY_ANSWERED, PROXY_SILENT } from './neighbour-proxy.js';
import { isTooDeep } from './nested-tunnels.js';
import { NO_RECORD, OuterHeaders } from './outer-headers.js';
import { type OutputQueues, TO_PORT } from './queues.js';
import { NO_ROOM_TO_WRITE, type RouteShortCircuit, SHORT_CIRCUITED } from './route-short-circuit.js';
import { encapsulateReason, hostReason, portReason, sendReason } from './send-reasons.js';
import type { UnderlayPaths } from './underlay-paths.js';
import { WholeFlows } from './whole-flows.js';
import { WrittenPorts } from './written-ports.js';

/** Entries of the datagram vector: 64-segment bundles, or as many single datagrams. */
export const DATAGRAMS = 256;
/** A super-frame of 64 KB at the smallest usual MSS (536) is 123 segments of two iovecs each. */
const DATAGRAM_IOVECS = 8192;
const DATAGRAM_HEADERS = 512 * 1024;

/** Writes the output queues of a batch: merged frames to the TAPs, encapsulated datagrams to the underlays. */
export class Deliverer {
  /** Whoever looks at it resets it. */
  readonly written = new WrittenPorts();
  /** Who sees what leaves; null: nobody. */
  captures: CaptureTaps | null = null;
  /** Messages handed to underlays since the start, modulo 2^32. */
  messages = 0;
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly queues: OutputQueues;
  private readonly coalescer: Coalescer;
  private readonly encapsulator: Encapsulator;
  private readonly forwarder: Forwarder;
  private readonly proxy: NeighbourProxy;
  private readonly rsc: RouteShortCircuit;
  private readonly demultiplexer: Demultiplexer;
  private readonly vniCounters: VniCounters;
  private readonly frames: FrameVector;
  private readonly datagrams: DatagramVector;
  private readonly headers: OuterHeaders;
  private readonly inbound: Inbound;
  private readonly paths: UnderlayPaths;
  private readonly wholeFlows: WholeFlows;
  private readonly ports: (FramePort | null)[] = new Array(MAX_DEVICES).fill(null);
  private readonly offloads = new Int32Array(MAX_DEVICES);
  private readonly underlays: (Underlay | null)[] = new Array(MAX_DEVICES).fill(null);
  private tunnels: Int32Array;
  /** Offload bits for every port: NO_COALESCING, or none. */
  private mode = 0;

  constructor(
    arena: Arena,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    queues: OutputQueues,
    coalescer: Coalescer,
    encapsulator: Encapsulator,
    forwarder: Forwarder,
    proxy: NeighbourProxy,
    rsc: RouteShortCircuit,
    demultiplexer: Demultiplexer,
    vniCounters: VniCounters,
    tunnels: Int32Array,
    paths: UnderlayPaths,
    inbound: Inbound,
  ) {
    this.bytes = arena.u8;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.queues = queues;
    this.coalescer = coalescer;
    this.encapsulator = encapsulator;
    this.forwarder = forwarder;
    this.proxy = proxy;
    this.rsc = rsc;
    this.demultiplexer = demultiplexer;
    this.vniCounters = vniCounters;
    this.tunnels = tunnels;
    this.frames = new FrameVector(arena, packets.capacity);
    this.datagrams = new DatagramVector(arena, DATAGRAMS, DATAGRAM_IOVECS, DATAGRAM_HEADERS);
    this.paths = paths;
    this.inbound = inbound;
    this.headers = new OuterHeaders(arena.u8, packets, devices, paths, DATAGRAMS);
    this.wholeFlows = new WholeFlows(packets, this.headers, paths);
  }

  /** The tunnel_key set records of a new rule snapshot. */
  use(tunnels: Int32Array): void {
    this.tunnels = tunnels;
  }

  setCoalescing(on: boolean): void {
    this.mode = on ? 0 : NO_COALESCING;
  }

  setPort(device: number, port: FramePort | null, offloads: number): void {
    this.ports[device] = port;
    this.offloads[device] = offloads;
  }

  setUnderlay(device: number, underlay: Underlay | null): void {
    this.underlays[device] = underlay;
  }

  /** An underlay is closed: no device sends through it any more. */
  forgetUnderlay(underlay: Underlay): void {
    for (let device = 0; device < MAX_DEVICES; device++) {
      if (this.underlays[device] === underlay) this.underlays[device] = null;
    }
  }

  /** Writes everything queued, counts what could not be written, and leaves the queues empty. */
  flush(): void {
    const queues = this.queues;
    if (this.captures !== null) this.captures.leaving(queues);
    for (let n = 0; n < queues.count; n++) {
      queues.written = n;
      if (queues.way(n) === TO_PORT) this.toPort(queues.device(n), queues.first(n));
      else this.toTunnel(queues.device(n), queues.first(n));
    }
    queues.reset();
  }

  private toPort(device: number, first: PacketIndex): void {
    const port = this.ports[device];
    if (port === null) {
      for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex)
        this.dropAtPort(device, REASON['tap-gone'], this.packets.segments(i), i);
      return;
    }
    let rest = first;
    do {
      this.frames.reset();
      const { coalescer } = this;
      rest = coalescer.run(rest, this.devices.mtu(device), this.offloads[device] | this.mode, this.frames);
      const { badSuperFrames, tooManySegments } = coalescer;
      if (badSuperFrames > 0) this.dropAtPort(device, REASON['bad-super-frame'], badSuperFrames);
      if (tooManySegments > 0) this.dropAtPort(device, REASON['too-many-segments'], tooManySegments);
      this.write(device, port);
    } while (rest !== NONE);
  }

  private write(device: number, port: FramePort): void {
    const vector = this.frames;
    port.write(vector);
    this.written.mark(device);
    const counters = this.counters;
    const toStack = this.devices.kind(device) === DeviceKind.VXLAN;
    counters.work(WorkCounter.TAP_WRITES, vector.count);
    for (let f = 0; f < vector.count; f++) {
      if (vector.errno[f] !== 0) {
        const toHost = this.devices.kind(device) === DeviceKind.HOST;
        const errno = vector.errno[f];
        const reason = errno < 0 ? -errno : toHost ? hostReason(errno) : portReason(errno);
        counters.witness?.written(vector, f);
        this.dropAtPort(device, reason, vector.segments[f]);
        counters.witness?.nothing();
        continue;
      }
      counters.work(WorkCounter.TAP_FRAMES_WRITTEN, vector.segments[f]);
      counters.size(SizeHistogram.WRITTEN_SEGMENTS, vector.segments[f]);
      if (toStack) continue;
      counters.device(device, DeviceCounter.TX_PACKETS, vector.segments[f]);
      counters.device(device, DeviceCounter.TX_BYTES, vector.bytes[f]);
    }
  }

  private toTunnel(device: number, first: PacketIndex): void {
    const underlay = this.underlays[device];
    if (underlay === null) {
      for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex)
        this.drop(device, REASON['device-down'], this.packets.segments(i), i);
      return;
    }
    this.datagrams.reset();
    this.headers.reset();
    if ((this.devices.vxlanMode(device) & VxlanMode.CLASSIC) !== 0) {
      this.forwarder.reset();
      for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex) this.forward(device, underlay, i);
      this.send(device, underlay);
      return;
    }
    for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex) {
      const flags = this.packets.flags[i];
      if ((flags & TUNNEL_TRANSMIT) === 0) {
        const received = (flags & TUNNEL_RECEIVED) !== 0;
        const reason = received ? REASON['received-metadata'] : REASON['no-tunnel-metadata'];
        this.drop(device, reason, this.packets.segments(i), i);
        continue;
      }
      this.encapsulate(device, underlay, i, this.packets.tunnel[i], this.tunnels);
    }
    this.send(device, underlay);
  }

  /** Sends a packet to every destination that the forwarding table has for it, each behind headers of its own. */
  private forward(device: number, underlay: Underlay, packet: PacketIndex): void {
    const { forwarder } = this;
    if ((this.devices.vxlanMode(device) & VxlanMode.PROXY) !== 0) {
      const outcome = this.proxy.take(packet, device);
      if (outcome === PROXY_ANSWERED) this.counters.reason(device, REASON['proxy-answered'], 1, packet);
      else if (outcome === PROXY_SILENT) this.counters.reason(device, REASON['proxy-silent'], 1, packet);
      if (outcome !== NOT_ASKED) return;
    }
    let isShort = false;
    if ((this.devices.vxlanMode(device) & VxlanMode.RSC) !== 0) {
      const outcome = this.rsc.take(packet, device);
      isShort = outcome === SHORT_CIRCUITED;
      if (outcome === NO_ROOM_TO_WRITE) {
        this.drop(device, REASON['rewrite-no-room'], this.packets.segments(packet), packet);
        return;
      }
    }
    let count = forwarder.choose(packet, device);
    if (count === RECORDS_FULL) {
      this.sendAll(device, underlay);
      forwarder.reset();
      count = forwarder.choose(packet, device);
    }
    if (count === NOWHERE) this.drop(device, REASON['no-remote'], this.packets.segments(packet), packet);
    const first = forwarder.first;
    for (let r = first; r < first + count; r++) {
      if (isShort && isNowhere(forwarder.records, r)) this.comeBack(packet, device, r);
      else if (isNowhere(forwarder.records, r))
        this.drop(device, REASON['no-remote'], this.packets.segments(packet), packet);
      else this.encapsulate(device, underlay, packet, r, forwarder.records);
    }
  }

  /** A short-circuited frame whose neighbour is on this side: it comes in at the device that it went out of. */
  private comeBack(packet: PacketIndex, device: number, record: number): void {
    const segments = this.packets.segments(packet);
    const family = this.forwarder.records[record * TUNNEL_WORDS + TunnelWord.FAMILY];
    if (!this.inbound.pass(packet, device, family)) {
      this.drop(device, REASON['batch-full'], segments, packet);
      return;
    }
    this.counters.device(device, DeviceCounter.TX_PACKETS, segments);
    this.counters.device(device, DeviceCounter.TX_BYTES, this.packets.length[packet]);
  }

  private encapsulate(
    device: number,
    underlay: Underlay,
    packet: PacketIndex,
    record: number,
    tunnels: Int32Array,
  ): void {
    let result = this.add(device, underlay, packet, record, tunnels);
    if (result === FULL) {
      this.sendAll(device, underlay);
      result = this.add(device, underlay, packet, record, tunnels);
    }
    if (result !== ENCAPSULATED)
      this.lose(
        device,
        encapsulateReason(result),
        this.packets.segments(packet),
        tunnels[record * TUNNEL_WORDS + TunnelWord.FAMILY],
        packet,
      );
  }

  private add(device: number, underlay: Underlay, packet: PacketIndex, record: number, tunnels: Int32Array): number {
    const { headers } = this;
    const made = headers.complete(packet, device, tunnels, record);
    if (made === NO_RECORD) return FULL;
    if (headers.locals[made] !== 0) return this.bypass(packet, device, made);
    if (headers.loops[made] !== 0) return this.refuseLoop(packet, device);
    if (isTooDeep(this.bytes, this.packets, packet)) {
      this.drop(device, REASON['nested-tunnels'], this.packets.segments(packet), packet);
      return ENCAPSULATED;
    }
    const ipLength = this.ipLength(packet);
    if (ipLength > headers.limits[made] && this.tooBig(packet, device, made)) return ENCAPSULATED;
    const words = made * TUNNEL_WORDS;
    const hasVni = (headers.records[words + TunnelWord.FLAGS] & TUNNEL_KEY) !== 0;
    const vni = hasVni ? headers.records[words + TunnelWord.VNI] : 0;
    this.encapsulator.firstWord = headers.firstWords[made];
    this.encapsulator.strip = headers.strips[made];
    this.encapsulator.whole = this.wholeFlows.has(packet, made, underlay, ipLength);
    return this.encapsulator.add(packet, vni, made, this.datagrams);
  }

  /** To the device of this host that takes the VNI, without a datagram (vxlan_encap_bypass). */
  private bypass(packet: PacketIndex, device: number, record: number): number {
    const { counters } = this;
    const words = record * TUNNEL_WORDS;
    const segments = this.packets.segments(packet);
    const target = this.demultiplexer.beside(device, this.headers.records[words + TunnelWord.VNI]);
    if (target === NOBODY) {
      counters.device(device, DeviceCounter.TX_ERRORS, segments);
      counters.reason(device, REASON['no-local-vni'], segments, packet);
    } else if (!this.devices.isUp(target)) {
      counters.device(target, DeviceCounter.RX_DROPPED, segments);
      counters.reason(target, REASON['device-down'], segments, packet);
    } else if (!this.inbound.pass(packet, target, this.headers.records[words + TunnelWord.FAMILY])) {
      this.drop(device, REASON['batch-full'], segments, packet);
    } else {
      counters.device(device, DeviceCounter.TX_PACKETS, segments);
      counters.device(device, DeviceCounter.TX_BYTES, this.packets.length[packet]);
    }
    return ENCAPSULATED;
  }

  /** As vxlan_xmit_one where udp_tunnel_dst_lookup answers ELOOP. */
  private refuseLoop(packet: PacketIndex, device: number): number {
    const segments = this.packets.segments(packet);
    this.counters.device(device, DeviceCounter.TX_ERRORS, segments);
    this.counters.device(device, DeviceCounter.COLLISIONS, segments);
    this.counters.reason(device, REASON['route-loop'], segments, packet);
    return ENCAPSULATED;
  }

  /** Sends what there is, to make room. */
  private sendAll(device: number, underlay: Underlay): void {
    this.send(device, underlay);
    this.datagrams.reset();
    this.headers.reset();
  }

  /** Bytes of the largest IP packet that a packet stands for on a wire; of what is not IP, all behind Ethernet. */
  private ipLength(packet: PacketIndex): number {
    const { packets } = this;
    const l3 = packets.l3[packet] < 0 ? ETH_HEADER : packets.l3[packet];
    const size = packets.gsoType[packet] === GSO_NONE ? 0 : packets.gsoSize[packet];
    return size === 0
      ? packets.length[packet] - l3
      : Math.min(packets.length[packet], packets.payload[packet] + size) - l3;
  }

  /** True where the packet goes no further: its sender has been told, or others just now. */
  private tooBig(packet: PacketIndex, device: number, record: number): boolean {
    const { records, limits } = this.headers;
    const collects = (this.devices.vxlanMode(device) & VxlanMode.CLASSIC) === 0;
    const outcome = this.inbound.answer(packet, device, records, record, limits[record], collects);
    if (outcome === NOT_ANSWERED) return false;
    const reason = outcome === ANSWERED ? REASON['path-mtu-answered'] : REASON['path-mtu-unanswered'];
    this.drop(device, reason, this.packets.segments(packet), packet);
    return true;
  }

  private send(device: number, underlay: Underlay): void {
    const vector = this.datagrams;
    if (vector.count === 0) return;
    const counters = this.counters;
    counters.work(WorkCounter.SEND_CALLS, underlay.send(vector, this.headers.records));
    if (this.captures !== null) {
      const port = this.devices.port(device);
      this.captures.sent(device, port, underlay, vector, this.headers.records, this.paths);
    }
    counters.work(WorkCounter.SENT_MESSAGES, vector.count);
    counters.peers.begin();
    const byPeer = counters.peers.isOn;
    this.messages = (this.messages + vector.count) | 0;
    const byVni = (this.devices.vxlanMode(device) & VxlanMode.VNI_FILTER) !== 0;
    // The kernel counts from the inner network header on (iptunnel_xmit); of what has no Ethernet header, all of it.
    const isGpe = (this.devices.extensions(device) & EXTENSION_GPE) !== 0;
    const uncounted = isGpe ? VXLAN_HEADER : VXLAN_HEADER + ETH_HEADER;
    for (let m = 0; m < vector.count; m++) {
      if (byVni) this.countVni(device, m);
      if (vector.gsoType[m] > GSO_NONE) counters.work(WorkCounter.SENT_SUPER_FRAMES, 1);
      if (vector.errno[m] === 0) {
        counters.device(device, DeviceCounter.TX_PACKETS, vector.segments[m]);
        const bytes = vector.bytes[m] - vector.segments[m] * uncounted;
        counters.device(device, DeviceCounter.TX_BYTES, bytes);
        counters.work(WorkCounter.SENT_DATAGRAMS, vector.segments[m]);
        counters.size(SizeHistogram.SENT_SEGMENTS, vector.segments[m]);
        if (byPeer) this.countPeer(device, m, vector.segments[m], bytes);
      } else {
        const sent = vector.sentBefore[m];
        counters.device(device, DeviceCounter.TX_PACKETS, sent);
        const bytes = sent * (vector.segmentSize[m] - uncounted);
        counters.device(device, DeviceCounter.TX_BYTES, bytes);
        if (byPeer && sent > 0) this.countPeer(device, m, sent, bytes);
        counters.work(WorkCounter.SENT_DATAGRAMS, sent);
        const family = this.headers.records[vector.destination[m] * TUNNEL_WORDS + TunnelWord.FAMILY];
        this.lose(
          device,
          sendReason(vector.errno[m]),
          vector.segments[m] - sent,
          family,
          vector.packet[m] as PacketIndex,
        );
        if (vector.errno[m] === EMSGSIZE) this.paths.forget(this.headers.records, vector.destination[m] * TUNNEL_WORDS);
      }
    }
  }

  private countPeer(device: number, m: number, packets: number, bytes: number): void {
    const { records } = this.headers;
    const at = this.datagrams.destination[m] * TUNNEL_WORDS;
    const vni = records[at + TunnelWord.VNI];
    const family = records[at + TunnelWord.FAMILY];
    const { peers } = this.counters;
    peers.add(device, vni, family, records, at + TunnelWord.DST_IP, PeerCounter.TX_PACKETS, packets, bytes);
  }

  /** Counts entry `m` of the vector for its VNI, bytes from the inner Ethernet header on (vxlan_vnifilter_count). */
  private countVni(device: number, m: number): void {
    const vector = this.datagrams;
    const vni = this.headers.records[vector.destination[m] * TUNNEL_WORDS + TunnelWord.VNI];
    const row = this.demultiplexer.rowOf(device, vni);
    if (row < 0) return;
    if (vector.errno[m] !== 0) {
      this.vniCounters.add(row, VniCounter.TX_ERRORS, vector.segments[m]);
      return;
    }
    this.vniCounters.add(row, VniCounter.TX_PACKETS, vector.segments[m]);
    this.vniCounters.add(row, VniCounter.TX_BYTES, vector.bytes[m] - vector.segments[m] * VXLAN_HEADER);
  }

  /** What a vxlan device gives to its stack is still receive there, as what gro_cells drops in the kernel. */
  private dropAtPort(device: number, reason: number, packets: number, packet: PacketIndex = NONE): void {
    const toStack = this.devices.kind(device) === DeviceKind.VXLAN;
    this.counters.device(device, toStack ? DeviceCounter.RX_DROPPED : DeviceCounter.TX_DROPPED, packets);
    this.counters.reason(device, reason, packets, packet);
  }

  /**
   * Counts what the underlay did not take where vxlan_xmit_one, iptunnel_xmit and ip6tunnel_xmit count it: no route is
   * an error of the carrier, and what IPv6 refuses an aborted one.
   */
  private lose(device: number, reason: number, packets: number, family: number, packet: PacketIndex): void {
    const isUnreachable = reason === REASON['send-unreachable'];
    if (!isUnreachable && family !== 6) {
      this.drop(device, reason, packets, packet);
      return;
    }
    const cause = isUnreachable ? DeviceCounter.TX_CARRIER_ERRORS : DeviceCounter.TX_ABORTED_ERRORS;
    this.counters.device(device, DeviceCounter.TX_ERRORS, packets);
    this.counters.device(device, cause, packets);
    this.counters.reason(device, reason, packets, packet);
  }

  private drop(device: number, reason: number, packets: number, packet: PacketIndex): void {
    this.counters.device(device, DeviceCounter.TX_DROPPED, packets);
    this.counters.reason(device, reason, packets, packet);
  }
}
