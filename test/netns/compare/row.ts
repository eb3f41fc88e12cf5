/** What a comparison is asked to compare: an option list, and the traffic it is given. */
import type { Arriving } from '../arriving.js';

/**
 * classic: the device of the words, on both. Frames are put into it as the host's stack hands them over.
 * rules: the kernel's device is a classic one; vtep's is external, and a filter of a TAP gives its frames the metadata.
 * routes: both are external; packets are forwarded into the tunnel, the kernel's by a route with `encap`, vtep's by
 * a route to the TAP whose filter gives them the metadata.
 */
export type Mode = 'classic' | 'rules' | 'routes';

/** A datagram for the endpoint, where it differs from a good one from host A in VNI 7. */
export type Datagram = Partial<Arriving> &
  Pick<Arriving, 'inner'> & {
    /** Comes from another address than host A's. */
    readonly fromOther?: boolean;
    /** VNI, instead of 7. */
    readonly vni?: number;
  };

export interface Row {
  readonly title: string;
  readonly mode: Mode;
  /** Where the row is of one family of the underlay only. */
  readonly underlay?: 4 | 6;
  /** Words of the device behind `id`, addresses and `dstport`, of both. */
  readonly options: string;
  /** vtep's, where they are others: words of iproute2 7.1, of vtep, or of the other mode. */
  readonly vtep?: string;
  /** Attributes of the kernel's device that its iproute2 has no word for. */
  readonly attributes?: string;
  /** Instead of `remote A local B`. A and B stand for the hosts' addresses. */
  readonly addresses?: string;
  /** The device's destination port. Default 4789. */
  readonly port?: number;
  /** Tunnel metadata: words of `encap ip` (with ip6, tos and ttl take its names), and of `tunnel_key set`. */
  readonly encap?: string;
  readonly set?: string;
  readonly mtu?: number;
  /** Lines done before the traffic, on both; `host` before one that is the host's in any case. */
  readonly setup?: readonly string[];
  /** Lines done afterwards. */
  readonly cleanup?: readonly string[];
  /** Frames put into the device, in hex. Default: every kind. */
  readonly frames?: readonly string[];
  /** Datagrams that come in. Default: every kind. */
  readonly datagrams?: readonly Datagram[];
  /** Frames put into the device when the datagrams are through: what was learned decides. Default: to two stations. */
  readonly answers?: readonly string[];
  /** Source ports that may appear, the upper bound exclusive. Default: the host's ip_local_port_range. */
  readonly ports?: readonly [number, number];
  /** Wait until every learned entry is forgotten. */
  readonly forgets?: boolean;
  /** What is compared on the wire begins at the IP header: the kernel's frames have other MACs there. */
  readonly receiveOnly?: boolean;
  /** The devices differ in this by design; the reason is a row of docs/differences.md. */
  readonly uncounted?: 'transmit' | 'otherhost';
}

export const VNI = 7;
/** The MACs of the device and of the stations behind host A. */
export const DEVICE_MAC = '02:00:00:00:00:b0';
export const STATIONS = ['02:00:00:00:00:a1', '02:00:00:00:00:a2', '02:00:00:00:00:a3'] as const;
export const OTHER = { 4: '192.168.1.15', 6: 'fd00:1::15' } as const;
