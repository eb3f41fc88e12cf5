/**
 * Destinations that a vxlan device would reach through itself. A datagram to one comes out of the device as a frame again,
 * for the same destination. What the routes say of it may change at any time, so workers look, too, and drop it (route-loop);
 * whoever names such a destination is told at once.
 */
import type { RouteAnswer } from '../io/rtnetlink/client.js';
import { formatIp, isIpMulticast } from '../iproute/address.js';
import { CommandError } from '../iproute/commands.js';
import { EOPNOTSUPP, SystemError } from '../native/errno.js';
import { type Device, isHere } from './device-registry.js';
import { isAny } from './fdb-entries.js';

/** Routes that are remembered, and for how many milliseconds: a batch names few destinations many times. */
const REMEMBERED = 1024;
const LONGEST = 100;
/** No interface has this index. */
export const NOT_KNOWN = -1;

export interface RouteLoopHost {
  /** Throws a SystemError where there is no route; of EOPNOTSUPP where none can be asked for. */
  route(destination: Uint8Array): Pick<RouteAnswer, 'device'>;
  isUp(device: Device): boolean;
  /** Milliseconds, from wherever. */
  now(): number;
}

export class RouteLoops {
  private readonly host: RouteLoopHost;
  /** Interfaces by destination, as they were at `asked`. */
  private readonly ways = new Map<string, number>();
  private asked = 0;

  constructor(host: RouteLoopHost) {
    this.host = host;
  }

  /**
   * Throws CommandError with `exitCode` where the way from a device to an address leads through that device. `via`: the
   * interface that it is bound to, whatever the routes say; 0: none.
   */
  refuse(device: Device, address: Uint8Array | undefined, via: number, exitCode: number): void {
    // A device that is down is in nobody's way.
    if (address === undefined || isAny(address) || isIpMulticast(address)) return;
    if (!isHere(device) || !this.host.isUp(device)) return;
    if ((via === 0 ? this.wayTo(address) : via) !== device.ifindex) return;
    throw new CommandError(`vtep: the way to ${formatIp(address)} leads through ${device.name} itself`, exitCode);
  }

  /** Index of the interface by which packets to an address leave; 0: there is no route; NOT_KNOWN: there is nobody to ask. */
  wayTo(address: Uint8Array): number {
    const now = this.host.now();
    if (now - this.asked > LONGEST || this.ways.size === REMEMBERED) {
      this.ways.clear();
      this.asked = now;
    }
    const name = `${address}`;
    const known = this.ways.get(name);
    if (known !== undefined) return known;
    const way = this.ask(address);
    this.ways.set(name, way);
    return way;
  }

  private ask(address: Uint8Array): number {
    try {
      return this.host.route(address).device;
    } catch (error) {
      if (error instanceof SystemError) return error.errno === EOPNOTSUPP ? NOT_KNOWN : 0;
      throw error;
    }
  }
}
