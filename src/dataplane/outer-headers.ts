/**
 * What the outer header of each frame to be sent shall be.
 *
 * A frame names a tunnel record: of the rules (`tunnel_key set`) or of a peer. What the record leaves open the device
 * decides, and some of it only the frame knows: ECN is always the inner header's (RFC 6040), TOS, TTL and DF may be.
 * An underlay shall not have to know any of that: it is given records that say everything. So the record is
 * completed here, once for each of the few outcomes that the frames of a batch have, and frames with one outcome
 * share one, which is also what lets the underlay bundle them.
 *
 * The completed records are found by a small table without chains; what misses it gets one more copy, which costs a
 * little and changes nothing.
 */
import {
  type DeviceTable,
  DF_INHERIT,
  DF_SET,
  EXTENSION_GBP,
  EXTENSION_GPE,
  INHERIT,
  LOCAL_BYPASS,
  VxlanMode,
} from '../devices/device-table.js';
import { type PacketIndex, type Packets, SHAPE_IPV4, SHAPE_ODD } from '../memory/packets.js';
import {
  TUNNEL_DONT_FRAGMENT,
  TUNNEL_TOS,
  TUNNEL_TTL,
  TUNNEL_VXLAN_OPT,
  TUNNEL_WORDS,
  TunnelWord,
} from '../memory/tunnel.js';
import { ecnEncapsulate } from '../wire/ecn.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { IPV4_DONT_FRAGMENT, ipv4Fragment, ipv4Tos, ipv4Ttl } from '../wire/ipv4.js';
import { ipv6HopLimit, ipv6TrafficClass } from '../wire/ipv6.js';
import { VXLAN_FLAG_VNI } from '../wire/vxlan.js';
import { GPE_ETHERNET, GPE_IPV4, GPE_IPV6, gbpWord, gpeWord } from '../wire/vxlan-extensions.js';
import { NO_LIMIT, type UnderlayPaths } from './underlay-paths.js';

/** No room for one more record: send what there is, `reset`, and ask again. */
export const NO_RECORD = -1;
/** Nobody has asked yet whether the underlay takes super-frames for a record. */
export const NOT_ASKED_YET = -1;

/** Slots of the table of completed records, a power of two. */
const SLOTS = 64;
/** Words of a slot: record asked for, device, fields, completed record. */
const SLOT = 4;
const DONT_FRAGMENT_BIT = 0x10000;
/** Where the next protocol of VXLAN-GPE stands within the fields of a slot. */
const PROTOCOL_SHIFT = 17;

export class OuterHeaders {
  /** The completed records, TUNNEL_WORDS each: what an underlay is given. */
  readonly records: Int32Array;
  /** First word of the VXLAN header that goes with each, in network order as a signed number. */
  readonly firstWords: Int32Array;
  /** Bytes at the front of a frame that are not sent with it. */
  readonly strips: Int32Array;
  /** 1: the destination is this host, and the frame shall take the short way to the device there. */
  readonly locals: Int32Array;
  /** 1: the way to the destination leads back into the device that sends. */
  readonly loops: Int32Array;
  /** Bytes of the largest inner IP packet on the way to each record's destination. */
  readonly limits: Int32Array;
  /** Whether the underlay takes super-frames for each, once it has been asked: NOT_ASKED_YET until then, or 0 or 1. */
  readonly superFrames: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly packets: Packets;
  private readonly devices: DeviceTable;
  private readonly paths: UnderlayPaths;
  private readonly capacity: number;
  private readonly slots = new Int32Array(SLOTS * SLOT);
  private used = 0;

  /** Room for `capacity` different records between two resets. */
  constructor(bytes: Uint8Array, packets: Packets, devices: DeviceTable, paths: UnderlayPaths, capacity: number) {
    this.bytes = bytes;
    this.packets = packets;
    this.devices = devices;
    this.paths = paths;
    this.capacity = capacity;
    this.records = new Int32Array(capacity * TUNNEL_WORDS);
    this.firstWords = new Int32Array(capacity);
    this.strips = new Int32Array(capacity);
    this.locals = new Int32Array(capacity);
    this.loops = new Int32Array(capacity);
    this.limits = new Int32Array(capacity);
    this.superFrames = new Int32Array(capacity);
    this.reset();
  }

  /** Forgets every record. Must be called where records of another source come up: a slot knows only their number. */
  reset(): void {
    this.used = 0;
    this.slots.fill(-1);
  }

  /**
   * Completes record number `record` of `tunnels` for a dissected packet that leaves through `device`. Returns the
   * number of the completed one in `records`, or NO_RECORD.
   */
  complete(packet: PacketIndex, device: number, tunnels: Int32Array, record: number): number {
    const { bytes, packets, devices } = this;
    const from = record * TUNNEL_WORDS;
    const flags = tunnels[from + TunnelWord.FLAGS];
    const l3 = packets.l3[packet];
    const ip = packets.frame[packet] + l3;
    const four = (packets.shape[packet] & SHAPE_IPV4) !== 0;
    const inner = l3 < 0 ? 0 : four ? ipv4Tos(bytes, ip) : ipv6TrafficClass(bytes, ip);

    let tos = tunnels[from + TunnelWord.TOS];
    if (tos === 0 && (flags & TUNNEL_TOS) === 0) {
      tos = devices.tunnelTos(device);
      if (tos === INHERIT) tos = inner;
    }
    let ttl = tunnels[from + TunnelWord.TTL];
    if (ttl === 0 && (flags & TUNNEL_TTL) === 0) {
      ttl = devices.tunnelTtl(device);
      if (ttl === INHERIT) ttl = l3 < 0 ? 0 : four ? ipv4Ttl(bytes, ip) : ipv6HopLimit(bytes, ip);
    }
    let fields = ecnEncapsulate(tos, inner) | ((ttl & 0xff) << 8);
    const df = devices.tunnelDf(device);
    if (df === DF_SET || (df === DF_INHERIT && this.saysDontFragment(l3, ip, four))) fields |= DONT_FRAGMENT_BIT;
    if ((devices.extensions(device) & EXTENSION_GPE) !== 0)
      fields |= this.nextProtocol(packet, l3, four) << PROTOCOL_SHIFT;

    const slot = (((Math.imul(record, 0x9e3779b1) ^ Math.imul(fields, 0x85ebca6b)) >>> 16) & (SLOTS - 1)) * SLOT;
    const { slots } = this;
    if (slots[slot] === record && slots[slot + 1] === device && slots[slot + 2] === fields) return slots[slot + 3];
    const made = this.make(device, tunnels, from, fields);
    if (made === NO_RECORD) return NO_RECORD;
    slots[slot] = record;
    slots[slot + 1] = device;
    slots[slot + 2] = fields;
    slots[slot + 3] = made;
    return made;
  }

  /** As the kernel, which asks the outermost EtherType: what stands behind a VLAN tag says nothing. */
  private saysDontFragment(l3: number, ip: number, four: boolean): boolean {
    if (l3 !== ETH_HEADER) return false;
    return !four || (ipv4Fragment(this.bytes, ip) & IPV4_DONT_FRAGMENT) !== 0;
  }

  /** An IP packet goes without its Ethernet header, as a kernel peer expects; tagged and other frames go whole. */
  private nextProtocol(packet: PacketIndex, l3: number, four: boolean): number {
    if (l3 !== ETH_HEADER || (this.packets.shape[packet] & SHAPE_ODD) !== 0) return GPE_ETHERNET;
    return four ? GPE_IPV4 : GPE_IPV6;
  }

  /** encap_bypass_if_local, but only towards the device's own port: what listens on others is reached through the host. */
  private isBypass(device: number, record: number): boolean {
    const { devices, records } = this;
    const wanted =
      (devices.extensions(device) & LOCAL_BYPASS) !== 0 && (devices.vxlanMode(device) & VxlanMode.CLASSIC) !== 0;
    if (!wanted) return false;
    const port = records[record + TunnelWord.DST_PORT];
    return (port === 0 || port === devices.port(device)) && this.paths.isLocal(records, record);
  }

  /** "circular route to …" of udp_tunnel_dst_lookup. A record of an interface of its own goes by no route. */
  private isLoop(device: number, record: number): boolean {
    const own = this.devices.ifindex(device);
    const bound = this.records[record + TunnelWord.IFINDEX];
    return own !== 0 && (bound === 0 ? this.paths.device(this.records, record) : bound) === own;
  }

  private make(device: number, tunnels: Int32Array, from: number, fields: number): number {
    const made = this.used;
    if (made === this.capacity) return NO_RECORD;
    this.used = made + 1;
    const { records, devices } = this;
    const to = made * TUNNEL_WORDS;
    for (let w = 0; w < TUNNEL_WORDS; w++) records[to + w] = tunnels[from + w];
    records[to + TunnelWord.TOS] = fields & 0xff;
    const ttl = (fields >>> 8) & 0xff;
    records[to + TunnelWord.TTL] = ttl === 0 && isMulticast(records, to) ? 1 : ttl;
    if ((fields & DONT_FRAGMENT_BIT) !== 0) records[to + TunnelWord.FLAGS] |= TUNNEL_DONT_FRAGMENT;
    if (records[to + TunnelWord.FLOW_LABEL] === 0) records[to + TunnelWord.FLOW_LABEL] = devices.flowLabel(device);
    const hasPolicy = (records[to + TunnelWord.FLAGS] & TUNNEL_VXLAN_OPT) !== 0;
    const gbp = hasPolicy && (devices.extensions(device) & EXTENSION_GBP) !== 0;
    const protocol = fields >>> PROTOCOL_SHIFT;
    const strip = protocol === GPE_IPV4 || protocol === GPE_IPV6 ? ETH_HEADER : 0;
    if (protocol !== 0) this.firstWords[made] = gpeWord(protocol);
    else this.firstWords[made] = gbp ? gbpWord(records[to + TunnelWord.GBP]) : VXLAN_FLAG_VNI;
    // The place of the policy, which the header has now, is the interface's from here on.
    if (hasPolicy) records[to + TunnelWord.IFINDEX] = 0;
    this.strips[made] = strip;
    this.locals[made] = this.isBypass(device, to) ? 1 : 0;
    this.loops[made] = this.isLoop(device, to) ? 1 : 0;
    const limit = this.paths.limit(records, to);
    this.limits[made] = limit === NO_LIMIT ? limit : limit + strip;
    this.superFrames[made] = NOT_ASKED_YET;
    return made;
  }
}

function isMulticast(records: Int32Array, at: number): boolean {
  const top = records[at + TunnelWord.DST_IP] >>> 24;
  return records[at + TunnelWord.FAMILY] === 4 ? (top & 0xf0) === 0xe0 : top === 0xff;
}
