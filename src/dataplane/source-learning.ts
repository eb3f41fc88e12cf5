import { type DeviceTable, VxlanMode } from '../devices/device-table.js';
import { type FdbLookup, Learned } from '../devices/fdb-lookup.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';

/** Records of frames that come from this host itself: 127.0.0.1 and ::1. */
const LOOPBACK_IPV4 = new Int32Array(TUNNEL_WORDS);
LOOPBACK_IPV4[TunnelWord.FAMILY] = 4;
LOOPBACK_IPV4[TunnelWord.SRC_IP] = 0x7f000001;
const LOOPBACK_IPV6 = new Int32Array(TUNNEL_WORDS);
LOOPBACK_IPV6[TunnelWord.FAMILY] = 6;
LOOPBACK_IPV6[TunnelWord.SRC_IP + 3] = 1;

/** What received frames teach the forwarding table: where their sources are. */
export class SourceLearning {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly counters: Counters;
  private readonly fdb: FdbLookup;
  private readonly tunnels: Int32Array;

  /** `tunnels`: the received records. */
  constructor(
    bytes: Uint8Array,
    packets: Packets,
    devices: DeviceTable,
    counters: Counters,
    fdb: FdbLookup,
    tunnels: Int32Array,
  ) {
    this.bytes = bytes;
    this.packets = packets;
    this.devices = devices;
    this.counters = counters;
    this.fdb = fdb;
    this.tunnels = tunnels;
  }

  /** Learns where the source of a frame of message `m` is; false where it was dropped for it (vxlan_snoop). */
  learn(frame: number, m: number, device: number, vni: number): boolean {
    const b = this.bytes;
    const high = (b[frame + 6] << 24) | (b[frame + 7] << 16) | (b[frame + 8] << 8) | b[frame + 9];
    const low = (b[frame + 10] << 8) | b[frame + 11];
    if ((b[frame + 6] & 1) !== 0 || (high | low) === 0) {
      this.drop(device, REASON['bad-source-mac']);
      return false;
    }
    const result = this.fdb.learn(device, high, low, vni, this.tunnels, m * TUNNEL_WORDS);
    if (result === Learned.ELSEWHERE) {
      this.drop(device, REASON['static-mac']);
      return false;
    }
    if (result === Learned.NO_ROOM) this.counters.reason(device, REASON['fdb-full'], 1);
    return true;
  }

  /** A frame from another device of this host is learned as from its loopback address, and never refused for it. */
  learnLocal(packet: PacketIndex, device: number, family: number): void {
    if ((this.devices.vxlanMode(device) & VxlanMode.LEARN) === 0) return;
    const b = this.bytes;
    const frame = this.packets.frame[packet];
    const high = (b[frame + 6] << 24) | (b[frame + 7] << 16) | (b[frame + 8] << 8) | b[frame + 9];
    const low = (b[frame + 10] << 8) | b[frame + 11];
    if ((b[frame + 6] & 1) !== 0 || (high | low) === 0) return;
    const loopback = family === 4 ? LOOPBACK_IPV4 : LOOPBACK_IPV6;
    const result = this.fdb.learn(device, high, low, this.devices.vni(device), loopback, 0);
    if (result === Learned.NO_ROOM) this.counters.reason(device, REASON['fdb-full'], 1, packet);
  }

  private drop(device: number, reason: number): void {
    this.counters.device(device, DeviceCounter.RX_DROPPED, 1);
    this.counters.reason(device, reason, 1);
  }
}
