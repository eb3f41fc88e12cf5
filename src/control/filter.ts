/**
 * A filter in force, as small as a million of them ask for: what it shares with others (its place but for the handle,
 * the names and masks of its keys) are objects that they share, what is its own are a few numbers and a string.
 */
import type { FilterParent, FilterSpec, FlowerKey } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import type { MaskUse } from './filter-chain.js';
import { type KeyShape, packValues, unpackKeys } from './key-shape.js';

/** What many filters have in common. */
type Common = Omit<FilterSpec, 'actions' | 'keys' | 'handle'> & {
  /** ifindex of the device that `indev` named when it was added, as in the kernel; 0 without that key. */
  readonly indev: number;
};

export class Filter {
  readonly handle: number;
  readonly rule: number;
  readonly actions: readonly ActionInstance[];
  readonly shape: KeyShape;
  /** The bytes of its keys' values, a character each. */
  readonly values: string;
  /** Its mask in its pref, while it is in force: FilterTable's. */
  use: MaskUse | undefined;
  private readonly common: Common;

  /** Throws CommandError where the keys cannot be those of one filter. */
  constructor(spec: FilterSpec, indev: number, shape: KeyShape, made: Pick<Filter, 'rule' | 'actions'>) {
    this.handle = spec.handle;
    this.rule = made.rule;
    this.actions = made.actions;
    this.shape = shape;
    this.values = packValues(spec.keys);
    this.use = undefined;
    this.common = commonOf(spec, indev);
  }

  get dev(): string {
    return this.common.dev;
  }

  get parent(): FilterParent {
    return this.common.parent;
  }

  get chain(): number {
    return this.common.chain;
  }

  get pref(): number {
    return this.common.pref;
  }

  get protocol(): number {
    return this.common.protocol;
  }

  /** ifindex of the device that `indev` named when it was added, as in the kernel; 0 without that key. */
  get indev(): number {
    return this.common.indev;
  }

  get keys(): FlowerKey[] {
    return unpackKeys(this.shape, this.values);
  }

  /** As it was given, but for its actions. Made anew each time. */
  get spec(): Omit<FilterSpec, 'actions'> {
    const { dev, parent, protocol, pref, chain, skipHw, classid } = this.common;
    const spec = { dev, parent, protocol, pref, chain, handle: this.handle, keys: this.keys, skipHw };
    return classid === undefined ? spec : { ...spec, classid };
  }

  /** Whether `content` is the same. */
  hasContentOf(other: Filter): boolean {
    const { protocol, indev, skipHw, classid } = this.common;
    const there = other.common;
    return (
      this.values === other.values &&
      protocol === there.protocol &&
      indev === there.indev &&
      skipHw === there.skipHw &&
      classid === there.classid &&
      (this.shape === other.shape || this.shape.text === other.shape.text)
    );
  }

  /** What it matches, and what it is beside its place, handle and actions, as text to compare it by. */
  get content(): string {
    const { protocol, indev, skipHw, classid } = this.common;
    return `${protocol} ${indev} ${skipHw} ${classid} ${this.shape.text} ${this.values}`;
  }
}

/** The last ones that were asked for, by a few bits of their pref and chain. */
const commons: (Common | undefined)[] = new Array(256).fill(undefined);

function commonOf(spec: FilterSpec, indev: number): Common {
  const slot = (spec.pref + spec.chain * 31) & (commons.length - 1);
  const { dev, parent, protocol, pref, chain, skipHw, classid } = spec;
  const last = commons[slot];
  const isSame =
    last !== undefined &&
    last.pref === pref &&
    last.chain === chain &&
    last.dev === dev &&
    last.parent === parent &&
    last.protocol === protocol &&
    last.skipHw === skipHw &&
    last.classid === classid &&
    last.indev === indev;
  if (isSame) return last;
  const common = { dev, parent, protocol, pref, chain, skipHw, indev };
  const made = classid === undefined ? common : { ...common, classid };
  commons[slot] = made;
  return made;
}
