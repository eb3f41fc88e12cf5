import { DeviceKind, type DeviceTable, EXTENSION_GBP, EXTENSION_GPE, VxlanMode } from '../devices/device-table.js';
import type { Arena } from '../memory/arena.js';
import { type Counters, DeviceCounter, WorkCounter } from '../memory/counters.js';
import {
  GSO_NONE,
  GSO_UDP_L4,
  NONE,
  type PacketIndex,
  type Packets,
  SHAPE_UDP,
  SIZE_GUESSED,
  TUNNEL_RECEIVED,
  UNFINISHED,
} from '../memory/packets.js';
import { PeerCounter } from '../memory/peer-traffic.js';
import { REASON } from '../memory/reasons.js';
import type { ReceivedDatagrams } from '../memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { VniCounter, type VniCounters } from '../memory/vni-counters.js';
import { markUnfinished } from '../offload/unfinished.js';
import { putU16, putU32 } from '../wire/bytes.js';
import type { Checksummer } from '../wire/checksum.js';
import { ECN_CHANGED, ECN_KEPT, ECN_LOST, ecnDecapsulate } from '../wire/ecn.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { ipHeaderCut } from '../wire/ip.js';
import {
  VXLAN_HEADER,
  VXLAN_OK,
  VXLAN_SHORT_HEADER,
  vxlanHeaderCheck,
  vxlanReservedCheck,
  vxlanVni,
} from '../wire/vxlan.js';
import {
  GBP_FLAG,
  GBP_MASK,
  GPE_ETHERNET,
  GPE_IPV4,
  GPE_IPV6,
  gpeProtocol,
  vxlanFirstWord,
} from '../wire/vxlan-extensions.js';
import type { CaptureTaps } from './capture-taps.js';
import type { Hooks } from './classify.js';
import { type Demultiplexer, NOBODY } from './demultiplexer.js';
import { holdsOneInnerSuperFrame } from './inner-super-frame.js';
import type { PathMtus } from './path-mtu.js';
import { ADMITTED, PeerFilter } from './peer-filter.js';
import { NO_POLICY, ReceivedRecords } from './received-records.js';
import type { SourceLearning } from './source-learning.js';
import type { ReceivedTrains } from './trains.js';

/**
 * From received datagrams to packets: validation in the order of vxlan_rcv (drivers/net/vxlan/vxlan_core.c), tunnel
 * metadata, then the ingress hook of the device. Bytes stay where they are.
 */
export class Decapsulator {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly hook: Hooks;
  private readonly checksums: Checksummer;
  private readonly batch: ReceivedDatagrams;
  private readonly paths: PathMtus;
  private readonly demultiplexer: Demultiplexer;
  private readonly learning: SourceLearning;
  private readonly trains: ReceivedTrains;
  private readonly vniCounters: VniCounters;
  /** The row of the present datagram's VNI in `vniCounters`; -1: it is not counted by VNI. */
  private vniRow = -1;
  /** Its peer's row in the counters; -1: nobody looks. */
  private peerRow = -1;
  /** Whether filters dropped the packet that came of it. */
  private wasDropped = false;
  private readonly records: ReceivedRecords;
  /** Who may send (`--strict-peers`). */
  readonly peers = new PeerFilter();
  /** Who sees what was decapsulated; null: nobody. */
  captures: CaptureTaps | null = null;

  constructor(
    arena: Arena,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    hook: Hooks,
    checksums: Checksummer,
    batch: ReceivedDatagrams,
    paths: PathMtus,
    demultiplexer: Demultiplexer,
    learning: SourceLearning,
    trains: ReceivedTrains,
    vniCounters: VniCounters,
  ) {
    this.bytes = arena.u8;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.hook = hook;
    this.checksums = checksums;
    this.batch = batch;
    this.records = new ReceivedRecords(batch);
    this.paths = paths;
    this.demultiplexer = demultiplexer;
    this.learning = learning;
    this.trains = trains;
    this.vniCounters = vniCounters;
  }

  /** Starts on a batch that `receive` has just filled, or goes on with it once every packet taken is gone. */
  begin(): void {
    this.counters.peers.begin();
    this.records.begin();
    this.trains.forget();
    this.hook.key.beginBatch();
  }

  /** Datagrams in message `m`: each may take a packet. */
  datagrams(m: number): number {
    const segment = this.batch.segmentSize[m];
    return segment === 0 ? 1 : Math.max(1, Math.ceil(this.batch.length[m] / segment));
  }

  /**
   * Decapsulates message `m` of the batch, which an underlay received. The caller has made room for `datagrams(m)`
   * packets.
   */
  message(m: number, underlay: number): void {
    const batch = this.batch;
    const device = this.demultiplexer.single(underlay);
    if (batch.refused[m] !== 0) {
      this.counters.witness?.nothing();
      this.lose(this.demultiplexer.owner(underlay), batch.refused[m]);
      return;
    }
    if (batch.truncated[m] !== 0) {
      this.drop(this.demultiplexer.owner(underlay), REASON['truncated-datagram'], batch.offset[m], batch.length[m], m);
      return;
    }
    const at = batch.offset[m];
    const total = batch.length[m];
    let segment = batch.segmentSize[m];
    let innerSegment = 0;
    if (segment === 0 || segment >= total) {
      segment = total;
    } else if (holdsOneInnerSuperFrame(this.bytes, at, total)) {
      innerSegment = segment;
      segment = total;
    }
    const { trains } = this;
    let done = 0;
    let left = segment === total ? 1 : Math.ceil(total / segment);
    do {
      const length = Math.min(segment, total - done);
      let followers = 0;
      if (trains.isLed && innerSegment === 0) {
        followers = trains.follow(at + done, length, Math.floor((total - done) / segment), m);
      }
      if (followers > 0) {
        this.countFollowers(followers, length);
        done += followers * length;
        left -= followers;
      } else {
        this.packets.reserved = --left;
        trains.begin(length, total - done - length, m);
        const packet = this.datagram(at + done, length, m, underlay, device, innerSegment);
        trains.end(packet, at + done, length, m, this.wasDropped);
        done += length;
      }
    } while (done < total);
  }

  /** What is counted where no tape is: the work, and a VNI's traffic. */
  private countFollowers(followers: number, length: number): void {
    this.counters.work(WorkCounter.RECEIVED_DATAGRAMS, followers);
    this.countVni(VniCounter.RX_PACKETS, followers);
    const bytes = followers * (length - VXLAN_HEADER - ETH_HEADER);
    this.countVni(VniCounter.RX_BYTES, bytes);
    if (this.peerRow >= 0) this.counters.peers.addTo(this.peerRow, PeerCounter.RX_PACKETS, followers, bytes);
  }

  /**
   * `device`: the one that takes every VNI, or NOBODY where the VNI says which. Returns the packet of a datagram that
   * others may follow (trains.ts), as far as can be told here; else NONE.
   */
  private datagram(
    at: number,
    length: number,
    m: number,
    underlay: number,
    device: number,
    innerSegment: number,
  ): PacketIndex {
    const bytes = this.bytes;
    this.counters.work(WorkCounter.RECEIVED_DATAGRAMS, 1);
    const verdict = vxlanHeaderCheck(bytes, at, length);
    if (verdict !== VXLAN_OK) {
      const owner = this.demultiplexer.owner(underlay);
      this.drop(
        owner,
        verdict === VXLAN_SHORT_HEADER ? REASON['short-vxlan-header'] : REASON['no-vni-flag'],
        at,
        length,
        m,
      );
      return NONE;
    }
    const devices = this.devices;
    const vni = vxlanVni(bytes, at);
    this.vniRow = -1;
    this.peerRow = -1;
    if (device === NOBODY) {
      device = this.demultiplexer.find(underlay, vni);
      this.vniRow = this.demultiplexer.row;
      if (device === NOBODY) {
        this.drop(this.demultiplexer.owner(underlay), REASON['unknown-vni'], at, length, m);
        return NONE;
      }
    }
    if (devices.kind(device) !== DeviceKind.VXLAN) {
      this.drop(device, REASON['unknown-vni'], at, length, m);
      return NONE;
    }
    if (this.peers.isOn) {
      const refusal = this.peers.refusal(device, this.batch.tunnels, m * TUNNEL_WORDS);
      if (refusal !== ADMITTED) {
        this.drop(device, refusal, at, length, m);
        return NONE;
      }
    }
    if (vxlanReservedCheck(bytes, at, devices.reservedHigh(device), devices.reservedLow(device)) !== VXLAN_OK) {
      this.frameError(device, REASON['reserved-bits'], at, length, m);
      return NONE;
    }
    const extensions = devices.extensions(device) & (EXTENSION_GBP | EXTENSION_GPE);
    let policy = NO_POLICY;
    let frame = at + VXLAN_HEADER;
    let frameLength = length - VXLAN_HEADER;
    let least = ETH_HEADER;
    if (extensions !== 0) {
      const word = vxlanFirstWord(bytes, at);
      if (extensions === EXTENSION_GPE) {
        const protocol = gpeProtocol(word);
        if (protocol === GPE_IPV4 || protocol === GPE_IPV6) {
          // Before a message there is room; datagrams of a bundle stand too close, so such sockets take none.
          if (at !== this.batch.offset[m]) {
            this.drop(device, REASON['gpe-bundle'], at, length, m);
            return NONE;
          }
          this.writeEthernet(frame, device, protocol === GPE_IPV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
          frame -= ETH_HEADER;
          frameLength += ETH_HEADER;
          least += 1;
        } else if (protocol !== GPE_ETHERNET) {
          this.drop(device, protocol < 0 ? REASON['gpe-header'] : REASON['gpe-protocol'], at, length, m);
          return NONE;
        }
      } else if ((word & GBP_FLAG) !== 0) {
        policy = word & GBP_MASK;
      }
    }
    if (frameLength < least) {
      this.drop(
        device,
        length === VXLAN_HEADER ? REASON['no-inner-frame'] : REASON['short-inner-frame'],
        at,
        length,
        m,
      );
      return NONE;
    }
    if (this.isOwnSource(frame, device)) {
      this.drop(device, REASON['own-source-mac'], at, length, m);
      return NONE;
    }
    const mode = devices.vxlanMode(device);
    if ((mode & VxlanMode.LEARN) !== 0) {
      this.show(at, length, m);
      if (!this.learning.learn(frame, m, device, vni)) return NONE;
    }
    // Mirrored frames may be cut short, and are to be seen as they were, whatever became of their copies on the way.
    const isMirror = (mode & VxlanMode.MIRROR) !== 0;
    if (!isMirror && ipHeaderCut(bytes, frame, frameLength)) {
      this.counters.device(device, DeviceCounter.RX_ERRORS, 1);
      this.counters.device(device, DeviceCounter.RX_LENGTH_ERRORS, 1);
      this.countVni(VniCounter.RX_ERRORS, 1);
      this.showAs(REASON['short-inner-ip'], at, length, m);
      this.counters.reason(device, REASON['short-inner-ip'], 1);
      return NONE;
    }
    const tos = this.batch.tunnels[m * TUNNEL_WORDS + TunnelWord.TOS];
    const ecn = isMirror ? ECN_KEPT : ecnDecapsulate(bytes, frame, tos);
    if (ecn > ECN_CHANGED) {
      if (ecn === ECN_LOST) {
        this.frameError(device, REASON['ecn-not-ect-in-ce'], at, length, m);
        return NONE;
      }
      this.showAs(REASON['ecn-suspicious'], at, length, m);
      this.counters.reason(device, REASON['ecn-suspicious'], 1);
    }
    if (!devices.isUp(device)) {
      this.countVni(VniCounter.RX_DROPS, 1);
      this.drop(device, REASON['device-down'], at, length, m);
      return NONE;
    }
    const packet = this.packets.take(frame, frameLength);
    if (packet === NONE) {
      this.drop(device, REASON['batch-full'], at, length, m);
      return NONE;
    }
    this.packets.device[packet] = device;
    this.packets.headroom[packet] = frame === at + VXLAN_HEADER ? VXLAN_HEADER : 0;
    const record = this.records.of(m, vni, policy);
    this.packets.origin[packet] = record;
    // A classic device collects no metadata: keys of filters on the tunnel match nothing there.
    if ((mode & VxlanMode.CLASSIC) === 0) {
      this.packets.flags[packet] = TUNNEL_RECEIVED;
      this.packets.tunnel[packet] = record;
    }
    this.hook.key.dissect(packet);
    this.markSuperFrame(packet, device, innerSegment);
    this.counters.device(device, DeviceCounter.RX_PACKETS, this.packets.segments(packet));
    this.counters.device(device, DeviceCounter.RX_BYTES, frameLength - ETH_HEADER);
    this.countVni(VniCounter.RX_PACKETS, this.packets.segments(packet));
    this.countVni(VniCounter.RX_BYTES, frameLength - ETH_HEADER);
    if (this.captures !== null) this.captures.decapsulated(packet);
    if (this.counters.peers.isOn)
      this.countPeer(m, device, vni, this.packets.segments(packet), frameLength - ETH_HEADER);
    this.wasDropped = !this.hook.decide(packet);
    return frame === at + VXLAN_HEADER ? packet : NONE;
  }

  /** Checksums that the sender left to a device further on, and frames larger than any on a wire. */
  private markSuperFrame(packet: PacketIndex, device: number, innerSegment: number): void {
    const packets = this.packets;
    const mtu = this.paths.limit(this.hook.key.words, this.devices.mtu(device));
    markUnfinished(this.checksums, packets, packet, mtu);
    if ((packets.flags[packet] & UNFINISHED) === 0) return;
    if (innerSegment > 0 && (packets.shape[packet] & SHAPE_UDP) !== 0) {
      packets.gsoType[packet] = GSO_UDP_L4;
      packets.gsoSize[packet] = innerSegment;
    } else if (packets.gsoType[packet] !== GSO_NONE && packets.gsoSize[packet] === 0) {
      packets.gsoSize[packet] = Math.max(1, mtu - (packets.payload[packet] - packets.l3[packet]));
      packets.flags[packet] |= SIZE_GUESSED;
    }
    packets.fixSegments(packet);
  }

  private isOwnSource(frame: number, device: number): boolean {
    const b = this.bytes;
    const high = (b[frame + 6] << 24) | (b[frame + 7] << 16) | (b[frame + 8] << 8) | b[frame + 9];
    return (
      high === this.devices.macHigh(device) && ((b[frame + 10] << 8) | b[frame + 11]) === this.devices.macLow(device)
    );
  }

  /** An Ethernet header for an IP packet that came without: to the device itself, from nobody. `end` is behind it. */
  private writeEthernet(end: number, device: number, type: number): void {
    const b = this.bytes;
    const at = end - ETH_HEADER;
    putU32(b, at, this.devices.macHigh(device));
    putU16(b, at + 4, this.devices.macLow(device));
    putU32(b, at + 6, 0);
    putU16(b, at + 10, 0);
    putU16(b, at + 12, type);
  }

  private countPeer(m: number, device: number, vni: number, packets: number, bytes: number): void {
    const { tunnels } = this.batch;
    const at = m * TUNNEL_WORDS;
    const { peers } = this.counters;
    const family = tunnels[at + TunnelWord.FAMILY];
    const source = at + TunnelWord.SRC_IP;
    this.peerRow = peers.add(device, vni, family, tunnels, source, PeerCounter.RX_PACKETS, packets, bytes);
  }

  private countVni(counter: number, by: number): void {
    if (this.vniRow >= 0) this.vniCounters.add(this.vniRow, counter, by);
  }

  /** What is counted from here on without a packet is of a datagram of message `m`: said only where something is. */
  private show(at: number, length: number, m: number): void {
    if (this.counters.witness !== null) this.counters.witness.datagram(at, length, m);
  }

  /** The same before something is counted under `reason`. */
  private showAs(reason: number, at: number, length: number, m: number): void {
    const { witness } = this.counters;
    if (witness?.sees(reason)) witness.datagram(at, length, m);
  }

  /** What vxlan_rcv counts as rx_errors and rx_frame_errors. */
  private frameError(device: number, reason: number, at: number, length: number, m: number): void {
    this.showAs(reason, at, length, m);
    this.countVni(VniCounter.RX_ERRORS, 1);
    this.counters.device(device, DeviceCounter.RX_ERRORS, 1);
    this.counters.device(device, DeviceCounter.RX_FRAME_ERRORS, 1);
    this.counters.reason(device, reason, 1);
  }

  private drop(device: number, reason: number, at: number, length: number, m: number): void {
    this.showAs(reason, at, length, m);
    this.lose(device, reason);
  }

  private lose(device: number, reason: number): void {
    this.counters.device(device, DeviceCounter.RX_DROPPED, 1);
    this.counters.reason(device, reason, 1);
  }
}
