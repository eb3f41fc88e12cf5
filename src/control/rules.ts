import { AT_EGRESS, AT_INGRESS } from '../actions/outlet.js';
import type { ClassifierTable } from '../classifier/classifier.js';
import type { HookRules } from '../dataplane/messages.js';
import type {
  ChainSelector,
  FilterParent,
  FilterSelector,
  FilterSpec,
  FilterState,
  QdiscMode,
  QdiscState,
} from '../iproute/commands.js';
import { chainCommand, filterCommand, qdiscCommand } from '../iproute/filter-command.js';
import { BoundFilters } from './bound-filters.js';
import { EventLog, type EventSink } from './events.js';
import type { Filter } from './filter.js';
import { FilterBlock } from './filter-block.js';
import type { FilterMaker, FilterPlace, SavedChain } from './filter-chain.js';
import { Journal } from './journal.js';
import { ProgramWriter } from './programs.js';
import { blockOf, type Qdisc, QdiscTable } from './qdisc-table.js';
import { filterAnswers, filterRefused, refused } from './refusal.js';
import { RuleEvents } from './rule-events.js';
import type { RulePlaces } from './rule-places.js';
import type { RuleDatapath, RuleDevices } from './rule-surroundings.js';
import { SharedActions } from './shared-actions.js';
import { inSlices } from './slices.js';
import type { StrictPeers } from './strict-peers.js';

/**
 * The rule tables of a daemon: qdiscs, their filters, the actions, and what of it the workers run. Edits change the
 * control side at once; `commit` puts all edits since the last one in force together.
 */
export class Rules {
  private readonly datapath: RuleDatapath;
  private readonly devices: RuleDevices;
  readonly newTable: () => ClassifierTable;
  /** The actions, which filters share. */
  readonly actions: SharedActions;
  private readonly programs = new ProgramWriter();
  private readonly maker: FilterMaker;
  /** Filters whose makers want to be told what is wrong with them. */
  private readonly verbose = new Set<Filter>();
  /** Where the rules stand, by the number that workers know them by. */
  readonly places: RulePlaces;
  private readonly filters: BoundFilters;
  private readonly qdiscs: QdiscTable;
  private readonly dirty = new Set<number>();
  private readonly events: EventSink;
  /** Is told whom filters name, and tells the workers with every commit; absent: anybody may send. */
  strictPeers: StrictPeers | undefined;
  /** What edits are told as, when they are in force. */
  readonly told: RuleEvents;
  /** Is told which filter an edit has made of what was asked for; absent: nobody wants to know. */
  onEdited: ((asked: FilterSpec, filter: Filter) => void) | undefined;
  /** Devices of which the workers have an egress. */
  private readonly withEgress = new Set<number>();
  /** What the workers may still use until the next commit is in force. */
  private retired: (() => void)[] = [];
  /** What undoes the edits of the transaction that is on. */
  readonly journal = new Journal();
  private retiredBefore = 0;
  private notedBefore = 0;
  /** Makes the edits of the transaction that is on once more. */
  private again: () => Iterable<unknown> = () => [];

  /** `events`: who is told of what comes in force; `hasRoom`: whether there is memory for more filters. */
  constructor(
    datapath: RuleDatapath,
    devices: RuleDevices,
    newTable: () => ClassifierTable,
    events: EventSink = new EventLog(),
    hasRoom?: () => boolean,
  ) {
    this.datapath = datapath;
    this.devices = devices;
    this.newTable = newTable;
    this.events = events;
    this.told = new RuleEvents(events, (filter, parent) => this.state(filter, parent));
    this.qdiscs = new QdiscTable(datapath.counters, this.journal);
    const retire = (release: () => void): void => void this.retired.push(release);
    this.actions = new SharedActions(datapath, devices, this.programs, retire, this.journal);
    const ifindexOf = (name: string): number => devices.ifindexOf(name);
    const filters = new BoundFilters(this.actions, this.programs, ifindexOf, retire, hasRoom);
    this.places = filters.places;
    this.filters = filters;
    this.maker = {
      make: (spec) => filters.make(spec),
      discard: (filter) => filters.discard(filter),
      unmake: (filter) => filters.unmake(filter),
      remake: (filter) => filters.remake(filter),
      touch: (place) => this.touch(place),
    };
  }

  /**
   * A transaction begins: from now on every edit can be taken back, until `keep` or `rollBack`. What workers use of the
   * edits is in force with the next commit, and there is none before the transaction's end. `again` makes all its edits
   * once more, for `hide`.
   */
  open(again: () => Iterable<unknown> = () => []): void {
    this.journal.open();
    this.again = again;
    this.retiredBefore = this.retired.length;
    this.notedBefore = this.events.noted;
  }

  /** The edits of the transaction stay; `commit` puts them in force. */
  keep(): void {
    this.journal.keep();
  }

  /** Resolves when everything is as it was when the transaction began. */
  async rollBack(): Promise<void> {
    await inSlices(this.takeBack());
  }

  private *takeBack(): Generator<void> {
    yield* this.journal.takeBack();
    this.retired.length = this.retiredBefore;
    this.events.unnote(this.notedBefore);
    for (const { ingress, egress } of this.qdiscs.values()) {
      ingress.settle();
      egress?.settle();
    }
  }

  /** Everything is as it was when the transaction began, from when this resolves until what it gives back is called. */
  async hide(): Promise<() => Promise<void>> {
    const { again } = this;
    await this.rollBack();
    return () => {
      this.open(again);
      return inSlices(again());
    };
  }

  addQdisc(dev: string, kind: 'ingress' | 'clsact', mode?: QdiscMode): void {
    const device = this.devices.indexOf(dev);
    const existing = this.qdiscs.get(device);
    if (existing && mode) {
      if (existing.kind !== kind) throw refused('Invalid qdisc name: must match existing qdisc');
      this.told.qdisc(this.qdiscsOf(dev)[0], false);
      return;
    }
    if (existing) throw refused('Exclusivity flag on, cannot modify');
    if (mode === 'change') throw refused('Qdisc not found. To create specify NLM_F_CREATE flag');
    const { strictPeers } = this;
    const block = (hook: 'ingress' | 'egress') => {
      const table = this.newTable();
      const isNaming = strictPeers && hook === 'ingress';
      return new FilterBlock(isNaming ? strictPeers.watch(device, table) : table, this.maker, this.journal, hook);
    };
    const hooks = { ingress: block('ingress'), ...(kind === 'clsact' && { egress: block('egress') }) };
    this.touchQdisc(device, dev);
    this.qdiscs.add(device, kind, hooks);
    this.changed(device);
    this.told.qdisc(this.qdiscsOf(dev)[0], false);
  }

  removeQdisc(dev: string, kind: 'ingress' | 'clsact', anyKind: boolean): void {
    const device = this.devices.indexOf(dev);
    const qdisc = this.qdiscs.get(device);
    if (!qdisc) throw refused('Cannot find specified qdisc on specified device');
    if (qdisc.kind !== kind && !anyKind) throw refused('Invalid qdisc name: must match existing qdisc');
    this.told.qdisc(this.qdiscsOf(dev)[0], true);
    this.forgetDevice(device);
  }

  /** A device is going: its filters go with it. */
  forgetDevice(device: number): void {
    const qdisc = this.qdiscs.get(device);
    if (!qdisc) return;
    this.touchQdisc(device, this.devices.nameOf(device));
    this.told.chainsGone(this.devices.nameOf(device), qdisc.ingress);
    if (qdisc.egress) this.told.chainsGone(this.devices.nameOf(device), qdisc.egress);
    qdisc.ingress.clear();
    qdisc.egress?.clear();
    this.qdiscs.remove(device);
    this.changed(device);
  }

  private touchQdisc(device: number, dev: string): void {
    this.journal.changing?.(dev, () => {
      const qdisc = this.qdiscs.get(device)?.kind;
      return qdisc && `tc ${qdiscCommand({ dev, qdisc }).join(' ')}`;
    });
  }

  /** How many filters there are. */
  get filterCount(): number {
    return this.filters.count;
  }

  /** Every qdisc by device index, in order of creation. */
  qdiscsInOrder(): { readonly device: number; readonly kind: Qdisc['kind'] }[] {
    return this.qdiscs.inOrder();
  }

  kindAt(device: number): Qdisc['kind'] | undefined {
    return this.qdiscs.get(device)?.kind;
  }

  /** Has qdiscs shown in the order of these devices. */
  orderQdiscs(devices: readonly number[]): void {
    this.qdiscs.order(devices);
  }

  /** The hooks of a device's qdisc, by name. */
  blocks(device: number): ReadonlyMap<string, FilterBlock> {
    const qdisc = this.qdiscs.get(device);
    const blocks = new Map(qdisc ? [['ingress', qdisc.ingress]] : []);
    return qdisc?.egress ? blocks.set('egress', qdisc.egress) : blocks;
  }

  /** Index of a device; throws CommandError. */
  indexOf(dev: string): number {
    return this.devices.indexOf(dev);
  }

  /** What a device's hooks run is to be published. */
  changed(device: number): void {
    if (this.dirty.has(device)) return;
    this.dirty.add(device);
    this.journal.note(() => this.dirty.delete(device));
  }

  qdiscsOf(dev?: string): QdiscState[] {
    const wanted = dev === undefined ? undefined : this.devices.indexOf(dev);
    return this.qdiscs
      .inOrder()
      .filter(({ device }) => wanted === undefined || wanted === device)
      .map((qdisc) => {
        const { device, kind } = qdisc;
        const { packets, bytes, drops } = this.qdiscs.counted(device, qdisc);
        return { dev: this.devices.nameOf(device), qdisc: kind, packets, bytes, drops, overlimits: 0 };
      });
  }

  edit(mode: 'add' | 'replace' | 'change', spec: FilterSpec): void {
    const device = this.devices.indexOf(spec.dev);
    const block = this.block(this.qdisc(device), spec.parent);
    const hadChain = block.hasChain(spec.chain);
    const filter = block.edit(mode, spec);
    this.onEdited?.(spec, filter);
    if (spec.verbose) this.verbose.add(filter);
    this.actions.giveCookies(filter.actions, spec.actions);
    this.told.edited(mode, this.devices.nameOf(device), filter, spec.parent, hadChain);
    this.changed(device);
  }

  /** The filters that were added with `verbose` since the last call. */
  takeVerbose(): ReadonlySet<Filter> {
    const taken = new Set(this.verbose);
    this.verbose.clear();
    return taken;
  }

  remove(selector: FilterSelector): void {
    if (!selector.pref && (selector.protocol !== undefined || selector.handle || selector.kind !== undefined)) {
      throw filterRefused('Cannot flush filters with protocol, handle or kind set');
    }
    const device = this.devices.indexOf(selector.dev);
    const block = this.block(this.qdisc(device), selector.parent);
    this.told.removing(this.devices.nameOf(device), block, selector, () => block.remove(selector));
    this.changed(device);
  }

  get(selector: FilterSelector): FilterState {
    const qdisc = this.qdisc(this.devices.indexOf(selector.dev));
    return this.state(this.block(qdisc, selector.parent).get(selector), selector.parent);
  }

  /** Nothing where the device has no such hook, as tc prints nothing then. */
  list(selector: FilterSelector): FilterState[] {
    return [...this.each(selector)];
  }

  /**
   * As `list`, one after the other: which filters there are is settled now, what is to be said of each when it is
   * fetched, and one that has been removed by then is left out.
   */
  each(selector: FilterSelector): Iterable<FilterState> {
    const block = this.shownBlock(this.devices.indexOf(selector.dev), selector.parent);
    return block ? this.states(block, block.list(selector), block.shownParent) : [];
  }

  /** `tc chain add` and `del`. */
  editChain(mode: 'add' | 'del', { dev, parent, chain = 0 }: ChainSelector): void {
    const device = this.devices.indexOf(dev);
    const block = this.block(this.qdisc(device), parent);
    this.journal.changing?.(`${this.placeName(device, parent)} ${chain}`, () =>
      block.explicitChains.includes(chain) ? `tc ${chainCommand({ dev, parent, chain }).join(' ')}` : undefined,
    );
    const name = this.devices.nameOf(device);
    if (mode === 'add') {
      block.addChain(chain);
      this.told.chain(name, chain, false);
    } else this.told.removing(name, block, { dev, parent, chain }, () => block.removeChain(chain), true);
    this.changed(device);
  }

  /** The numbers of chains: of the one, which must be there, or of all. Nothing where the device has no such hook. */
  chains({ dev, parent, chain }: ChainSelector, mustBe: boolean): number[] {
    const device = this.devices.indexOf(dev);
    if (mustBe) {
      this.block(this.qdisc(device), parent).checkHasChain(chain ?? 0);
      return [chain ?? 0];
    }
    const numbers = this.shownBlock(device, parent)?.chainNumbers ?? [];
    return chain === undefined ? numbers : numbers.filter((number) => number === chain);
  }

  /** The filters of a device, chain by chain, in the order in which adding them makes them again. */
  *saved(dev: string): Generator<SavedChain> {
    const qdisc = this.qdiscs.get(this.devices.indexOf(dev));
    for (const block of [qdisc?.ingress, qdisc?.egress]) {
      if (!block) continue;
      const parent = block.shownParent;
      const explicit = new Set(block.explicitChains);
      for (const chain of block.chainNumbers) {
        const filters = block.inMaskOrder(chain);
        yield { chain, parent, isExplicit: explicit.has(chain), filters: this.states(block, filters, parent) };
      }
    }
  }

  /** Puts every edit since the last commit in force at once; resolves when the workers have taken it over. */
  async commit(): Promise<void> {
    if (this.journal.isOpen) throw new Error('a transaction is on');
    const noted = this.events.takeNoted();
    await this.putInForce();
    await this.strictPeers?.settle();
    this.events.emitAll(noted);
  }

  private async putInForce(): Promise<void> {
    if (this.dirty.size === 0 && this.retired.length === 0) return;
    const hooks = [...this.dirty].flatMap((device) => this.hooksOf(device));
    this.dirty.clear();
    const retired = [...this.retired, this.programs.retire()];
    this.retired = [];
    await this.datapath.apply({ type: 'rules', programs: this.programs.publish(), hooks });
    await inSlices(released(retired));
  }

  /** What is to be published of a device: its egress too, where it has one or the workers still have. */
  private hooksOf(device: number): HookRules[] {
    const qdisc = this.qdiscs.get(device);
    const ingress = qdisc ? { snapshot: qdisc.ingress.publish() } : {};
    const egress = qdisc?.egress ? { snapshot: qdisc.egress.publish() } : {};
    const isNews = this.withEgress.delete(device) || qdisc?.egress;
    if (qdisc?.egress) this.withEgress.add(device);
    return [
      { device, direction: AT_INGRESS, ...ingress },
      ...(isNews ? [{ device, direction: AT_EGRESS, ...egress }] : []),
    ];
  }

  private qdisc(device: number): Qdisc {
    const qdisc = this.qdiscs.get(device);
    if (!qdisc) throw filterRefused("Parent Qdisc doesn't exists");
    return qdisc;
  }

  /** The block that a `show` means; undefined where the device has no such hook. */
  private shownBlock(device: number, parent: FilterParent): FilterBlock | undefined {
    const qdisc = this.qdiscs.get(device);
    return qdisc && blockOf(qdisc, parent);
  }

  private block(qdisc: Qdisc, parent: FilterParent): FilterBlock {
    const block = blockOf(qdisc, parent);
    if (!block) throw filterAnswers('Invalid argument');
    return block;
  }

  private touch({ dev, parent, chain, pref, handle }: FilterPlace): void {
    if (!this.journal.changing) return;
    const device = this.devices.indexOf(dev);
    this.journal.changing(`${this.placeName(device, parent)} ${chain} ${pref} ${handle}`, () => {
      const block = this.shownBlock(device, parent);
      const filter = block?.at(chain, pref, handle);
      return filter && block && `tc ${filterCommand(this.state(filter, block.shownParent)).join(' ')}`;
    });
  }

  /** One name for every hook, whatever it was called. */
  private placeName(device: number, parent: FilterParent): string {
    const isEgress = parent === 'egress' && this.qdiscs.get(device)?.kind === 'clsact';
    return `${this.devices.nameOf(device)}${isEgress ? ' egress' : ''}`;
  }

  private *states(block: FilterBlock, filters: Iterable<Filter>, parent: FilterParent): Generator<FilterState> {
    for (const filter of filters) if (block.has(filter)) yield this.state(filter, parent);
  }

  private state(filter: Filter, parent: FilterParent): FilterState {
    return { ...filter.spec, parent, actions: filter.actions.map((action) => this.actions.state(action)) };
  }
}

function* released(retired: readonly (() => void)[]): Generator<void> {
  for (const release of retired) yield release();
}
