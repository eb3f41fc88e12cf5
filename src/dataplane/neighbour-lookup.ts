import { type DeviceTable, VxlanMode } from '../devices/device-table.js';
import type { FdbLookup } from '../devices/fdb-lookup.js';
import { NEIGHBOUR_WORDS, Neighbours } from './neighbours.js';

/** The host's neighbours on vxlan devices, looked up by an address that stands in a frame. */
export class NeighbourLookup {
  private readonly bytes: Uint8Array;
  private readonly devices: DeviceTable;
  private readonly fdb: FdbLookup;
  private neighbours = new Neighbours(new Int32Array(0));
  /** The neighbour that is looked for. */
  private readonly wanted = new Int32Array(NEIGHBOUR_WORDS);

  constructor(bytes: Uint8Array, devices: DeviceTable, fdb: FdbLookup) {
    this.bytes = bytes;
    this.devices = devices;
    this.fdb = fdb;
  }

  /** The host's neighbours on devices with `proxy` or `rsc`, NEIGHBOUR_WORDS words each, in the place of those before. */
  use(neighbours: Int32Array): void {
    this.neighbours = new Neighbours(neighbours);
  }

  /** The row of a neighbour whose address stands at `at`, or -1; a device with `l3miss` has that told. */
  find(device: number, family: number, at: number): number {
    const { wanted } = this;
    const b = this.bytes;
    wanted[0] = device;
    for (let w = 0; w < 4; w++) {
      const word = at + w * 4;
      wanted[1 + w] =
        family === 4 && w > 0 ? 0 : (b[word] << 24) | (b[word + 1] << 16) | (b[word + 2] << 8) | b[word + 3];
    }
    wanted[5] = family;
    const row = this.neighbours.find(wanted);
    if (row < 0 && (this.devices.vxlanMode(device) & VxlanMode.L3_MISS) !== 0) this.fdb.missedIp(device, wanted);
    return row;
  }

  macHigh(row: number): number {
    return this.neighbours.macHigh(row);
  }

  macLow(row: number): number {
    return this.neighbours.macLow(row);
  }

  /** Whether the kernel believes in the neighbour now (NUD_CONNECTED). */
  isConnected(row: number): boolean {
    return this.neighbours.isConnected(row);
  }

  /** Writes a neighbour's MAC at `at`. */
  putMac(at: number, row: number): void {
    const b = this.bytes;
    const high = this.neighbours.macHigh(row);
    const low = this.neighbours.macLow(row);
    b[at] = high >>> 24;
    b[at + 1] = high >>> 16;
    b[at + 2] = high >>> 8;
    b[at + 3] = high;
    b[at + 4] = low >>> 8;
    b[at + 5] = low;
  }
}
