/** Devices of vtep as `ip link show` prints them: the host's side from rtnetlink, the tunnel's from the datapath. */
import type { LinkDetails } from '../io/rtnetlink/link-details.js';
import type { VxlanOptions } from '../iproute/commands.js';
import type { LinkState, LinkStatistics } from '../iproute/link-state.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import { IFF_NOARP, IFF_RUNNING, IFF_UP } from '../native/netlink-constants.js';
import { groupName } from './link-groups.js';

/** Flags in the order in which ip prints them (print_link_flags), by their bit. */
const flagNames: readonly (readonly [bit: number, name: string])[] = [
  [0x8, 'LOOPBACK'],
  [0x2, 'BROADCAST'],
  [0x10, 'POINTOPOINT'],
  [0x1000, 'MULTICAST'],
  [IFF_NOARP, 'NOARP'],
  [0x200, 'ALLMULTI'],
  [0x100, 'PROMISC'],
  [0x400, 'MASTER'],
  [0x800, 'SLAVE'],
  [0x4, 'DEBUG'],
  [0x8000, 'DYNAMIC'],
  [0x4000, 'AUTOMEDIA'],
  [0x2000, 'PORTSEL'],
  [0x20, 'NOTRAILERS'],
  [IFF_UP, 'UP'],
  [0x10000, 'LOWER_UP'],
  [0x20000, 'DORMANT'],
  [0x40000, 'ECHO'],
];

/** RFC 2863 (linux/if.h, IF_OPER_*). */
const operstates = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];
const linkModes = ['DEFAULT', 'DORMANT'];
/** IN6_ADDR_GEN_MODE_* */
const addressGenerations = ['eui64', 'none', 'stable_secret', 'random'];

function flagsOf(flags: number): string[] {
  const names = flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) === 0 ? ['NO-CARRIER', ...names] : names;
}

/**
 * What a vxlan device counts: received is what was decapsulated, sent what went into a tunnel. Its TAP on the host
 * counts the other way round.
 */
function vxlanStatistics(
  { counters, carrierChanges }: LinkDetails,
  device: number,
  sets: readonly Counters[],
): LinkStatistics {
  const sum = (counter: number): number => sets.reduce((total, set) => total + set.deviceValue(device, counter), 0);
  return {
    ...(Object.fromEntries(Object.keys(counters).map((name) => [name, 0])) as typeof counters),
    carrierChanges,
    // And what the stack did not want of what came out of the tunnel, which the kernel's devices count among it, too.
    rxNohandler: counters.rxNohandler,
    rxOtherhost: counters.rxOtherhost,
    rxPackets: sum(DeviceCounter.RX_PACKETS),
    rxBytes: sum(DeviceCounter.RX_BYTES),
    rxErrors: sum(DeviceCounter.RX_ERRORS),
    rxDropped: sum(DeviceCounter.RX_DROPPED) + counters.rxDropped,
    rxLengthErrors: sum(DeviceCounter.RX_LENGTH_ERRORS),
    rxFrameErrors: sum(DeviceCounter.RX_FRAME_ERRORS),
    txPackets: sum(DeviceCounter.TX_PACKETS),
    txBytes: sum(DeviceCounter.TX_BYTES),
    txErrors: sum(DeviceCounter.TX_ERRORS),
    txDropped: sum(DeviceCounter.TX_DROPPED),
    txAbortedErrors: sum(DeviceCounter.TX_ABORTED_ERRORS),
    txCarrierErrors: sum(DeviceCounter.TX_CARRIER_ERRORS),
    collisions: sum(DeviceCounter.COLLISIONS),
  };
}

/**
 * A device as ip shows it; `master` names what it is a port of. The statistics of a TAP are the kernel's own, as for
 * any TAP: received is what vtep wrote.
 */
export function linkStateOf(
  details: LinkDetails,
  device: {
    readonly index: number;
    readonly vxlan?: VxlanOptions;
    readonly mirror?: { readonly vni: number; readonly of: string };
  },
  sets: readonly Counters[],
  master?: string,
): LinkState {
  const { link, broadcast, group, tun, addressGeneration = -1, altnames } = details;
  const addrgenmode = addressGenerations[addressGeneration];
  return {
    ifindex: link.index,
    name: link.name,
    flags: flagsOf(link.flags),
    mtu: link.mtu,
    qdisc: details.qdisc,
    ...(master !== undefined && { master }),
    operstate: operstates[details.operstate] ?? `${details.operstate}`,
    mode: linkModes[details.linkMode] ?? `${details.linkMode}`,
    group: groupName(group),
    qlen: details.txQueueLength,
    ...(link.address.length === 6 && { address: link.address }),
    ...(broadcast.length === 6 && { broadcast }),
    promiscuity: details.promiscuity,
    allmulti: details.allmulti,
    minMtu: details.minMtu,
    maxMtu: details.maxMtu,
    details: device.vxlan
      ? { kind: 'vxlan', options: device.vxlan }
      : { kind: 'tap', ...tun, ...(device.mirror && { mirror: device.mirror }) },
    ...(addrgenmode !== undefined && { addrgenmode }),
    numTxQueues: details.numTxQueues,
    numRxQueues: details.numRxQueues,
    gsoMaxSize: details.gsoMaxSize,
    gsoMaxSegs: details.gsoMaxSegs,
    tsoMaxSize: details.tsoMaxSize,
    tsoMaxSegs: details.tsoMaxSegs,
    groMaxSize: details.groMaxSize,
    statistics: device.vxlan
      ? vxlanStatistics(details, device.index, sets)
      : { ...details.counters, carrierChanges: details.carrierChanges },
    ...(link.alias !== '' && { alias: link.alias }),
    ...(altnames.length > 0 && { altnames }),
  };
}
