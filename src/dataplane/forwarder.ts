import { type DeviceTable, VxlanMode } from '../devices/device-table.js';
import { ENTRY_REMOTES } from '../devices/fdb-layout.js';
import { type FdbLookup, NO_ENTRY, NO_ROOM } from '../devices/fdb-lookup.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';

/** Tunnel records that wait to be sent: at least one replication list, and then some. */
const RECORDS = 2 * ENTRY_REMOTES;
/** Addresses whose records are remembered, by their lower bits. A power of two. */
const REMEMBERED = 256;
const ROW = 6;
const Word = { DEVICE: 0, HIGH: 1, LOW: 2, FIRST: 3, COUNT: 4, VNI: 5 } as const;

/** `choose`: there is nowhere to send the frame to. */
export const NOWHERE = 0;
/** `choose`: the records are full; send what there is, `reset` and choose again. */
export const RECORDS_FULL = NO_ROOM;

/**
 * Where the frames of a classic vxlan device go: the second half of vxlan_xmit (drivers/net/vxlan/vxlan_core.c). The
 * forwarding table may change at any time, so what is found is copied into tunnel records of the worker's own, which
 * hold until what refers to them has been sent. Frames to one address share its records.
 */
export class Forwarder {
  /** TUNNEL_WORDS words each. */
  readonly records = new Int32Array(RECORDS * TUNNEL_WORDS);
  /** The first of the records chosen last. */
  first = 0;
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly fdb: FdbLookup;
  private readonly remembered = new Int32Array(REMEMBERED * ROW).fill(-1);
  private used = 0;
  /** The state of the table from which everything remembered was read. */
  private sequence = 0;

  constructor(bytes: Uint8Array, packets: Packets, devices: DeviceTable, fdb: FdbLookup) {
    this.bytes = bytes;
    this.packets = packets;
    this.devices = devices;
    this.fdb = fdb;
  }

  /** Forgets the records: nothing refers to them any more. */
  reset(): void {
    if (this.used === 0) return;
    this.used = 0;
    this.remembered.fill(-1);
  }

  /** Returns how many records from `first` on the packet is to be sent to, or NOWHERE or RECORDS_FULL. */
  choose(packet: PacketIndex, device: number): number {
    const b = this.bytes;
    const at = this.packets.frame[packet];
    const high = (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
    const low = (b[at + 4] << 8) | b[at + 5];
    const vni = this.devices.vni(device);
    let count = this.find(device, high, low, vni);
    if (count !== NO_ENTRY) return count;
    count = this.find(device, 0, 0, vni);
    if (count !== NO_ENTRY) return count;
    const isGroup = (b[at] & 1) !== 0;
    if (!isGroup && (this.devices.vxlanMode(device) & VxlanMode.L2_MISS) !== 0) this.fdb.missed(device, high, low, vni);
    return NOWHERE;
  }

  /** A number of records, NO_ENTRY or RECORDS_FULL. */
  private find(device: number, high: number, low: number, vni: number): number {
    const { remembered, fdb } = this;
    const sequence = fdb.sequence;
    if (sequence !== this.sequence) {
      remembered.fill(-1);
      this.sequence = sequence;
    }
    const row = ((low ^ high) & (REMEMBERED - 1)) * ROW;
    if (
      remembered[row + Word.LOW] === low &&
      remembered[row + Word.HIGH] === high &&
      remembered[row + Word.DEVICE] === device &&
      remembered[row + Word.VNI] === vni
    ) {
      this.first = remembered[row + Word.FIRST];
      return remembered[row + Word.COUNT];
    }
    const count = fdb.destinations(device, high, low, vni, this.records, this.used, RECORDS);
    if (count === NO_ROOM) return RECORDS_FULL;
    this.first = this.used;
    if (count > 0) this.used += count;
    remembered[row + Word.DEVICE] = device;
    remembered[row + Word.HIGH] = high;
    remembered[row + Word.LOW] = low;
    remembered[row + Word.VNI] = vni;
    remembered[row + Word.FIRST] = this.first;
    remembered[row + Word.COUNT] = count;
    return count;
  }
}

/** Whether a record has no destination: an entry says so of addresses that are on this host. */
export function isNowhere(records: Int32Array, record: number): boolean {
  const at = record * TUNNEL_WORDS + TunnelWord.DST_IP;
  return (records[at] | records[at + 1] | records[at + 2] | records[at + 3]) === 0;
}
