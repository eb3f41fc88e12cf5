/** Words of a neighbour as the control thread hands it over: device, four of its IP address, family, and its MAC. */
export const NEIGHBOUR_WORDS = 8;
const FAMILY = 5;
const MAC_HIGH = 6;
const MAC_LOW = 7;

/** In the word of the MAC's lower half: the kernel believes in the neighbour now. */
export const NEIGHBOUR_CONNECTED = 0x10000;

/** The host's neighbours on vxlan devices with `proxy` or `rsc`: an open-addressing table, made anew with each change. */
export class Neighbours {
  private readonly mask: number;
  /** Rows of NEIGHBOUR_WORDS; a family of 0 is an empty one. */
  private readonly rows: Int32Array;

  constructor(neighbours: Int32Array) {
    const count = neighbours.length / NEIGHBOUR_WORDS;
    let size = 4;
    while (size < count * 2) size *= 2;
    this.mask = size - 1;
    this.rows = new Int32Array(size * NEIGHBOUR_WORDS);
    for (let n = 0; n < count; n++) {
      const from = n * NEIGHBOUR_WORDS;
      const at = this.slotFor(neighbours, from) * NEIGHBOUR_WORDS;
      for (let w = 0; w < NEIGHBOUR_WORDS; w++) this.rows[at + w] = neighbours[from + w];
    }
  }

  /** The row of a neighbour, or -1; `wanted` begins with the words of the row that is looked for. */
  find(wanted: Int32Array): number {
    const slot = this.slotFor(wanted, 0);
    return this.rows[slot * NEIGHBOUR_WORDS + FAMILY] === 0 ? -1 : slot;
  }

  macHigh(row: number): number {
    return this.rows[row * NEIGHBOUR_WORDS + MAC_HIGH];
  }

  macLow(row: number): number {
    return this.rows[row * NEIGHBOUR_WORDS + MAC_LOW] & 0xffff;
  }

  isConnected(row: number): boolean {
    return (this.rows[row * NEIGHBOUR_WORDS + MAC_LOW] & NEIGHBOUR_CONNECTED) !== 0;
  }

  /** Where the neighbour is, or where it would be. */
  private slotFor(words: Int32Array, at: number): number {
    let hash = words[at];
    for (let w = 1; w <= FAMILY; w++) {
      hash = Math.imul(hash ^ words[at + w], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let slot = hash & this.mask;
    while (!this.isFreeOrSame(slot * NEIGHBOUR_WORDS, words, at)) slot = (slot + 1) & this.mask;
    return slot;
  }

  private isFreeOrSame(row: number, words: Int32Array, at: number): boolean {
    const { rows } = this;
    if (rows[row + FAMILY] === 0) return true;
    for (let w = 0; w <= FAMILY; w++) if (rows[row + w] !== words[at + w]) return false;
    return true;
  }
}
