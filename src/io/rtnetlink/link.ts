/** Links as rtnetlink tells of them. */
import {
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NEW_IFINDEX,
  IFLA_NEW_NETNSID,
} from '../../native/netlink-constants.js';
import { Ifinfomsg } from '../../native/structs.js';
import { number32, readAttributes, text } from './message.js';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFF_* of linux/if.h. */
  readonly flags: number;
  /** Set up by somebody (IFF_UP). */
  readonly up: boolean;
  /** Has a carrier (IFF_LOWER_UP). */
  readonly lowerUp: boolean;
  readonly mtu: number;
  /** Hardware address: 6 bytes for Ethernet, empty where there is none. */
  readonly address: Uint8Array;
  /** Empty where none is set. */
  readonly alias: string;
  /** `tun`, `vxlan`, `veth`, …; empty for hardware and loopback. */
  readonly kind: string;
  /** Index of the link below (IFLA_LINK), 0: none. */
  readonly lower: number;
  /** Index of the bridge or bond above, 0: none. */
  readonly master: number;
  /** In the notice of a move: the namespace's id and the index there. */
  readonly movedTo?: { readonly nsid: number; readonly index: number };
}

/** Reads the body of RTM_NEWLINK or RTM_DELLINK; undefined where it is too short, or names no link. */
export function readLink(body: Uint8Array): Link | undefined {
  if (body.length < Ifinfomsg.SIZE) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes = readAttributes(body.subarray(Ifinfomsg.SIZE));
  const name = text(attributes.get(IFLA_IFNAME));
  if (name === undefined) return undefined;
  const index = view.getInt32(Ifinfomsg.INDEX, true);
  const flags = view.getUint32(Ifinfomsg.FLAGS, true);
  const info = attributes.get(IFLA_LINKINFO);
  const nsid = number32(attributes.get(IFLA_NEW_NETNSID));
  return {
    index,
    name,
    flags,
    up: (flags & IFF_UP) !== 0,
    lowerUp: (flags & IFF_LOWER_UP) !== 0,
    mtu: number32(attributes.get(IFLA_MTU)) ?? 0,
    address: Uint8Array.from(attributes.get(IFLA_ADDRESS) ?? []),
    alias: text(attributes.get(IFLA_IFALIAS)) ?? '',
    kind: (info === undefined ? undefined : text(readAttributes(info).get(IFLA_INFO_KIND))) ?? '',
    lower: number32(attributes.get(IFLA_LINK)) ?? 0,
    master: number32(attributes.get(IFLA_MASTER)) ?? 0,
    ...(nsid === undefined ? {} : { movedTo: { nsid, index: number32(attributes.get(IFLA_NEW_IFINDEX)) ?? index } }),
  };
}
