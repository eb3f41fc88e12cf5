import { startProbes } from '../io/probe/start-probes.js';
import { openUdpGroup } from '../io/udp/socket-group.js';
import { closeUdpSockets, type UdpSocketOptions, type UdpSockets } from '../io/udp/sockets.js';
import { isIpMulticast } from '../iproute/address.js';
import { CommandError } from '../iproute/commands.js';
import { type VxlanOptions, vxlanFamilies } from '../iproute/vxlan-options.js';
import { EACCES, EAFNOSUPPORT, errnoText, SystemError } from '../native/errno.js';
import { type OpenedUnderlay, openOtherUnderlay } from './other-underlays.js';
import { rtnetlinkAnswers } from './refusal.js';
import type { TakenVnis, UnderlayPool } from './underlay-pool.js';
import { receiveOptions } from './vni-in-use.js';

/** Bytes asked of the receive queue (6 ms at 10 Gb/s); wireguard-go found queues of 7 MB worth 29 %. */
export const RECEIVE_BUFFER = 8 * 1024 * 1024;
const SEND_BUFFER = 8 * 1024 * 1024;
/** Source ports a device sends from, chosen by flow hash. */
const SOURCE_PORTS = 8;

/** A multicast group that a device receives on an interface. */
export interface Membership {
  readonly group: Uint8Array;
  readonly ifindex: number;
}

/** What a device wants of its underlay beside its options. */
export interface UnderlayWishes {
  /** Is told what becomes of an underlay that is open. */
  log(line: string): void;
  /** The same for what is said once, however often it is found. */
  logOnce?(line: string): void;
  /** The VNIs that it takes; undefined: all. */
  vnis(): TakenVnis;
  /** Groups to receive with these options. Throws CommandError where an interface has gone. */
  memberships(options: VxlanOptions): Membership[];
}

/**
 * The underlay of one vxlan device: as its options say, opened when it is set up, closed when it is set down. Devices
 * of one VNI each (and those with `vnifilter`) share the socket of a port and bind it to no address, as in the kernel.
 * The lower device (`dev`) does not bind a socket: it gives the MTU, and where a classic device sends to.
 */
export class VxlanSockets {
  private readonly pool: UnderlayPool;
  private readonly wishes: UnderlayWishes;
  private options: VxlanOptions;
  /** What was opened, in that order. */
  private endings: (() => Promise<void>)[] = [];
  private receiveKey = '';
  private joined: Membership[] = [];

  constructor(pool: UnderlayPool, options: VxlanOptions, wishes: UnderlayWishes) {
    this.pool = pool;
    this.options = options;
    this.wishes = wishes;
  }

  get isOpen(): boolean {
    return this.endings.length > 0;
  }

  /**
   * Opens the sockets and hands them to the workers, unless they are open. Throws CommandError in the kernel's words
   * where a port is taken or an address is not this host's, and leaves nothing open then.
   */
  async open(device: number): Promise<void> {
    if (this.isOpen) return;
    try {
      await this.openAll(device);
    } catch (error) {
      await this.close();
      if (error instanceof SystemError && error.syscall === 'bind' && error.errno === EACCES)
        throw new CommandError(
          `vtep: UDP port ${this.options.dstport}: ${errnoText(EACCES)}: ports below 1024 need CAP_NET_BIND_SERVICE, or a lower sysctl net.ipv4.ip_unprivileged_port_start`,
          2,
        );
      if (error instanceof SystemError && error.syscall !== 'socket') throw rtnetlinkAnswers(errnoText(error.errno));
      throw error;
    }
  }

  /** Has the workers let go of the sockets, and closes them unless another device has them too. */
  async close(): Promise<void> {
    this.leaveGroups();
    const endings = this.endings.reverse();
    this.endings = [];
    for (const end of endings) await end();
  }

  /** Other options; what is open is opened anew where they make a difference, or stays where that is refused. */
  async change(device: number, options: VxlanOptions): Promise<void> {
    const before = this.options;
    this.options = options;
    if (!this.isOpen || bindingOf(before) === bindingOf(options)) return;
    await this.close();
    try {
      await this.open(device);
    } catch (error) {
      this.options = before;
      await this.open(device);
      throw error;
    }
  }

  /** The wishes have changed: other VNIs. */
  async takeOthers(device: number): Promise<void> {
    if (this.isOpen) await this.pool.change(this.receiveKey, device, this.wishes.vnis());
  }

  /** Receives one more multicast group. Throws a SystemError. */
  join(membership: Membership): void {
    if (!this.isOpen) return;
    this.pool.joinGroup(this.receiveKey, membership.group, membership.ifindex);
    this.joined.push(membership);
  }

  /** Takes one `join` of such a membership back. */
  leave({ group, ifindex }: Membership): void {
    const at = this.joined.findIndex((one) => one.ifindex === ifindex && `${one.group}` === `${group}`);
    if (at < 0) return;
    this.joined.splice(at, 1);
    this.pool.leaveGroup(this.receiveKey, group, ifindex);
  }

  /** Receives no group any more. */
  leaveGroups(): void {
    for (const membership of [...this.joined]) this.leave(membership);
  }

  /** Receives the groups of its options again, where they are to be received now. Throws a SystemError. */
  joinGroups(): void {
    this.leaveGroups();
    if (this.isOpen) for (const membership of this.wishes.memberships(this.options)) this.join(membership);
  }

  private async openAll(device: number): Promise<void> {
    const { options, pool } = this;
    const shared = sharesSocket(options);
    const key = shared ? sharedKey(options) : `device ${device}`;
    const ownPorts = shared && options.underlay === undefined && options.srcport !== undefined;
    this.receiveKey = key;
    await pool.join(key, device, this.wishes.vnis(), () => this.make(!ownPorts, true));
    this.endings.push(() => pool.leave(key, device));
    let sendKey = key;
    if (ownPorts) {
      sendKey = `device ${device}`;
      await pool.join(sendKey, device, [], () => this.make(true, false));
      this.endings.push(() => pool.leave(sendKey, device));
    }
    await pool.use(sendKey, device);
    this.joinGroups();
  }

  private tellShortQueue(sockets: readonly UdpSockets[]): void {
    for (const each of sockets) {
      const line = shortQueue(each);
      if (line !== undefined) this.wishes.logOnce?.(line);
    }
  }

  private make(ports: boolean, receive: boolean): OpenedUnderlay | Promise<OpenedUnderlay> {
    const { options } = this;
    const { workers } = this.pool;
    if (options.underlay !== undefined) {
      const buffers = { receiveBuffer: RECEIVE_BUFFER, sendBuffer: SEND_BUFFER };
      return openOtherUnderlay(options.underlay, options, buffers, workers, (line) => this.wishes.log(line));
    }
    const own = this.pool.openOwn(options);
    if (own) return own;
    const families = openFamilies(options, workers, ports, receive);
    this.tellShortQueue(families.flat());
    return {
      parts: Array.from({ length: workers }, (_, worker) => ({
        kind: 'udp',
        sockets: families.flatMap((group) => group[worker] ?? []),
      })),
      close: () => {
        for (const each of families.flat()) closeUdpSockets(each);
      },
    };
  }
}

/** A queue that is shorter than was asked for, as a sentence; undefined where it is not. */
export function shortQueue({ port, receiveFd, receiveBuffer }: UdpSockets): string | undefined {
  // What the kernel says is twice what was asked: its own bookkeeping counts.
  if (receiveFd < 0 || receiveBuffer >= 2 * RECEIVE_BUFFER) return undefined;
  return `the receive queue of UDP port ${port} holds ${receiveBuffer / 2} bytes instead of ${RECEIVE_BUFFER}: net.core.rmem_max allows no more (vtep doctor)`;
}

export function sharesSocket({ external, vnifilter }: VxlanOptions): boolean {
  return !external || vnifilter === true;
}

/**
 * What the kernel compares to have two devices share a socket (VXLAN_F_RCV_FLAGS). The other underlays are told
 * everything, and several of one port can be open.
 */
function sharedKey(options: VxlanOptions): string {
  const { dstport, underlay = 'udp', local, srcport, dev } = options;
  const flags = receiveOptions.filter((name) => options[name] === true);
  const own = underlay === 'udp' ? '' : `${underlay} ${local} ${srcport} ${dev}`;
  return `${familiesOf(options).join('+')} ${dstport} ${flags.join(' ')} ${own}`;
}

/** What of the options is a socket's, or a membership's. */
function bindingOf(options: VxlanOptions): string {
  const group = options.remote && isIpMulticast(options.remote) ? `${options.remote} ${options.dev}` : '';
  return `${sharesSocket(options) ? '' : options.local} ${group}`;
}

/**
 * Sockets of each family that the device has, as vxlan_sock_add: both in external mode, where IPv6 may be missing; a
 * set for each worker. `ports`: whether those that send keep to the device's source ports.
 */
function openFamilies(
  options: VxlanOptions,
  workers: number,
  ports: boolean,
  receive: boolean,
): readonly (readonly UdpSockets[])[] {
  const opened: (readonly UdpSockets[])[] = [];
  try {
    for (const family of familiesOf(options)) {
      try {
        opened.push(openUdpGroup(socketOptions(family, options, ports, receive), workers));
      } catch (error) {
        const optional = family === 6 && opened.length > 0;
        if (!(optional && error instanceof SystemError && error.errno === EAFNOSUPPORT)) throw error;
      }
    }
  } catch (error) {
    for (const sockets of opened.flat()) closeUdpSockets(sockets);
    throw error;
  }
  return opened;
}

function socketOptions(family: 4 | 6, options: VxlanOptions, ports: boolean, receive: boolean): UdpSocketOptions {
  const { dstport, local, srcport, udp6zerocsumrx, gpe } = options;
  return {
    family,
    port: dstport,
    receiveBuffer: RECEIVE_BUFFER,
    sendBuffer: SEND_BUFFER,
    sourcePorts: SOURCE_PORTS,
    udp6ZeroChecksumReceive: udp6zerocsumrx,
    // An IP packet without Ethernet header needs room before it, which only a datagram by itself has.
    bundles: gpe !== true && startProbes().takesBundles,
    segmentation: startProbes().sendsBundles,
    receive,
    ...(local === undefined || sharesSocket(options) ? {} : { local }),
    ...(!ports || srcport === undefined || srcport[0] === 0 ? {} : { sourcePortRange: srcport }),
  };
}

/** Those of its address where it is bound to one; both of an external device; the one of a classic device. */
export function familiesOf(options: VxlanOptions): readonly (4 | 6)[] {
  const { external, local } = options;
  if (!external) return vxlanFamilies(options);
  return local === undefined || sharesSocket(options) ? [4, 6] : [local.length === 4 ? 4 : 6];
}
