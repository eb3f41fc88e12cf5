/** Edits of devices, rules and tables, which are carried out together: all of them, or none. */
import type { ActionKind } from '../../iproute/commands.js';
import { checkFunction } from '../check-options.js';
import type { DeviceHandlers } from '../types.js';
import type { ActionMaking } from './action-types.js';
import type {
  Chain,
  FdbFlush,
  FdbMaking,
  FdbTarget,
  FilterDeletion,
  FilterMaking,
  FilterRule,
  Link,
  LinkChange,
  Qdisc,
  VniDeletion,
  VniMaking,
} from './edit-types.js';
import { FilterHandle, type HandleOwner, LinkHandle } from './handles.js';
import { putSettings, putUp, putVxlan } from './link-words.js';
import {
  actionDeletion,
  actionFlush,
  actionsWords,
  chainWords,
  filterDeletion,
  filterWords,
  qdiscWords,
} from './rule-words.js';
import { fdbFlush, fdbWords, vniWords } from './table-words.js';
import { Fields, invalid, textOf, Words, wordIn } from './words.js';

/** One line of an edit, and what is to become of it. */
export interface EditLine {
  /** Which edit it is of, from 1. */
  readonly edit: number;
  readonly words: Words;
  /** The device that it is about, and the property that names it. */
  readonly dev?: string;
  readonly property?: string;
  readonly makes?: string;
  readonly filter?: FilterHandle;
}

/** A device that is to have functions. */
export interface Opening {
  readonly handle: LinkHandle;
  readonly handlers: DeviceHandlers;
}

export class Edit {
  /** @internal */
  readonly lines: EditLine[] = [];
  /** @internal */
  readonly openings: Opening[] = [];
  private readonly owner: HandleOwner;
  private count = 0;
  private isOver = false;

  /** @internal */
  constructor(owner: HandleOwner) {
    this.owner = owner;
  }

  /** Nothing can be added any more. @internal */
  end(): void {
    this.isOver = true;
  }

  /** Makes a device; with `transmit`, one of the process whose other side is a function. */
  addLink(link: Link): LinkHandle {
    const fields = new Fields(link);
    const kind = fields.must('kind', wordIn(['vxlan', 'tap'] as const));
    const name = fields.must('name', textOf);
    const words = new Words().add('', 'ip', 'link', 'add').add('name', 'name', name);
    putSettings(words, fields);
    putUp(words, fields);
    words.add('kind', 'type', kind);
    const handle = new LinkHandle(this.owner, name);
    if (kind === 'vxlan') putVxlan(words, fields);
    else {
      fields.flag(words, 'persist');
      const transmit = fields.take('transmit');
      if (transmit !== undefined) {
        checkFunction('transmit', transmit);
        this.openings.push({ handle, handlers: link as DeviceHandlers });
      }
    }
    fields.end();
    this.push([{ words, makes: name }]);
    return handle;
  }

  /** Changes a device. */
  setLink(link: string | LinkHandle, change: LinkChange): void {
    const name = nameOf(link);
    const fields = new Fields(change);
    const settings = new Words().add('', 'ip', 'link', 'set').add('name', 'dev', name);
    const before = settings.list.length;
    putSettings(settings, fields);
    putUp(settings, fields);
    const lines = [];
    const vxlan = fields.maybe('vxlan', (value, property) => fields.within(value, property));
    if (vxlan) {
      const words = new Words().add('', 'ip', 'link', 'set').add('name', 'dev', name).add('vxlan', 'type', 'vxlan');
      putVxlan(words, vxlan);
      vxlan.end();
      lines.push({ words, dev: name });
    }
    // An alias goes on to the end of its line.
    const alias = fields.maybe('alias', aliasWord);
    if (alias !== undefined) {
      const words = new Words().add('', 'ip', 'link', 'set').add('name', 'dev', name).add('alias', 'alias', alias);
      lines.push({ words, dev: name });
    }
    if (settings.list.length > before) lines.push({ words: settings, dev: name });
    fields.end();
    if (lines.length === 0) throw invalid('', 'the change of a device changes nothing');
    this.push(lines);
  }

  deleteLink(link: string | LinkHandle): void {
    const name = nameOf(link);
    this.push([{ words: new Words().add('', 'ip', 'link', 'del').add('name', 'dev', name), dev: name }]);
  }

  /** Makes the qdisc that filters hang on. `addFilter` makes a clsact one where the device has none. */
  addQdisc(qdisc: Qdisc): void {
    this.push([{ words: qdiscWords('add', qdisc), dev: qdisc.dev }]);
  }

  /** Removes a device's qdisc, and its filters with it. */
  deleteQdisc(qdisc: Qdisc): void {
    this.push([{ words: qdiscWords('del', qdisc), dev: qdisc.dev }]);
  }

  addChain(chain: Chain): void {
    this.push([{ words: chainWords('add', chain), dev: chain.dev }]);
  }

  /** Removes a chain, and its filters with it. */
  deleteChain(chain: Chain): void {
    this.push([{ words: chainWords('del', chain), dev: chain.dev }]);
  }

  addFilter(filter: FilterMaking): FilterHandle {
    return this.filter('add', filter);
  }

  /**
   * Puts another rule in the place of a filter, with the next batch of frames. Its protocol stays, where none is said.
   * What it has counted is forgotten.
   */
  replaceFilter(filter: FilterHandle, rule: FilterRule): FilterHandle;
  /** As `addFilter`; where there is one of this place, it is replaced, which as in the kernel takes keys of the same masks. */
  replaceFilter(filter: FilterMaking): FilterHandle;
  replaceFilter(filter: FilterHandle | FilterMaking, rule?: FilterRule): FilterHandle {
    if (!(filter instanceof FilterHandle)) return this.filter('replace', filter);
    const place = placeOf(filter);
    const { dev } = place;
    // Both in one transaction: frames meet the one or the other.
    this.push([
      { words: filterDeletion(place), dev },
      { words: filterWords('add', { ...place, ...rule, ...withoutProtocol(place) }), dev, filter },
    ]);
    return filter;
  }

  /** As `replaceFilter`, of a filter that is there. */
  changeFilter(filter: FilterMaking & { readonly pref: number; readonly handle: number }): FilterHandle {
    return this.filter('change', filter);
  }

  /** Removes a filter, or all of a priority or chain. */
  deleteFilter(filter: FilterHandle | FilterDeletion): void {
    const words = filterDeletion(filter instanceof FilterHandle ? placeOf(filter) : filter);
    this.push([{ words, dev: filter.dev }]);
  }

  /** Makes an action of its own, which filters name by its kind and index. */
  addAction(action: ActionMaking & { readonly index: number }): void {
    this.push([{ words: actionsWords('add', [action]) }]);
  }

  /** As `addAction`; where there is one of this index, every filter that shares it does the new thing. */
  replaceAction(action: ActionMaking & { readonly index: number }): void {
    this.push([{ words: actionsWords('replace', [action]) }]);
  }

  deleteAction(action: { readonly kind: Exclude<ActionKind, 'custom'>; readonly index: number }): void {
    this.push([{ words: actionDeletion(action) }]);
  }

  /** Removes all actions of a kind that no filter has. */
  flushActions(kind: Exclude<ActionKind, 'custom'>): void {
    this.push([{ words: actionFlush(kind) }]);
  }

  /** Makes an entry of a vxlan device's forwarding table. */
  addFdb(entry: FdbMaking): void {
    this.push([{ words: fdbWords('add', entry), dev: entry.dev }]);
  }

  /** Adds a destination to an entry, which has one already. */
  appendFdb(entry: FdbMaking): void {
    this.push([{ words: fdbWords('append', entry), dev: entry.dev }]);
  }

  replaceFdb(entry: FdbMaking): void {
    this.push([{ words: fdbWords('replace', entry), dev: entry.dev }]);
  }

  deleteFdb(entry: FdbTarget): void {
    this.push([{ words: fdbWords('del', entry), dev: entry.dev }]);
  }

  /** Removes the entries of a device that are so. */
  flushFdb(entries: FdbFlush): void {
    this.push([{ words: fdbFlush(entries), dev: entries.dev }]);
  }

  /** Adds VNIs to the filter of a device with `vnifilter`. */
  addVni(vni: VniMaking): void {
    this.push([{ words: vniWords('add', vni), dev: vni.dev }]);
  }

  deleteVni(vni: VniDeletion): void {
    this.push([{ words: vniWords('del', vni), dev: vni.dev }]);
  }

  private filter(verb: 'add' | 'replace' | 'change', filter: FilterMaking): FilterHandle {
    const words = filterWords(verb, filter);
    const handle = new FilterHandle(this.owner, filter.dev, filter.hook ?? 'ingress');
    this.push([{ words, dev: filter.dev, filter: handle }]);
    return handle;
  }

  private push(lines: readonly Omit<EditLine, 'edit'>[]): void {
    if (this.isOver) throw invalid('', 'the edit is over: its function has returned');
    const edit = ++this.count;
    for (const line of lines) this.lines.push({ edit, ...line });
  }
}

function nameOf(link: string | LinkHandle): string {
  return link instanceof LinkHandle ? link.name : textOf(link, 'name');
}

/** Everything that says which filter is meant. */
export function placeOf({ dev, hook, pref, chain, handle, protocol }: FilterHandle) {
  return { dev, hook, pref, chain, handle, protocol };
}

function withoutProtocol({ protocol: _protocol, ...place }: ReturnType<typeof placeOf>) {
  return place;
}

function aliasWord(alias: unknown, property: string): string {
  if (typeof alias === 'string' && !/[\0\n]/.test(alias)) return alias;
  throw invalid(property, 'it is not a line of text');
}
