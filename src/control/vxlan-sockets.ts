import { closeUdpSockets, openUdpSockets, type UdpSockets } from '../io/udp/sockets.js';
import type { UnderlayParts } from '../io/underlay-parts.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { EAFNOSUPPORT, errnoText, SystemError } from '../native/errno.js';
import { type OpenedUnderlay, openOtherUnderlay } from './other-underlays.js';
import { rtnetlinkAnswers } from './refusal.js';

/** Bytes asked of the receive queue (6 ms at 10 Gb/s); wireguard-go found queues of 7 MB worth 29 %. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;
const SEND_BUFFER = 8 * 1024 * 1024;
/** Source ports a device sends from, chosen by flow hash. */
const SOURCE_PORTS = 8;

/** Where sockets are handed to the workers. */
export interface UnderlayUser {
  apply(
    instruction:
      | { type: 'underlay-open'; device: number; parts: UnderlayParts }
      | { type: 'underlay-close'; device: number },
  ): Promise<void>;
}

/**
 * The underlay sockets of one vxlan device: as its options say, opened when it is set up, closed when it is set down.
 * The lower device (`dev`) does not bind them: in external mode the kernel routes by the tunnel's destination alone,
 * and `dev` only gives the MTU (vxlan_xmit_one in drivers/net/vxlan/vxlan_core.c).
 */
export class VxlanSockets {
  private readonly user: UnderlayUser;
  private readonly log: (line: string) => void;
  private options: VxlanOptions;
  private opened: OpenedUnderlay | undefined;

  /** `log` is told what becomes of an underlay that is open. */
  constructor(user: UnderlayUser, options: VxlanOptions, log: (line: string) => void = () => undefined) {
    this.user = user;
    this.options = options;
    this.log = log;
  }

  /**
   * Opens the sockets and hands them to the workers, unless they are open. Throws CommandError in the kernel's words
   * where a port is taken or an address is not this host's, and leaves nothing open then.
   */
  async open(device: number): Promise<void> {
    if (this.opened) return;
    this.opened = await this.openUnderlay();
    try {
      await this.user.apply({ type: 'underlay-open', device, parts: this.opened.parts });
    } catch (error) {
      await this.closeNow();
      throw error;
    }
  }

  /** Has the workers let go of the sockets, and closes them. */
  async close(device: number): Promise<void> {
    if (!this.opened) return;
    try {
      await this.user.apply({ type: 'underlay-close', device });
    } finally {
      await this.closeNow();
    }
  }

  /** Other options; where the local address is another, open sockets are opened anew, or stay where that is refused. */
  async change(device: number, options: VxlanOptions): Promise<void> {
    const before = this.options;
    const reopen = this.opened !== undefined && `${before.local}` !== `${options.local}`;
    this.options = options;
    if (!reopen) return;
    await this.close(device);
    try {
      await this.open(device);
    } catch (error) {
      this.options = before;
      await this.open(device);
      throw error;
    }
  }

  private async closeNow(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.close();
  }

  private async openUnderlay(): Promise<OpenedUnderlay> {
    const { underlay } = this.options;
    if (underlay !== undefined) {
      const buffers = { receiveBuffer: RECEIVE_BUFFER, sendBuffer: SEND_BUFFER };
      return openOtherUnderlay(underlay, this.options, buffers, this.log);
    }
    try {
      const sockets = this.openFamilies();
      return {
        parts: { kind: 'udp', sockets },
        close: () => {
          for (const each of sockets) closeUdpSockets(each);
        },
      };
    } catch (error) {
      if (error instanceof SystemError && error.syscall !== 'socket') throw rtnetlinkAnswers(errnoText(error.errno));
      throw error;
    }
  }

  /** A socket of each family that the device has, as vxlan_sock_add: both in external mode, where IPv6 may be missing. */
  private openFamilies(): readonly UdpSockets[] {
    const { local } = this.options;
    const families: (4 | 6)[] = local === undefined ? [4, 6] : local.length === 4 ? [4] : [6];
    const opened: UdpSockets[] = [];
    try {
      for (const family of families) {
        try {
          opened.push(this.openFamily(family));
        } catch (error) {
          const optional = family === 6 && opened.length > 0;
          if (!(optional && error instanceof SystemError && error.errno === EAFNOSUPPORT)) throw error;
        }
      }
    } catch (error) {
      for (const sockets of opened) closeUdpSockets(sockets);
      throw error;
    }
    return opened;
  }

  private openFamily(family: 4 | 6): UdpSockets {
    const { dstport, local, srcport, udp6zerocsumrx, gpe } = this.options;
    return openUdpSockets({
      family,
      port: dstport,
      receiveBuffer: RECEIVE_BUFFER,
      sendBuffer: SEND_BUFFER,
      sourcePorts: SOURCE_PORTS,
      udp6ZeroChecksumReceive: udp6zerocsumrx,
      // An IP packet without Ethernet header needs room before it, which only a datagram by itself has.
      bundles: gpe !== true,
      ...(local === undefined ? {} : { local }),
      ...(srcport === undefined || srcport[0] === 0 ? {} : { sourcePortRange: srcport }),
    });
  }
}
