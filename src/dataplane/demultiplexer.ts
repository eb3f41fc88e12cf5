import { MAX_DEVICES } from '../memory/counters.js';

/** No device. */
export const NOBODY = -1;

/** What takes the VNIs of one underlay: rows of VNI, device, and the VNI's row of VniCounters (or -1). */
export const TAKER_WORDS = 3;

/**
 * Which device takes what an underlay receives. An underlay of one external device gives it everything; one that
 * several devices share is looked up by VNI, in an open-addressing table that is made anew with every change.
 */
export class Demultiplexer {
  private readonly singles = new Int32Array(MAX_DEVICES).fill(NOBODY);
  private readonly owners = new Int32Array(MAX_DEVICES).fill(NOBODY);
  /** The shared underlay on which a device receives. */
  private readonly underlays = new Int32Array(MAX_DEVICES).fill(NOBODY);
  private readonly tables: VniTable[] = new Array(MAX_DEVICES).fill(new VniTable(new Int32Array(0)));

  /** Of the VNI found last. */
  row = -1;

  /** Every datagram of an underlay is a device's, whatever its VNI. */
  giveAll(underlay: number, device: number): void {
    this.singles[underlay] = device;
    this.owners[underlay] = device;
  }

  /** An underlay's datagrams are shared out by VNI; `owner` counts those that are nobody's. */
  share(underlay: number, owner: number, takers: Int32Array): void {
    this.singles[underlay] = NOBODY;
    this.owners[underlay] = owner;
    this.tables[underlay] = new VniTable(takers);
    for (let n = 0; n < takers.length; n += TAKER_WORDS) this.underlays[takers[n + 1]] = underlay;
  }

  /** The device that takes everything, or NOBODY where the VNI says whose it is. */
  single(underlay: number): number {
    return this.singles[underlay];
  }

  /** The device that stands for an underlay where no device can be told. */
  owner(underlay: number): number {
    return this.owners[underlay];
  }

  /** The device that takes a VNI of a shared underlay, or NOBODY; `row` is then the VNI's row of counters, or -1. */
  find(underlay: number, vni: number): number {
    const table = this.tables[underlay];
    const slot = table.find(vni);
    this.row = slot < 0 ? -1 : table.row(slot);
    return slot < 0 ? NOBODY : table.device(slot);
  }

  /** The device that takes a VNI on the shared underlay on which another one receives, or NOBODY. */
  beside(device: number, vni: number): number {
    const underlay = this.underlays[device];
    return underlay === NOBODY ? NOBODY : this.find(underlay, vni);
  }

  /** The row of counters of a VNI of a device, or -1. */
  rowOf(device: number, vni: number): number {
    const underlay = this.underlays[device];
    return underlay !== NOBODY && this.find(underlay, vni) === device ? this.row : -1;
  }
}

/** Words of a slot: VNI + 1 (0: empty), device, row of counters. */
const SLOT = 3;

class VniTable {
  private readonly mask: number;
  private readonly slots: Int32Array;

  constructor(takers: Int32Array) {
    const count = takers.length / TAKER_WORDS;
    let size = 4;
    while (size < count * 2) size *= 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size * SLOT);
    for (let n = 0; n < count; n++) {
      const vni = takers[n * TAKER_WORDS];
      let slot = this.hash(vni);
      while (this.slots[slot * SLOT] !== 0) slot = (slot + 1) & this.mask;
      this.slots[slot * SLOT] = vni + 1;
      this.slots[slot * SLOT + 1] = takers[n * TAKER_WORDS + 1];
      this.slots[slot * SLOT + 2] = takers[n * TAKER_WORDS + 2];
    }
  }

  /** The slot of a VNI, or -1. */
  find(vni: number): number {
    let slot = this.hash(vni);
    for (;;) {
      const found = this.slots[slot * SLOT];
      if (found === vni + 1) return slot;
      if (found === 0) return -1;
      slot = (slot + 1) & this.mask;
    }
  }

  device(slot: number): number {
    return this.slots[slot * SLOT + 1];
  }

  row(slot: number): number {
    return this.slots[slot * SLOT + 2];
  }

  /** Neighbouring VNIs, as people number them, take neighbouring slots. */
  private hash(vni: number): number {
    return (vni ^ (vni >>> 12)) & this.mask;
  }
}
