/**
 * Asking and telling the kernel about links, one request at a time. A call blocks for as long as the kernel takes
 * (well under a millisecond as a rule), at most ANSWER_SECONDS.
 */
import { EIO, ENODEV, must, SystemError } from '../../native/errno.js';
import { setsockopt } from '../../native/libc.js';
import {
  IFF_NOARP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_TARGET_NETNSID,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  RTA_DST,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTAX_MTU,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_F_FIB_MATCH,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_SETLINK,
  RTN_LOCAL,
} from '../../native/netlink-constants.js';
import { scratch } from '../../native/scratch.js';
import { AF_INET, AF_INET6, SO_RCVTIMEO, SOL_SOCKET } from '../../native/socket-constants.js';
import { Ifinfomsg, Ndmsg, Nlmsghdr, Rtmsg, Timespec } from '../../native/structs.js';
import { type Link, readLink } from './link.js';
import { type LinkDetails, readLinkDetails } from './link-details.js';
import { type Message, MessageWriter, number32, readAttributes, readMessages, text } from './message.js';
import { type Neighbour, readNeighbour } from './neighbour.js';
import { NetlinkSocket } from './socket.js';

const ANSWER_SECONDS = 5;
const INTERRUPTED_DUMPS = 10;

/** What to change about a link; absent fields stay as they are. */
export interface LinkChanges {
  readonly up?: boolean;
  /** Whether addresses are resolved on it (the absence of IFF_NOARP). */
  readonly arp?: boolean;
  /** No address of IPv6 is made for it (IN6_ADDR_GEN_MODE_NONE). */
  readonly withoutIpv6Address?: true;
  readonly mtu?: number;
  /** Hardware address. */
  readonly address?: Uint8Array;
  readonly name?: string;
  /** IFLA_IFALIAS, at most 255 bytes; empty removes it. */
  readonly alias?: string;
  /** Length of the device's transmit queue, in packets. */
  readonly txQueueLength?: number;
  /** Index of a bridge or bond; 0: leave it. */
  readonly master?: number;
  /** Descriptor of the network namespace to move to. */
  readonly netnsFd?: number;
}

/** How the kernel would send to an address. */
export interface RouteAnswer {
  /** Index of the device. */
  readonly device: number;
  /** Bytes of the largest packet: the route's own MTU, or the device's. */
  readonly mtu: number;
  /** The source address that the kernel would choose; empty where it does not say. */
  readonly source: Uint8Array;
}

/** What others use of it. */
export type Rtnetlink = Pick<RtnetlinkClient, keyof RtnetlinkClient>;

export class RtnetlinkClient {
  private readonly socket: NetlinkSocket;
  private sequence = 0;

  /** Opens a socket in this thread's network namespace. Throws a SystemError. */
  constructor() {
    this.socket = new NetlinkSocket(0);
    scratch.view.setBigInt64(Timespec.SECONDS, BigInt(ANSWER_SECONDS), true);
    scratch.view.setBigInt64(Timespec.NANOSECONDS, 0n, true);
    must(setsockopt(this.socket.fd, SOL_SOCKET, SO_RCVTIMEO, scratch.address, Timespec.SIZE), 'SO_RCVTIMEO');
  }

  close(): void {
    this.socket.close();
  }

  /** Every link of this namespace, or of the one with id `nsid` here (that takes CAP_NET_ADMIN over it). */
  links(nsid?: number): Link[] {
    for (let attempt = 0; ; attempt++) {
      const request = this.request(RTM_GETLINK, NLM_F_DUMP, Ifinfomsg.SIZE);
      request.attribute32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
      if (nsid !== undefined) request.attribute32(IFLA_TARGET_NETNSID, nsid);
      const answers = this.exchange(request, 'links');
      // The table changed under the dump: ask again.
      if (answers.some((each) => (each.flags & NLM_F_DUMP_INTR) !== 0) && attempt < INTERRUPTED_DUMPS) continue;
      return linksOf(answers);
    }
  }

  /** The link of that index or name; undefined where there is none. */
  link(which: number | string, nsid?: number): Link | undefined {
    const request = this.request(RTM_GETLINK, 0, Ifinfomsg.SIZE);
    if (typeof which === 'number') request.fixed32(Ifinfomsg.INDEX, which);
    else request.attributeText(IFLA_IFNAME, which);
    request.attribute32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (nsid !== undefined) request.attribute32(IFLA_TARGET_NETNSID, nsid);
    try {
      return linksOf(this.exchange(request, `${which}`))[0];
    } catch (error) {
      if (error instanceof SystemError && error.errno === ENODEV) return undefined;
      throw error;
    }
  }

  /** Everything that `ip link show` prints of a link; undefined where there is none. */
  linkDetails(index: number): LinkDetails | undefined {
    const request = this.request(RTM_GETLINK, 0, Ifinfomsg.SIZE).fixed32(Ifinfomsg.INDEX, index);
    try {
      const answer = this.exchange(request, `${index}`).find(({ type }) => type === RTM_NEWLINK);
      return answer && readLinkDetails(answer.body);
    } catch (error) {
      if (error instanceof SystemError && error.errno === ENODEV) return undefined;
      throw error;
    }
  }

  /** The neighbours of this namespace's interfaces, IPv4 and IPv6. */
  neighbours(): Neighbour[] {
    return [AF_INET, AF_INET6].flatMap((family) => {
      const request = this.request(RTM_GETNEIGH, NLM_F_DUMP, Ndmsg.SIZE).fixed8(Ndmsg.FAMILY, family);
      return this.exchange(request, 'neighbours')
        .filter(({ type }) => type === RTM_NEWNEIGH)
        .flatMap(({ body }) => readNeighbour(body) ?? []);
    });
  }

  /** Changes a link of this namespace. Throws the kernel's refusal as a SystemError. */
  setLink(index: number, changes: LinkChanges): void {
    const request = this.request(RTM_SETLINK, NLM_F_ACK, Ifinfomsg.SIZE).fixed32(Ifinfomsg.INDEX, index);
    const flags = (changes.up === true ? IFF_UP : 0) | (changes.arp === false ? IFF_NOARP : 0);
    const change = (changes.up === undefined ? 0 : IFF_UP) | (changes.arp === undefined ? 0 : IFF_NOARP);
    request.fixed32(Ifinfomsg.FLAGS, flags).fixed32(Ifinfomsg.CHANGE, change);
    if (changes.withoutIpv6Address) request.attribute(IFLA_AF_SPEC, noIpv6Address());
    if (changes.mtu !== undefined) request.attribute32(IFLA_MTU, changes.mtu);
    if (changes.address !== undefined) request.attribute(IFLA_ADDRESS, changes.address);
    if (changes.name !== undefined) request.attributeText(IFLA_IFNAME, changes.name);
    // Without the zero: its length is the alias's, and length 0 removes it.
    if (changes.alias !== undefined) request.attribute(IFLA_IFALIAS, Buffer.from(changes.alias));
    if (changes.txQueueLength !== undefined) request.attribute32(IFLA_TXQLEN, changes.txQueueLength);
    if (changes.master !== undefined) request.attribute32(IFLA_MASTER, changes.master);
    if (changes.netnsFd !== undefined) request.attribute32(IFLA_NET_NS_FD, changes.netnsFd);
    this.exchange(request, `link ${index}`);
  }

  /** Deletes a link. Throws the kernel's refusal as a SystemError (ENODEV: there is none). */
  deleteLink(index: number): void {
    const request = this.request(RTM_DELLINK, NLM_F_ACK, Ifinfomsg.SIZE).fixed32(Ifinfomsg.INDEX, index);
    this.exchange(request, `link ${index}`);
  }

  /**
   * The route to an address (4 or 16 bytes, network order), through device `device` where one is given. Throws a
   * SystemError (ENETUNREACH: there is none).
   */
  route(destination: Uint8Array, device?: number): RouteAnswer {
    const { attributes } = this.routeEntry(destination, 0, device);
    const metrics = attributes.get(RTA_METRICS);
    const index = number32(attributes.get(RTA_OIF)) ?? 0;
    const own = metrics === undefined ? undefined : number32(readAttributes(metrics).get(RTAX_MTU));
    return {
      device: index,
      mtu: own ?? this.link(index)?.mtu ?? 0,
      source: Uint8Array.from(attributes.get(RTA_PREFSRC) ?? []),
    };
  }

  /**
   * Index of the interface that has an address (4 or 16 bytes); undefined where it is not one of this host. Interfaces
   * count that have no carrier (yet), which getifaddrs leaves out.
   */
  deviceOf(address: Uint8Array): number | undefined {
    try {
      const { type, attributes } = this.routeEntry(address, RTM_F_FIB_MATCH);
      return type === RTN_LOCAL ? number32(attributes.get(RTA_OIF)) : undefined;
    } catch (error) {
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }

  private routeEntry(
    destination: Uint8Array,
    flags: number,
    device?: number,
  ): { readonly type: number | undefined; readonly attributes: ReadonlyMap<number, Uint8Array> } {
    const request = this.request(RTM_GETROUTE, 0, Rtmsg.SIZE)
      .fixed8(Rtmsg.FAMILY, destination.length === 4 ? AF_INET : AF_INET6)
      .fixed8(Rtmsg.DST_LENGTH, destination.length * 8)
      .fixed32(Rtmsg.FLAGS, flags)
      .attribute(RTA_DST, destination);
    if (device !== undefined) request.attribute32(RTA_OIF, device);
    const answer = this.exchange(request, 'route').find((each) => each.type === RTM_NEWROUTE);
    if (answer === undefined || answer.body.length < Rtmsg.SIZE) throw new SystemError('RTNETLINK', EIO, 'route');
    return { type: answer.body[Rtmsg.TYPE], attributes: readAttributes(answer.body.subarray(Rtmsg.SIZE)) };
  }

  /**
   * Has the kernel carry out a request that it only acknowledges: `fill` completes it behind `fixed` bytes of zeros.
   * Throws the kernel's refusal as a SystemError; `about` says what was wanted.
   */
  carryOut(type: number, flags: number, fixed: number, fill: (request: MessageWriter) => void, about: string): void {
    const request = this.request(type, NLM_F_ACK | flags, fixed);
    fill(request);
    this.exchange(request, about);
  }

  private request(type: number, flags: number, fixed: number): MessageWriter {
    this.sequence = (this.sequence + 1) >>> 0;
    return new MessageWriter(type, NLM_F_REQUEST | flags, this.sequence, fixed);
  }

  /** Sends a request and reads its whole answer; an error in it is thrown. */
  private exchange(request: MessageWriter, about: string): Message[] {
    const sent = request.finish();
    const flags = new DataView(sent.buffer).getUint16(Nlmsghdr.FLAGS, true);
    const many = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    this.socket.send(sent);
    const answers: Message[] = [];
    for (;;) {
      const received = this.socket.receive();
      if (received === undefined) throw new SystemError('RTNETLINK', EIO, `${about} (no answer)`);
      if (typeof received === 'number') throw new SystemError('RTNETLINK', received, about);
      for (const message of readMessages(received.bytes)) {
        // An answer that an earlier call gave up on.
        if (message.sequence !== this.sequence) continue;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          throwRefusal(message, about);
          return answers;
        }
        answers.push(message);
        if (!many) return answers;
      }
    }
  }
}

/** AF_INET6's part of IFLA_AF_SPEC, with one attribute of one byte in it. */
function noIpv6Address(): Uint8Array {
  const mode = [5, 0, IFLA_INET6_ADDR_GEN_MODE, 0, IN6_ADDR_GEN_MODE_NONE, 0, 0, 0];
  return Uint8Array.from([4 + mode.length, 0, AF_INET6, 0, ...mode]);
}

function linksOf(messages: readonly Message[]): Link[] {
  return messages
    .filter((message) => message.type === RTM_NEWLINK)
    .map((message) => readLink(message.body))
    .filter((link) => link !== undefined);
}

/** Throws what an NLMSG_ERROR (or the end of a dump that failed) says, with the kernel's sentence where it has one. */
function throwRefusal(message: Message, about: string): void {
  const errno = number32(message.body) ?? 0;
  if (errno === 0) return;
  let sentence: string | undefined;
  if (message.type === NLMSG_ERROR && (message.flags & NLM_F_ACK_TLVS) !== 0) {
    // Behind the errno stands the request: its header alone, or all of it.
    const request = message.body.subarray(4);
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
    const whole = (message.flags & NLM_F_CAPPED) === 0 && request.length >= 4;
    const length = whole ? view.getUint32(Nlmsghdr.LENGTH, true) : Nlmsghdr.SIZE;
    sentence = text(readAttributes(request.subarray((length + 3) & -4)).get(NLMSGERR_ATTR_MSG));
  }
  throw new SystemError('RTNETLINK', errno, sentence === undefined ? about : `${about} (${sentence})`);
}
