/**
 * `rsc`: a frame for a router behind a vxlan device, whose IP destination the host knows as a neighbour on that device,
 * goes to the neighbour at once (route_shortcircuit in drivers/net/vxlan/vxlan_core.c). As behind a router its source is
 * that router; unlike there its TTL stays.
 */
import type { Writable } from '../actions/writable.js';
import type { DeviceTable } from '../devices/device-table.js';
import { ENTRY_IS_ROUTER, type FdbLookup, NO_ENTRY } from '../devices/fdb-lookup.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { u16, u32 } from '../wire/bytes.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { IPV4_HEADER } from '../wire/ipv4.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import type { NeighbourLookup } from './neighbour-lookup.js';

/** What became of a frame: it goes where it was to go, it has other MACs, or there was no room to give it some. */
export const NO_SHORT_CIRCUIT = 0;
export const SHORT_CIRCUITED = 1;
export const NO_ROOM_TO_WRITE = 2;

const MAC = 6;
const IPV4_DESTINATION = ETH_HEADER + 16;
const IPV6_DESTINATION = ETH_HEADER + 24;

export class RouteShortCircuit {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly fdb: FdbLookup;
  private readonly neighbours: NeighbourLookup;
  private readonly writable: Writable;

  constructor(
    bytes: Uint8Array,
    packets: Packets,
    devices: DeviceTable,
    fdb: FdbLookup,
    neighbours: NeighbourLookup,
    writable: Writable,
  ) {
    this.bytes = bytes;
    this.packets = packets;
    this.devices = devices;
    this.fdb = fdb;
    this.neighbours = neighbours;
    this.writable = writable;
  }

  /** Takes a frame that a device with `rsc` is to send. */
  take(packet: PacketIndex, device: number): number {
    const b = this.bytes;
    const { packets, neighbours } = this;
    const frame = packets.frame[packet];
    // A group is nobody's router.
    if ((b[frame] & 1) !== 0) return NO_SHORT_CIRCUIT;
    const family = this.familyOf(frame, packets.length[packet]);
    if (family === 0) return NO_SHORT_CIRCUIT;
    const entry = this.fdb.look(device, u32(b, frame), u16(b, frame + 4), this.devices.vni(device));
    if (entry === NO_ENTRY || (entry & ENTRY_IS_ROUTER) === 0) return NO_SHORT_CIRCUIT;
    const row = neighbours.find(device, family, frame + (family === 4 ? IPV4_DESTINATION : IPV6_DESTINATION));
    if (row < 0) return NO_SHORT_CIRCUIT;
    if (neighbours.macHigh(row) === (u32(b, frame) | 0) && neighbours.macLow(row) === u16(b, frame + 4))
      return NO_SHORT_CIRCUIT;
    if (!this.writable.own(packet, packets.headroom[packet])) return NO_ROOM_TO_WRITE;
    const owned = packets.frame[packet];
    b.copyWithin(owned + MAC, owned, owned + MAC);
    neighbours.putMac(owned, row);
    return SHORT_CIRCUITED;
  }

  /** 4 or 6; 0: neither, or cut short. */
  private familyOf(frame: number, length: number): number {
    const type = u16(this.bytes, frame + 12);
    if (type === ETHERTYPE_IPV4) return length >= ETH_HEADER + IPV4_HEADER ? 4 : 0;
    return type === ETHERTYPE_IPV6 && length >= ETH_HEADER + IPV6_HEADER ? 6 : 0;
  }
}
