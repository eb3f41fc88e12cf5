import { closeUdpSockets, openUdpSockets, type UdpSockets } from '../io/udp/sockets.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { EAFNOSUPPORT, SystemError } from '../native/errno.js';

/** Bytes asked of the receive queue: 20 ms of a 10 Gb/s underlay, and what wireguard-go found worth 29 %. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;
const SEND_BUFFER = 8 * 1024 * 1024;
/** Source ports a device sends from, chosen by flow hash. */
const SOURCE_PORTS = 8;

/** The underlay sockets of one vxlan device: as its options say, opened when it is set up, closed when it is set down. */
export class VxlanSockets {
  private readonly options: VxlanOptions;
  private opened: readonly UdpSockets[] | undefined;

  constructor(options: VxlanOptions) {
    this.options = options;
  }

  get isOpen(): boolean {
    return this.opened !== undefined;
  }

  /**
   * Opens a socket of each family that the device has, as vxlan_sock_add does: both in external mode, where IPv6 may
   * be missing. Throws a SystemError and leaves nothing open.
   */
  open(): readonly UdpSockets[] {
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
    this.opened = opened;
    return opened;
  }

  /** Closes the sockets. Only once no worker uses them. */
  close(): void {
    for (const sockets of this.opened ?? []) closeUdpSockets(sockets);
    this.opened = undefined;
  }

  private openFamily(family: 4 | 6): UdpSockets {
    const { dstport, local, srcport, udp6zerocsumrx, dev } = this.options;
    return openUdpSockets({
      family,
      port: dstport,
      receiveBuffer: RECEIVE_BUFFER,
      sendBuffer: SEND_BUFFER,
      sourcePorts: SOURCE_PORTS,
      udp6ZeroChecksumReceive: udp6zerocsumrx,
      ...(local === undefined ? {} : { local }),
      ...(dev === undefined ? {} : { device: dev }),
      ...(srcport === undefined || srcport[0] === 0 ? {} : { sourcePortRange: srcport }),
    });
  }
}
