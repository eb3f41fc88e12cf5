import { NEIGHBOUR_CONNECTED, NEIGHBOUR_WORDS } from '../dataplane/neighbours.js';
import type { Neighbour } from '../io/rtnetlink/neighbour.js';
import type { VxlanOptions } from '../iproute/commands.js';

/** Changes that come within so many milliseconds are told together. */
const TOGETHER_MS = 20;

interface ProxyDevice {
  readonly index: number;
  readonly ifindex: number;
  readonly nsid: number | undefined;
  readonly vxlan?: VxlanOptions;
}

export interface NeighbourHost {
  devices(): readonly ProxyDevice[];
  /** Every neighbour of this network namespace. */
  neighbours(): readonly Neighbour[];
  /** Hands them to the workers. */
  apply(neighbours: Int32Array): Promise<void>;
  /** Has changes of neighbours told from now on. */
  follow(): void;
  log(line: string): void;
}

/** The host's neighbours on vxlan devices with `proxy` or `rsc`, as the workers are to know them. */
export class NeighbourTable {
  private readonly host: NeighbourHost;
  private isFollowing = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(host: NeighbourHost) {
    this.host = host;
  }

  /** A device was made, changed or removed. */
  devicesChanged(): void {
    if (!this.isFollowing && !this.host.devices().some(asksNeighbours)) return;
    if (!this.isFollowing) this.host.follow();
    this.isFollowing = true;
    this.later();
  }

  /** Something about the neighbours on an interface of this namespace changed. */
  changed(ifindex: number): void {
    const isOurs = this.host.devices().some((device) => device.ifindex === ifindex && asksNeighbours(device));
    if (this.isFollowing && isOurs) this.later();
  }

  /** Resolves when the workers know what the host knows now, whether or not it was told of yet. */
  async settle(): Promise<void> {
    if (this.isFollowing) await this.tell();
  }

  close(): void {
    clearTimeout(this.timer);
    this.isFollowing = false;
  }

  private later(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.tell().catch((error: Error) => this.host.log(`neighbours: ${error.message}`));
    }, TOGETHER_MS);
  }

  private async tell(): Promise<void> {
    const devices = new Map(
      this.host
        .devices()
        .filter(asksNeighbours)
        .map((device) => [device.ifindex, device.index]),
    );
    const known = devices.size === 0 ? [] : this.host.neighbours();
    const rows: number[] = [];
    for (const { ifindex, address, mac, isConnected } of known) {
      const device = devices.get(ifindex);
      if (device !== undefined && mac.length === 6) rows.push(...rowOf(device, address, mac, isConnected));
    }
    await this.host.apply(Int32Array.from(rows));
  }
}

function asksNeighbours({ nsid, vxlan }: ProxyDevice): boolean {
  return nsid === undefined && (vxlan?.proxy === true || vxlan?.rsc === true);
}

function rowOf(device: number, address: Uint8Array, mac: Uint8Array, isConnected: boolean): number[] {
  const row = new Int32Array(NEIGHBOUR_WORDS);
  row[0] = device;
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  for (let w = 0; w * 4 < address.length; w++) row[1 + w] = view.getInt32(w * 4);
  row[5] = address.length === 4 ? 4 : 6;
  const macView = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  row[6] = macView.getInt32(0);
  row[7] = macView.getUint16(4) | (isConnected ? NEIGHBOUR_CONNECTED : 0);
  return [...row];
}
