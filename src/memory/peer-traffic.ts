/**
 * Traffic by peer and VNI, counted while somebody looks (`vtep top`, metrics). Each worker owns a set in shared memory and
 * is its only writer: it opens a row for each device, VNI and peer that it meets. The control thread asks for it by
 * writing a generation, and reads the rows once the worker has taken that generation up.
 */

/** Rows of a worker; what finds none free is counted in the first, for all others together. */
export const PEER_ROWS = 4096;

export const PeerCounter = { RX_PACKETS: 0, RX_BYTES: 1, TX_PACKETS: 2, TX_BYTES: 3 } as const;

const KEY_WORDS = 8;
const COLUMNS = 4;
const HEAD_WORDS = 4;
/** Words of the head. */
const WANTED = 0;
const TAKEN = 1;
const USED = 2;
const SLOTS = 2 * PEER_ROWS;

/** Bytes that a set takes; `at` of the constructor has to be a multiple of 8. */
export const PEER_TRAFFIC_BYTES = 4 * (HEAD_WORDS + PEER_ROWS * KEY_WORDS) + 8 * PEER_ROWS * COLUMNS;

export interface PeerTrafficRow {
  readonly device: number;
  readonly vni: number;
  /** 4 or 6. */
  readonly family: number;
  /** Four words, as in a tunnel record. */
  readonly address: Int32Array;
  /** By PeerCounter: datagrams, and bytes of the frames in them without the Ethernet header. */
  readonly counts: readonly number[];
}

export class PeerTraffic {
  /** Whether a worker is to count; `begin` looks once a batch. */
  isOn = false;
  private readonly words: Int32Array;
  private readonly values: Float64Array;
  /** Row + 1 by hash, the worker's own; made when first asked for. */
  private slots = new Int32Array(0);
  private generation = 0;

  constructor(buffer: SharedArrayBuffer, at: number) {
    const words = HEAD_WORDS + PEER_ROWS * KEY_WORDS;
    this.words = new Int32Array(buffer, at, words);
    this.values = new Float64Array(buffer, at + 4 * words, PEER_ROWS * COLUMNS);
  }

  /** Worker: what is wanted from here on. */
  begin(): void {
    const wanted = Atomics.load(this.words, WANTED);
    if (wanted !== this.generation) this.take(wanted);
  }

  /** Worker: adds to the row of a peer, whose address stands in `records` from `at` on; the row. */
  add(
    device: number,
    vni: number,
    family: number,
    records: Int32Array,
    at: number,
    counter: number,
    packets: number,
    bytes: number,
  ): number {
    const row = this.find(device, vni, family, records, at);
    this.addTo(row, counter, packets, bytes);
    return row;
  }

  /** Worker: `counter` is the one of packets; that of bytes stands beside it. */
  addTo(row: number, counter: number, packets: number, bytes: number): void {
    this.values[row * COLUMNS + counter] += packets;
    this.values[row * COLUMNS + counter + 1] += bytes;
  }

  /** Control thread: has the worker count afresh, or with 0 not at all. */
  want(generation: number): void {
    Atomics.store(this.words, WANTED, generation);
  }

  /** Control thread: the rows, the one for all others (device -1) among them where it counted; none before the worker began. */
  rows(): PeerTrafficRow[] {
    return [...this.eachRow()];
  }

  /** As `rows`, one after the other; they end where the worker begins afresh meanwhile. */
  *eachRow(): Generator<PeerTrafficRow> {
    const { words, values } = this;
    const wanted = Atomics.load(words, WANTED);
    const used = Atomics.load(words, USED);
    for (let row = 0; row < used; row++) {
      if (wanted === 0 || Atomics.load(words, TAKEN) !== wanted) return;
      const key = HEAD_WORDS + row * KEY_WORDS;
      const counts = Array.from(values.subarray(row * COLUMNS, (row + 1) * COLUMNS));
      if (row === 0 && counts.every((count) => count === 0)) continue;
      const [device = 0, vni = 0, family = 0] = words.subarray(key, key + 3);
      yield { device, vni, family, address: words.slice(key + 3, key + 7), counts };
    }
  }

  private take(wanted: number): void {
    const { words } = this;
    this.generation = wanted;
    this.isOn = wanted !== 0;
    if (!this.isOn) return;
    if (this.slots.length === 0) this.slots = new Int32Array(SLOTS);
    this.slots.fill(0);
    Atomics.store(words, USED, 1);
    words.fill(0, HEAD_WORDS, HEAD_WORDS + KEY_WORDS);
    words[HEAD_WORDS] = -1;
    this.values.fill(0, 0, COLUMNS);
    Atomics.store(words, TAKEN, wanted);
  }

  private find(device: number, vni: number, family: number, records: Int32Array, at: number): number {
    const { words, slots } = this;
    const a = records[at];
    const b = records[at + 1];
    const c = records[at + 2];
    const d = records[at + 3];
    let hash = Math.imul(device ^ Math.imul(vni, 0x9e3779b1), 0x85ebca6b) ^ a;
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) ^ b;
    hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f) ^ Math.imul(c, 0x165667b1) ^ d;
    hash = Math.imul(hash ^ (hash >>> 16), 0x9e3779b1);
    for (let slot = hash >>> 19; ; slot = (slot + 1) & (SLOTS - 1)) {
      const row = slots[slot] - 1;
      if (row < 0) return this.open(slot, device, vni, family, records, at);
      const key = HEAD_WORDS + row * KEY_WORDS;
      if (
        words[key + 3] === a &&
        words[key + 1] === vni &&
        words[key] === device &&
        words[key + 2] === family &&
        words[key + 4] === b &&
        words[key + 5] === c &&
        words[key + 6] === d
      )
        return row;
    }
  }

  private open(slot: number, device: number, vni: number, family: number, records: Int32Array, at: number): number {
    const { words } = this;
    const row = words[USED];
    if (row === PEER_ROWS) return 0;
    const key = HEAD_WORDS + row * KEY_WORDS;
    words[key] = device;
    words[key + 1] = vni;
    words[key + 2] = family;
    for (let n = 0; n < 4; n++) words[key + 3 + n] = records[at + n];
    this.values.fill(0, row * COLUMNS, (row + 1) * COLUMNS);
    this.slots[slot] = row + 1;
    Atomics.store(words, USED, row + 1);
    return row;
  }
}
