/**
 * Control side of what the look-ups of one chain consult: the parts of the key (a word and its bits) that the masks of
 * each class of protocols have, counted, so that a mask that comes or goes costs its own words.
 */
import { addConsulted, PROTOCOL_CLASSES, protocolClass } from '../consulted.js';
import { KEY_WORDS, PROTOCOL_ALL } from '../flow-key.js';
import type { SharedWords } from './shared-words.js';

/** The masks of rules for every protocol, beside the classes. */
const EVERY = PROTOCOL_CLASSES;

interface Class {
  tuples: number;
  /** By `idOf`: how many masks have the part. */
  readonly parts: Map<number, number>;
}

export class ChainConsulted {
  /** By class of protocols; undefined where there never was a rule. */
  private readonly classes: (Class | undefined)[] = [];
  /** Where it stands in shared words; 0: nowhere yet. */
  private at = 0;
  private written = new Int32Array(0);
  private isStale = true;

  addTuple(protocol: number): void {
    this.of(protocol).tuples++;
    this.isStale = true;
  }

  deleteTuple(protocol: number): void {
    this.of(protocol).tuples--;
    this.isStale = true;
  }

  addMask(protocol: number, mask: Int32Array): void {
    const { parts } = this.of(protocol);
    for (let i = 0; i < KEY_WORDS; i++)
      if (mask[i] !== 0) parts.set(idOf(i, mask[i]), (parts.get(idOf(i, mask[i])) ?? 0) + 1);
  }

  deleteMask(protocol: number, mask: Int32Array): void {
    const { parts } = this.of(protocol);
    for (let i = 0; i < KEY_WORDS; i++) {
      if (mask[i] === 0) continue;
      const masks = (parts.get(idOf(i, mask[i])) ?? 0) - 1;
      if (masks > 0) parts.set(idOf(i, mask[i]), masks);
      else parts.delete(idOf(i, mask[i]));
    }
  }

  /** Forgets the words it knew. */
  reset(): void {
    this.at = 0;
    this.isStale = true;
  }

  /** Writes it as in ConsultedWord, if it is not what stands there; returns where. The caller has checked the room. */
  write(shared: SharedWords): number {
    if (!this.isStale) return this.at;
    this.isStale = false;
    const block: number[] = [];
    for (let each = 0; each < PROTOCOL_CLASSES; each++) {
      const mask = new Int32Array(KEY_WORDS);
      const bits = new Int32Array(KEY_WORDS);
      let tuples = 0;
      for (const met of [this.classes[each], this.classes[EVERY]]) {
        tuples += met?.tuples ?? 0;
        for (const id of met?.parts.keys() ?? []) mask[Math.floor(id / 2 ** 32)] |= id;
      }
      addConsulted(mask, bits);
      const indices = [...bits.keys()].filter((i) => bits[i] !== 0);
      block.push(tuples, indices.length);
      for (const i of indices) block.push(i, bits[i]);
    }
    const isSame = this.at !== 0 && block.length === this.written.length;
    if (isSame && block.every((word, i) => word === this.written[i])) return this.at;
    if (this.at !== 0) shared.release(this.written.length);
    this.written = Int32Array.from(block);
    this.at = shared.alloc(block.length);
    shared.words.set(this.written, this.at);
    return this.at;
  }

  private of(protocol: number): Class {
    const which = protocol === PROTOCOL_ALL ? EVERY : protocolClass(protocol);
    const known = this.classes[which];
    if (known !== undefined) return known;
    const fresh = { tuples: 0, parts: new Map<number, number>() };
    this.classes[which] = fresh;
    return fresh;
  }
}

function idOf(index: number, bits: number): number {
  return index * 2 ** 32 + (bits >>> 0);
}
