import { type DeviceTable, VxlanMode } from '../devices/device-table.js';
import type { Underlay } from '../io/device.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter, MAX_DEVICES, WorkCounter } from '../memory/counters.js';
import { GSO_NONE, NONE, type PacketIndex, type Packets, TUNNEL_RECEIVED, TUNNEL_TRANSMIT } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { DatagramVector } from '../memory/vectors.js';
import { ENCAPSULATED, type Encapsulator, FULL } from '../offload/encapsulate.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import type { CaptureTaps } from './capture-taps.js';
import { type Demultiplexer, NOBODY } from './demultiplexer.js';
import { type Forwarder, isNowhere, NOWHERE, RECORDS_FULL } from './forwarder.js';
import { ANSWERED, type Inbound, NOT_ANSWERED } from './inbound.js';
import { type NeighbourProxy, NOT_ASKED, PROXY_ANSWERED, PROXY_SILENT } from './neighbour-proxy.js';
import { isTooDeep } from './nested-tunnels.js';
import { NO_RECORD, OuterHeaders } from './outer-headers.js';
import { NO_ROOM_TO_WRITE, type RouteShortCircuit, SHORT_CIRCUITED } from './route-short-circuit.js';
import type { SendOutcomes } from './send-outcomes.js';
import { encapsulateReason } from './send-reasons.js';
import type { UnderlayPaths } from './underlay-paths.js';
import { WholeFlows } from './whole-flows.js';

/** Entries of the datagram vector: 64-segment bundles, or as many single datagrams. */
export const DATAGRAMS = 256;
/** A super-frame of 64 KB at the smallest usual MSS (536) is 123 segments of two iovecs each. */
const DATAGRAM_IOVECS = 8192;
const DATAGRAM_HEADERS = 512 * 1024;

/** Sends what goes into the tunnel: a queue's packets, to where their metadata or the forwarding table says. */
export class Transmitter {
  /** Who sees what leaves; null: nobody. */
  captures: CaptureTaps | null = null;
  /** Messages handed to underlays since the start, modulo 2^32. */
  messages = 0;
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly outcomes: SendOutcomes;
  private readonly encapsulator: Encapsulator;
  private readonly forwarder: Forwarder;
  private readonly proxy: NeighbourProxy;
  private readonly rsc: RouteShortCircuit;
  private readonly demultiplexer: Demultiplexer;
  private readonly datagrams: DatagramVector;
  private readonly headers: OuterHeaders;
  private readonly inbound: Inbound;
  private readonly paths: UnderlayPaths;
  private readonly wholeFlows: WholeFlows;
  private readonly underlays: (Underlay | null)[] = new Array(MAX_DEVICES).fill(null);
  private tunnels: Int32Array;

  constructor(
    arena: Arena,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    outcomes: SendOutcomes,
    encapsulator: Encapsulator,
    forwarder: Forwarder,
    proxy: NeighbourProxy,
    rsc: RouteShortCircuit,
    demultiplexer: Demultiplexer,
    tunnels: Int32Array,
    paths: UnderlayPaths,
    inbound: Inbound,
  ) {
    this.bytes = arena.u8;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.outcomes = outcomes;
    this.encapsulator = encapsulator;
    this.forwarder = forwarder;
    this.proxy = proxy;
    this.rsc = rsc;
    this.demultiplexer = demultiplexer;
    this.tunnels = tunnels;
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

  /** Through which underlay a device sends; null: it is down. */
  setUnderlay(device: number, underlay: Underlay | null): void {
    this.underlays[device] = underlay;
  }

  /** An underlay is closed: no device sends through it any more. */
  forgetUnderlay(underlay: Underlay): void {
    for (let device = 0; device < MAX_DEVICES; device++) {
      if (this.underlays[device] === underlay) this.underlays[device] = null;
    }
  }

  /** Sends the packets of a queue, `first` and those behind it, on a vxlan device; counts what could not be sent. */
  send(device: number, first: PacketIndex): void {
    const underlay = this.underlays[device];
    if (underlay === null) {
      for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex)
        this.outcomes.drop(device, REASON['device-down'], this.packets.segments(i), i);
      return;
    }
    this.datagrams.reset();
    this.headers.reset();
    if ((this.devices.vxlanMode(device) & VxlanMode.CLASSIC) !== 0) {
      this.forwarder.reset();
      for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex) this.forward(device, underlay, i);
      this.sendVector(device, underlay);
      return;
    }
    for (let i = first; i !== NONE; i = this.packets.next[i] as PacketIndex) {
      const flags = this.packets.flags[i];
      if ((flags & TUNNEL_TRANSMIT) === 0) {
        const received = (flags & TUNNEL_RECEIVED) !== 0;
        const reason = received ? REASON['received-metadata'] : REASON['no-tunnel-metadata'];
        this.outcomes.drop(device, reason, this.packets.segments(i), i);
        continue;
      }
      this.encapsulate(device, underlay, i, this.packets.tunnel[i], this.tunnels);
    }
    this.sendVector(device, underlay);
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
        this.outcomes.drop(device, REASON['rewrite-no-room'], this.packets.segments(packet), packet);
        return;
      }
    }
    let count = forwarder.choose(packet, device);
    if (count === RECORDS_FULL) {
      this.sendAll(device, underlay);
      forwarder.reset();
      count = forwarder.choose(packet, device);
    }
    if (count === NOWHERE) this.outcomes.drop(device, REASON['no-remote'], this.packets.segments(packet), packet);
    const first = forwarder.first;
    for (let r = first; r < first + count; r++) {
      if (isShort && isNowhere(forwarder.records, r)) this.comeBack(packet, device, r);
      else if (isNowhere(forwarder.records, r))
        this.outcomes.drop(device, REASON['no-remote'], this.packets.segments(packet), packet);
      else this.encapsulate(device, underlay, packet, r, forwarder.records);
    }
  }

  /** A short-circuited frame whose neighbour is on this side: it comes in at the device that it went out of. */
  private comeBack(packet: PacketIndex, device: number, record: number): void {
    const segments = this.packets.segments(packet);
    const family = this.forwarder.records[record * TUNNEL_WORDS + TunnelWord.FAMILY];
    if (!this.inbound.pass(packet, device, family)) {
      this.outcomes.drop(device, REASON['batch-full'], segments, packet);
      return;
    }
    this.outcomes.passed(device, segments, this.packets.length[packet]);
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
      this.outcomes.lose(
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
      this.outcomes.drop(device, REASON['nested-tunnels'], this.packets.segments(packet), packet);
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
      this.outcomes.drop(device, REASON['batch-full'], segments, packet);
    } else {
      this.outcomes.passed(device, segments, this.packets.length[packet]);
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
    this.sendVector(device, underlay);
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
    this.outcomes.drop(device, reason, this.packets.segments(packet), packet);
    return true;
  }

  private sendVector(device: number, underlay: Underlay): void {
    const vector = this.datagrams;
    if (vector.count === 0) return;
    this.counters.work(WorkCounter.SEND_CALLS, underlay.send(vector, this.headers.records));
    if (this.captures !== null) {
      const port = this.devices.port(device);
      this.captures.sent(device, port, underlay, vector, this.headers.records, this.paths);
    }
    this.messages = (this.messages + vector.count) | 0;
    this.outcomes.settle(device, vector, this.headers.records);
  }
}
