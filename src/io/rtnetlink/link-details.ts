/** What rtnetlink tells of a link beyond what vtep works with: for those who look at it. */
import {
  IFLA_AF_SPEC,
  IFLA_ALLMULTI,
  IFLA_ALT_IFNAME,
  IFLA_BROADCAST,
  IFLA_CARRIER_CHANGES,
  IFLA_GRO_MAX_SIZE,
  IFLA_GROUP,
  IFLA_GSO_MAX_SEGS,
  IFLA_GSO_MAX_SIZE,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_LINKINFO,
  IFLA_LINKMODE,
  IFLA_MAX_MTU,
  IFLA_MIN_MTU,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IFLA_OPERSTATE,
  IFLA_PROMISCUITY,
  IFLA_PROP_LIST,
  IFLA_QDISC,
  IFLA_STATS64,
  IFLA_TSO_MAX_SEGS,
  IFLA_TSO_MAX_SIZE,
  IFLA_TUN_MULTI_QUEUE,
  IFLA_TUN_NUM_DISABLED_QUEUES,
  IFLA_TUN_NUM_QUEUES,
  IFLA_TUN_PERSIST,
  IFLA_TUN_PI,
  IFLA_TUN_VNET_HDR,
  IFLA_TXQLEN,
} from '../../native/netlink-constants.js';
import { AF_INET6 } from '../../native/socket-constants.js';
import { Ifinfomsg } from '../../native/structs.js';
import { type Link, readLink } from './link.js';
import { eachAttribute, number32, readAttributes, text } from './message.js';

/** struct rtnl_link_stats64, in its order. */
const counters = [
  ...(['rxPackets', 'txPackets', 'rxBytes', 'txBytes', 'rxErrors', 'txErrors', 'rxDropped', 'txDropped'] as const),
  ...(['multicast', 'collisions', 'rxLengthErrors', 'rxOverErrors', 'rxCrcErrors', 'rxFrameErrors'] as const),
  ...(['rxFifoErrors', 'rxMissed', 'txAbortedErrors', 'txCarrierErrors', 'txFifoErrors'] as const),
  ...(['txHeartbeatErrors', 'txWindowErrors', 'rxCompressed', 'txCompressed'] as const),
  ...(['rxNohandler', 'rxOtherhost'] as const),
] as const;

/** Counters of an interface, exact to 2^53. */
export type LinkCounters = Readonly<Record<(typeof counters)[number], number>>;

/** Of a TUN or TAP. */
export interface TunDetails {
  readonly pi: boolean;
  readonly vnetHdr: boolean;
  readonly persist: boolean;
  /** Present with multi_queue. */
  readonly queues?: { readonly enabled: number; readonly disabled: number };
}

/** Numbers as linux/if_link.h has them. */
export interface LinkDetails {
  readonly link: Link;
  readonly broadcast: Uint8Array;
  readonly qdisc: string;
  readonly txQueueLength: number;
  readonly operstate: number;
  readonly linkMode: number;
  readonly group: number;
  readonly promiscuity: number;
  readonly allmulti: number;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly numTxQueues: number;
  readonly numRxQueues: number;
  readonly gsoMaxSize: number;
  readonly gsoMaxSegs: number;
  readonly tsoMaxSize: number;
  readonly tsoMaxSegs: number;
  readonly groMaxSize: number;
  readonly carrierChanges: number;
  /** IN6_ADDR_GEN_MODE_*; absent: no IPv6. */
  readonly addressGeneration?: number;
  readonly altnames: readonly string[];
  readonly counters: LinkCounters;
  readonly tun: TunDetails;
}

const byte = (attribute: Uint8Array | undefined): number => attribute?.[0] ?? 0;

function readCounters(attribute: Uint8Array | undefined): LinkCounters {
  const view = attribute && new DataView(attribute.buffer, attribute.byteOffset, attribute.byteLength);
  const read = (n: number): number =>
    view === undefined || view.byteLength < n * 8 + 8 ? 0 : Number(view.getBigUint64(n * 8, true));
  return Object.fromEntries(counters.map((name, n) => [name, read(n)])) as LinkCounters;
}

function readTun(info: Uint8Array | undefined): TunDetails {
  const data = readAttributes((info && readAttributes(info).get(IFLA_INFO_DATA)) ?? new Uint8Array(0));
  return {
    pi: byte(data.get(IFLA_TUN_PI)) !== 0,
    vnetHdr: byte(data.get(IFLA_TUN_VNET_HDR)) !== 0,
    persist: byte(data.get(IFLA_TUN_PERSIST)) !== 0,
    ...(byte(data.get(IFLA_TUN_MULTI_QUEUE)) !== 0 && {
      queues: {
        enabled: number32(data.get(IFLA_TUN_NUM_QUEUES)) ?? 0,
        disabled: number32(data.get(IFLA_TUN_NUM_DISABLED_QUEUES)) ?? 0,
      },
    }),
  };
}

/** The mode in which addresses of IPv6 are made; undefined where there is no IPv6. */
function readAddressGeneration(families: Uint8Array | undefined): number | undefined {
  const inet6 = families && readAttributes(families).get(AF_INET6);
  return inet6 && readAttributes(inet6).get(IFLA_INET6_ADDR_GEN_MODE)?.[0];
}

function readAltnames(properties: Uint8Array | undefined): string[] {
  return [...eachAttribute(properties ?? new Uint8Array(0))]
    .filter(([type]) => type === IFLA_ALT_IFNAME)
    .map(([, name]) => text(name) ?? '');
}

/** Reads the body of RTM_NEWLINK; undefined where it is too short, or names no link. */
export function readLinkDetails(body: Uint8Array): LinkDetails | undefined {
  const link = readLink(body);
  if (link === undefined) return undefined;
  const attributes = readAttributes(body.subarray(Ifinfomsg.SIZE));
  const number = (type: number): number => (number32(attributes.get(type)) ?? 0) >>> 0;
  const addressGeneration = readAddressGeneration(attributes.get(IFLA_AF_SPEC));
  return {
    link,
    broadcast: Uint8Array.from(attributes.get(IFLA_BROADCAST) ?? []),
    qdisc: text(attributes.get(IFLA_QDISC)) ?? '',
    txQueueLength: number(IFLA_TXQLEN),
    operstate: byte(attributes.get(IFLA_OPERSTATE)),
    linkMode: byte(attributes.get(IFLA_LINKMODE)),
    group: number(IFLA_GROUP),
    promiscuity: number(IFLA_PROMISCUITY),
    allmulti: number(IFLA_ALLMULTI),
    minMtu: number(IFLA_MIN_MTU),
    maxMtu: number(IFLA_MAX_MTU),
    numTxQueues: number(IFLA_NUM_TX_QUEUES),
    numRxQueues: number(IFLA_NUM_RX_QUEUES),
    gsoMaxSize: number(IFLA_GSO_MAX_SIZE),
    gsoMaxSegs: number(IFLA_GSO_MAX_SEGS),
    tsoMaxSize: number(IFLA_TSO_MAX_SIZE),
    tsoMaxSegs: number(IFLA_TSO_MAX_SEGS),
    groMaxSize: number(IFLA_GRO_MAX_SIZE),
    carrierChanges: number(IFLA_CARRIER_CHANGES),
    ...(addressGeneration !== undefined && { addressGeneration }),
    altnames: readAltnames(attributes.get(IFLA_PROP_LIST)),
    counters: readCounters(attributes.get(IFLA_STATS64)),
    tun: readTun(attributes.get(IFLA_LINKINFO)),
  };
}
