import type { Routes } from '../../io/device.js';
import { ROUTE_PROBE_BYTES, RouteProbe } from '../../io/udp/route-probe.js';
import { formatIp } from '../../iproute/address.js';
import { Arena } from '../../memory/arena.js';
import { TunnelWord } from '../../memory/tunnel.js';

/**
 * What this host's routes say to a copy of a vtep that runs on it: which peers are the host itself, how long a packet may be,
 * and what leads back into a device. Interfaces are told by the indices that they have in the copy.
 */
export class HostRoutes implements Routes {
  /** Destinations that there is no route to, of those that were asked for. */
  readonly unreachable = new Set<string>();
  device = 0;
  private readonly probe = new RouteProbe(new Arena(ROUTE_PROBE_BYTES + 64));
  private readonly indexOf: (ifindex: number) => number;

  /** `indexOf`: the copy's index of an interface of the host; 0: it has none. */
  constructor(indexOf: (ifindex: number) => number) {
    this.indexOf = indexOf;
  }

  get mtu(): number {
    return this.probe.mtu;
  }

  get local(): boolean {
    return this.probe.local;
  }

  get source(): Int32Array {
    return this.probe.source;
  }

  ask(tunnels: Int32Array, record: number): boolean {
    const isKnown = this.probe.ask(tunnels, record);
    this.device = isKnown ? this.indexOf(this.probe.device) : 0;
    // What is bound to an interface goes by it, whatever the routes say.
    if (!isKnown && tunnels[record + TunnelWord.IFINDEX] === 0) this.unreachable.add(destination(tunnels, record));
    return isKnown;
  }

  close(): void {
    this.probe.close();
  }
}

function destination(tunnels: Int32Array, record: number): string {
  const bytes = new DataView(new ArrayBuffer(16));
  for (let w = 0; w < 4; w++) bytes.setInt32(w * 4, tunnels[record + TunnelWord.DST_IP + w] ?? 0);
  return formatIp(new Uint8Array(bytes.buffer, 0, tunnels[record + TunnelWord.FAMILY] === 4 ? 4 : 16));
}
