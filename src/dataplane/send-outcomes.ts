import { type DeviceTable, EXTENSION_GPE, VxlanMode } from '../devices/device-table.js';
import { type Counters, DeviceCounter, SizeHistogram, WorkCounter } from '../memory/counters.js';
import { GSO_NONE, type PacketIndex } from '../memory/packets.js';
import { PeerCounter } from '../memory/peer-traffic.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import type { DatagramVector } from '../memory/vectors.js';
import { VniCounter, type VniCounters } from '../memory/vni-counters.js';
import { EMSGSIZE } from '../native/errno.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { VXLAN_HEADER } from '../wire/vxlan.js';
import type { Demultiplexer } from './demultiplexer.js';
import { sendReason } from './send-reasons.js';
import type { UnderlayPaths } from './underlay-paths.js';

/** What became of what devices send into the tunnel: counted for the device, its VNIs and its peers. */
export class SendOutcomes {
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly demultiplexer: Demultiplexer;
  private readonly vniCounters: VniCounters;
  private readonly paths: UnderlayPaths;

  constructor(
    devices: DeviceTable,
    counters: Counters,
    demultiplexer: Demultiplexer,
    vniCounters: VniCounters,
    paths: UnderlayPaths,
  ) {
    this.devices = devices;
    this.counters = counters;
    this.demultiplexer = demultiplexer;
    this.vniCounters = vniCounters;
    this.paths = paths;
  }

  /**
   * Counts a vector that an underlay has been given, under the completed records `records`. The way to a peer for which a
   * datagram was too large is asked for anew.
   */
  settle(device: number, vector: DatagramVector, records: Int32Array): void {
    const { counters } = this;
    counters.work(WorkCounter.SENT_MESSAGES, vector.count);
    counters.peers.begin();
    const byPeer = counters.peers.isOn;
    const byVni = (this.devices.vxlanMode(device) & VxlanMode.VNI_FILTER) !== 0;
    // The kernel counts from the inner network header on (iptunnel_xmit); of what has no Ethernet header, all of it.
    const isGpe = (this.devices.extensions(device) & EXTENSION_GPE) !== 0;
    const uncounted = isGpe ? VXLAN_HEADER : VXLAN_HEADER + ETH_HEADER;
    for (let m = 0; m < vector.count; m++) {
      if (byVni) this.countVni(device, vector, m, records);
      if (vector.gsoType[m] > GSO_NONE) counters.work(WorkCounter.SENT_SUPER_FRAMES, 1);
      if (vector.errno[m] === 0) {
        counters.device(device, DeviceCounter.TX_PACKETS, vector.segments[m]);
        const bytes = vector.bytes[m] - vector.segments[m] * uncounted;
        counters.device(device, DeviceCounter.TX_BYTES, bytes);
        counters.work(WorkCounter.SENT_DATAGRAMS, vector.segments[m]);
        counters.size(SizeHistogram.SENT_SEGMENTS, vector.segments[m]);
        if (byPeer) this.countPeer(device, vector.destination[m], records, vector.segments[m], bytes);
      } else {
        const sent = vector.sentBefore[m];
        counters.device(device, DeviceCounter.TX_PACKETS, sent);
        const bytes = sent * (vector.segmentSize[m] - uncounted);
        counters.device(device, DeviceCounter.TX_BYTES, bytes);
        if (byPeer && sent > 0) this.countPeer(device, vector.destination[m], records, sent, bytes);
        counters.work(WorkCounter.SENT_DATAGRAMS, sent);
        const family = records[vector.destination[m] * TUNNEL_WORDS + TunnelWord.FAMILY];
        this.lose(
          device,
          sendReason(vector.errno[m]),
          vector.segments[m] - sent,
          family,
          vector.packet[m] as PacketIndex,
        );
        if (vector.errno[m] === EMSGSIZE) this.paths.forget(records, vector.destination[m] * TUNNEL_WORDS);
      }
    }
  }

  private countPeer(device: number, record: number, records: Int32Array, packets: number, bytes: number): void {
    const at = record * TUNNEL_WORDS;
    const vni = records[at + TunnelWord.VNI];
    const family = records[at + TunnelWord.FAMILY];
    const { peers } = this.counters;
    peers.add(device, vni, family, records, at + TunnelWord.DST_IP, PeerCounter.TX_PACKETS, packets, bytes);
  }

  /** Counts entry `m` of the vector for its VNI, bytes from the inner Ethernet header on (vxlan_vnifilter_count). */
  private countVni(device: number, vector: DatagramVector, m: number, records: Int32Array): void {
    const vni = records[vector.destination[m] * TUNNEL_WORDS + TunnelWord.VNI];
    const row = this.demultiplexer.rowOf(device, vni);
    if (row < 0) return;
    if (vector.errno[m] !== 0) {
      this.vniCounters.add(row, VniCounter.TX_ERRORS, vector.segments[m]);
      return;
    }
    this.vniCounters.add(row, VniCounter.TX_PACKETS, vector.segments[m]);
    this.vniCounters.add(row, VniCounter.TX_BYTES, vector.bytes[m] - vector.segments[m] * VXLAN_HEADER);
  }

  /**
   * Counts what the underlay did not take where vxlan_xmit_one, iptunnel_xmit and ip6tunnel_xmit count it: no route is
   * an error of the carrier, and what IPv6 refuses an aborted one.
   */
  lose(device: number, reason: number, packets: number, family: number, packet: PacketIndex): void {
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

  /** A packet that went to a device of this host, without a datagram. */
  passed(device: number, segments: number, bytes: number): void {
    this.counters.device(device, DeviceCounter.TX_PACKETS, segments);
    this.counters.device(device, DeviceCounter.TX_BYTES, bytes);
  }

  drop(device: number, reason: number, packets: number, packet: PacketIndex): void {
    this.counters.device(device, DeviceCounter.TX_DROPPED, packets);
    this.counters.reason(device, reason, packets, packet);
  }
}
