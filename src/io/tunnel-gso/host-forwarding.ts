/**
 * Making the host forward what comes in by one device of ours, from addresses of its own, whatever it does with
 * others: control path. Nothing is changed but settings of that device, which end with it.
 *
 * IPv4 is set through rtnetlink, which takes CAP_NET_ADMIN and no writable /proc/sys, as in containers. IPv6 has no
 * such way: there it is the file `force_forwarding` (Linux 6.17), the only one that does without forwarding for all
 * devices.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  IFA_ADDRESS,
  IFA_LOCAL,
  IFF_NOARP,
  IFF_UP,
  IFLA_AF_SPEC,
  IFLA_INET_CONF,
  IFLA_INET6_ADDR_GEN_MODE,
  IN6_ADDR_GEN_MODE_NONE,
  IPV4_DEVCONF_ACCEPT_LOCAL,
  IPV4_DEVCONF_FORWARDING,
  IPV4_DEVCONF_RP_FILTER,
  IPV4_DEVCONF_SEND_REDIRECTS,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_OIF,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWROUTE,
  RTM_SETLINK,
  RTN_UNICAST,
  RTPROT_STATIC,
} from '../../native/netlink-constants.js';
import { AF_INET, AF_INET6 } from '../../native/socket-constants.js';
import { Ifaddrmsg, Ifinfomsg, Rtattr, Rtmsg } from '../../native/structs.js';
import type { RtnetlinkClient } from '../rtnetlink/client.js';

/** Sets the device up without neighbour discovery and addresses of its own making, so that it stays silent. */
export function setUpSilently(rtnetlink: RtnetlinkClient, index: number): void {
  try {
    const mode = attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE));
    setFamily(rtnetlink, index, AF_INET6, mode);
  } catch {
    // A host without IPv6 makes no addresses.
  }
  rtnetlink.carryOut(
    RTM_SETLINK,
    0,
    Ifinfomsg.SIZE,
    (request) =>
      request
        .fixed32(Ifinfomsg.INDEX, index)
        .fixed32(Ifinfomsg.FLAGS, IFF_UP | IFF_NOARP)
        .fixed32(Ifinfomsg.CHANGE, IFF_UP | IFF_NOARP),
    `link ${index}`,
  );
}

/** Why nothing from here would be forwarded whatever the device's own setting says; undefined where it may be. */
export function sourceFilterOfAll(): string | undefined {
  try {
    const mode = readFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', 'utf8').trim();
    return mode === '1' ? 'net.ipv4.conf.all.rp_filter is 1' : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Has IPv4 packets from the device forwarded, those with addresses of this host as their source too. The device gets
 * `address` (4 bytes), valid on the host alone: with loose source filtering (rp_filter 2) a device needs one. Throws a
 * SystemError.
 */
export function forwardIpv4(rtnetlink: RtnetlinkClient, index: number, address: Uint8Array): void {
  const settings = [
    [IPV4_DEVCONF_FORWARDING, 1],
    [IPV4_DEVCONF_ACCEPT_LOCAL, 1],
    [IPV4_DEVCONF_RP_FILTER, 0],
    [IPV4_DEVCONF_SEND_REDIRECTS, 0],
  ] as const;
  const list = settings.map(([setting, value]) => attribute(setting, Uint8Array.of(value, 0, 0, 0)));
  setFamily(rtnetlink, index, AF_INET, attribute(IFLA_INET_CONF, Buffer.concat(list)));
  rtnetlink.carryOut(
    RTM_NEWADDR,
    NLM_F_CREATE | NLM_F_EXCL,
    Ifaddrmsg.SIZE,
    (request) =>
      request
        .fixed8(Ifaddrmsg.FAMILY, AF_INET)
        .fixed8(Ifaddrmsg.PREFIX_LENGTH, 32)
        .fixed8(Ifaddrmsg.SCOPE, RT_SCOPE_HOST)
        .fixed32(Ifaddrmsg.INDEX, index)
        .attribute(IFA_LOCAL, address)
        .attribute(IFA_ADDRESS, address),
    `address of link ${index}`,
  );
}

/** Has IPv6 packets from the device `name` forwarded, also where new devices have no IPv6. Throws an ErrnoException. */
export function forwardIpv6(name: string): void {
  writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '0');
  writeFileSync(`/proc/sys/net/ipv6/conf/${name}/force_forwarding`, '1');
}

/** Adds a route to a single address through the device. Throws a SystemError (EEXIST where there is one). */
export function addRoute(rtnetlink: RtnetlinkClient, index: number, destination: Uint8Array): void {
  changeRoute(rtnetlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index, destination);
}

/** Takes the route away again. Throws a SystemError. */
export function deleteRoute(rtnetlink: RtnetlinkClient, index: number, destination: Uint8Array): void {
  changeRoute(rtnetlink, RTM_DELROUTE, 0, index, destination);
}

function changeRoute(
  rtnetlink: RtnetlinkClient,
  type: number,
  flags: number,
  index: number,
  destination: Uint8Array,
): void {
  const four = destination.length === 4;
  rtnetlink.carryOut(
    type,
    flags,
    Rtmsg.SIZE,
    (request) =>
      request
        .fixed8(Rtmsg.FAMILY, four ? AF_INET : AF_INET6)
        .fixed8(Rtmsg.DST_LENGTH, destination.length * 8)
        .fixed8(Rtmsg.TABLE, RT_TABLE_MAIN)
        .fixed8(Rtmsg.PROTOCOL, RTPROT_STATIC)
        .fixed8(Rtmsg.SCOPE, four ? RT_SCOPE_LINK : 0)
        .fixed8(Rtmsg.TYPE, RTN_UNICAST)
        .attribute(RTA_DST, destination)
        .attribute32(RTA_OIF, index),
    'route',
  );
}

function setFamily(rtnetlink: RtnetlinkClient, index: number, family: number, settings: Uint8Array): void {
  rtnetlink.carryOut(
    RTM_SETLINK,
    0,
    Ifinfomsg.SIZE,
    (request) => request.fixed32(Ifinfomsg.INDEX, index).attribute(IFLA_AF_SPEC, attribute(family, settings)),
    `link ${index}`,
  );
}

/** An attribute's bytes, padded, for nesting. */
function attribute(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((Rtattr.SIZE + data.length + 3) & -4);
  const view = new DataView(bytes.buffer);
  view.setUint16(Rtattr.LENGTH, Rtattr.SIZE + data.length, true);
  view.setUint16(Rtattr.TYPE, type, true);
  bytes.set(data, Rtattr.SIZE);
  return bytes;
}
