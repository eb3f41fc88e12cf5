/**
 * `proxy`: what the host asks of the neighbours behind a vxlan device is answered from those that it was told of, and
 * does not go into the tunnel (arp_reduce and neigh_reduce in drivers/net/vxlan/vxlan_core.c).
 */
import type { DeviceTable } from '../devices/device-table.js';
import { ENTRY_IS_LOCAL, ENTRY_IS_ROUTER, type FdbLookup, NO_ENTRY } from '../devices/fdb-lookup.js';
import type { PacketIndex, Packets } from '../memory/packets.js';
import { putU16, u16 } from '../wire/bytes.js';
import { type Checksummer, finish } from '../wire/checksum.js';
import { ETHERTYPE_ARP, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { IPPROTO_ICMPV6 } from '../wire/ip-protocol.js';
import { IPV6_HEADER } from '../wire/ipv6.js';
import type { Inbound } from './inbound.js';
import type { NeighbourLookup } from './neighbour-lookup.js';

/** What became of a frame: it is none that a proxy answers, it was answered, or it was not and ends here. */
export const NOT_ASKED = 0;
export const PROXY_ANSWERED = 1;
export const PROXY_SILENT = 2;

/** RFC 826, for Ethernet and IPv4. */
const ARP_BYTES = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
/** RFC 4861: a solicitation or advertisement with one link-layer address, and where its target and options stand. */
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const ND_TARGET = ETH_HEADER + IPV6_HEADER + 8;
const ND_OPTIONS = ND_TARGET + 16;
const ND_BYTES = 32;
const OPTION_SOURCE = 1;
const OPTION_TARGET = 2;
/** Flags of an advertisement. */
const ROUTER = 0x80;
const SOLICITED_OVERRIDE = 0x60;

export class NeighbourProxy {
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly fdb: FdbLookup;
  private readonly inbound: Inbound;
  private readonly checksums: Checksummer;
  private readonly neighbours: NeighbourLookup;

  constructor(
    bytes: Uint8Array,
    packets: Packets,
    devices: DeviceTable,
    fdb: FdbLookup,
    neighbours: NeighbourLookup,
    inbound: Inbound,
    checksums: Checksummer,
  ) {
    this.neighbours = neighbours;
    this.bytes = bytes;
    this.packets = packets;
    this.devices = devices;
    this.fdb = fdb;
    this.inbound = inbound;
    this.checksums = checksums;
  }

  /** Takes a frame that a device with `proxy` is to send, if it is a question. */
  take(packet: PacketIndex, device: number): number {
    const b = this.bytes;
    const frame = this.packets.frame[packet];
    const length = this.packets.length[packet];
    const type = u16(b, frame + 12);
    if (type === ETHERTYPE_ARP) return this.arp(frame, length, device);
    if (type !== ETHERTYPE_IPV6 || length < ND_OPTIONS) return NOT_ASKED;
    const icmp = frame + ETH_HEADER + IPV6_HEADER;
    if (b[frame + ETH_HEADER + 6] !== IPPROTO_ICMPV6 || b[icmp] !== SOLICITATION || b[icmp + 1] !== 0) return NOT_ASKED;
    return this.solicitation(frame, length, device);
  }

  private arp(frame: number, length: number, device: number): number {
    const b = this.bytes;
    const at = frame + ETH_HEADER;
    const isRequest =
      length >= ETH_HEADER + ARP_BYTES &&
      u16(b, at) === 1 &&
      u16(b, at + 2) === 0x0800 &&
      b[at + 4] === 6 &&
      b[at + 5] === 4 &&
      u16(b, at + 6) === ARP_REQUEST;
    const target = at + 24;
    // Neither loopback nor multicast.
    if (!isRequest || b[target] === 127 || (b[target] & 0xf0) === 0xe0) return PROXY_SILENT;
    const row = this.neighbour(device, 4, target);
    if (row < 0) return PROXY_SILENT;
    const reply = this.inbound.reserve(ETH_HEADER + ARP_BYTES, device);
    if (reply < 0) return PROXY_SILENT;
    this.copy(reply, at + 8, 6);
    this.neighbours.putMac(reply + 6, row);
    this.copy(reply + 12, frame + 12, 8);
    putU16(b, reply + 20, ARP_REPLY);
    this.neighbours.putMac(reply + 22, row);
    this.copy(reply + 28, target, 4);
    this.copy(reply + 32, at + 8, 10);
    return PROXY_ANSWERED;
  }

  private solicitation(frame: number, length: number, device: number): number {
    const b = this.bytes;
    const target = frame + ND_TARGET;
    if (b[target] === 0xff || this.isLoopback(frame + ETH_HEADER + 24)) return PROXY_SILENT;
    const asker = this.askerOf(frame, length);
    if (asker < 0) return PROXY_SILENT;
    const row = this.neighbour(device, 6, target);
    if (row < 0) return PROXY_SILENT;
    const reply = this.inbound.reserve(ETH_HEADER + IPV6_HEADER + ND_BYTES, device);
    if (reply < 0) return PROXY_SILENT;
    this.copy(reply, asker, 6);
    this.neighbours.putMac(reply + 6, row);
    putU16(b, reply + 12, ETHERTYPE_IPV6);
    const ip = reply + ETH_HEADER;
    b.fill(0, ip, ip + IPV6_HEADER + ND_BYTES);
    b[ip] = b[frame + ETH_HEADER];
    putU16(b, ip + 4, ND_BYTES);
    b[ip + 6] = IPPROTO_ICMPV6;
    b[ip + 7] = 255;
    this.copy(ip + 8, target, 16);
    this.copy(ip + 24, frame + ETH_HEADER + 8, 16);
    const icmp = ip + IPV6_HEADER;
    b[icmp] = ADVERTISEMENT;
    b[icmp + 4] = SOLICITED_OVERRIDE | (this.isRouter ? ROUTER : 0);
    this.copy(icmp + 8, target, 16);
    b[icmp + 24] = OPTION_TARGET;
    b[icmp + 25] = 1;
    this.neighbours.putMac(icmp + 26, row);
    const sum = this.checksums.sum(icmp, ND_BYTES, this.checksums.pseudoHeader6(ip, IPPROTO_ICMPV6, ND_BYTES));
    putU16(b, icmp + 2, finish(sum));
    return PROXY_ANSWERED;
  }

  /** Whether the neighbour found last is a router, by its entry. */
  private isRouter = false;

  /** The row of a neighbour whose address stands at `at`; -1 where there is none, or it is not behind the tunnel. */
  private neighbour(device: number, family: number, at: number): number {
    const { neighbours, fdb } = this;
    const row = neighbours.find(device, family, at);
    if (row < 0 || !neighbours.isConnected(row)) return -1;
    const entry = fdb.look(device, neighbours.macHigh(row), neighbours.macLow(row), this.devices.vni(device));
    this.isRouter = entry !== NO_ENTRY && (entry & ENTRY_IS_ROUTER) !== 0;
    return entry !== NO_ENTRY && (entry & ENTRY_IS_LOCAL) !== 0 ? -1 : row;
  }

  /** Where the link-layer address of who asks stands: in the option for it, or in the Ethernet header. -1: malformed. */
  private askerOf(frame: number, length: number): number {
    const b = this.bytes;
    for (let at = ND_OPTIONS; at + 1 < length; at += b[frame + at + 1] * 8) {
      if (b[frame + at + 1] === 0) return -1;
      if (b[frame + at] === OPTION_SOURCE) return at + 8 <= length ? frame + at + 2 : -1;
    }
    return frame + 6;
  }

  private isLoopback(address: number): boolean {
    for (let n = 0; n < 15; n++) if (this.bytes[address + n] !== 0) return false;
    return this.bytes[address + 15] === 1;
  }

  private copy(to: number, from: number, bytes: number): void {
    this.bytes.copyWithin(to, from, from + bytes);
  }
}
