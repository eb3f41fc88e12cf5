/**
 * Counters of the VNIs of devices with `vnifilter`, in shared memory: a row for each VNI, doubles as in counters.ts.
 * Each worker owns a set and is its only writer.
 */
export const MAX_VNIS = 65_536;

/** Columns, in the order of the kernel's vxlan_vni_stats. */
export const VniCounter = {
  RX_PACKETS: 0,
  RX_BYTES: 1,
  RX_DROPS: 2,
  RX_ERRORS: 3,
  TX_PACKETS: 4,
  TX_BYTES: 5,
  TX_DROPS: 6,
  TX_ERRORS: 7,
} as const;
const COLUMNS = 8;

export class VniCounters {
  readonly buffer: SharedArrayBuffer;
  private readonly values: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(MAX_VNIS * COLUMNS * 8);
    this.values = new Float64Array(this.buffer);
  }

  add(row: number, counter: number, by: number): void {
    this.values[row * COLUMNS + counter] += by;
  }

  value(row: number, counter: number): number {
    return this.values[row * COLUMNS + counter];
  }

  /** Zeroes a row: it goes to another VNI. */
  clear(row: number): void {
    this.values.fill(0, row * COLUMNS, (row + 1) * COLUMNS);
  }
}
