/**
 * Carries out edits: as the lines that they stand for, read by the grammar's own parser, in one transaction. So every
 * check is the text's, and so is every sentence.
 */
import type { Filter as ControlFilter } from '../../control/filter.js';
import { noSuchDevice } from '../../control/refusal.js';
import type { Command, FilterSpec } from '../../iproute/commands.js';
import { etherTypeName } from '../../iproute/ether-type.js';
import { VtepError } from '../errors.js';
import { Heard } from '../lines.js';
import type { Parts } from '../parts.js';
import type { ProcessDevices } from '../process-devices.js';
import { filtersOf, linksOf } from '../readings.js';
import type { Filter, Link } from '../types.js';
import { Edit, type EditLine, placeOf } from './edit.js';
import type { FilterRule, LinkChange } from './edit-types.js';
import type { FilterHandle, HandleOwner } from './handles.js';
import { commandOf, refusedEdit } from './refusals.js';
import { invalid, Words } from './words.js';

export interface EditSurroundings {
  readonly parts: Parts;
  /** Where devices get functions; throws VtepError where that cannot be. */
  readonly openDevices: () => ProcessDevices;
  /** Throws VtepError where nothing can be begun any more. */
  readonly check: () => void;
}

export class TypedEdits implements HandleOwner {
  private readonly around: EditSurroundings;
  /** Filters that are being made, by what was asked for. */
  private readonly asked = new Map<FilterSpec, ControlFilter | undefined>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(around: EditSurroundings) {
    this.around = around;
    around.parts.rules.onEdited = (spec, filter) => {
      if (this.asked.has(spec)) this.asked.set(spec, filter);
    };
  }

  /** Carries out what the function adds; resolves with what it returns. */
  async run<T>(build: (edit: Edit) => T): Promise<T> {
    this.around.check();
    const edit = new Edit(this);
    let made: T;
    try {
      made = build(edit);
    } finally {
      edit.end();
    }
    if (made instanceof Promise) {
      made.catch(() => undefined);
      throw invalid('', 'the function of an edit must not be async: what it adds is carried out when it returns');
    }
    const carriedOut = this.turn.then(() => this.carryOut(edit));
    this.turn = carriedOut.catch(() => undefined);
    await carriedOut;
    return made;
  }

  async readFilter(filter: FilterHandle): Promise<Filter> {
    this.around.check();
    const { dev, hook, protocol, pref, chain, handle } = filter;
    const place = ['protocol', protocol, 'pref', pref, 'chain', chain, 'handle', handle].map(String);
    const argv = ['tc', '-s', '-j', 'filter', 'get', 'dev', dev, hook, ...place, 'flower'];
    const heard = new Heard();
    const exitCode = await this.around.parts.interpreter.request(argv, heard.say);
    const [found] = exitCode === 0 ? filtersOf(heard.out) : [];
    if (found) return found;
    throw new VtepError('refused', heard.err.trimEnd(), { exitCode, line: argv.join(' ') });
  }

  async replaceFilter(filter: FilterHandle, rule: FilterRule): Promise<void> {
    await this.run((edit) => void edit.replaceFilter(filter, rule));
  }

  async deleteFilter(filter: FilterHandle): Promise<void> {
    await this.run((edit) => edit.deleteFilter(placeOf(filter)));
  }

  async readLink(name: string): Promise<Link> {
    this.around.check();
    const { devices } = this.around.parts;
    await devices.refreshCounters();
    const found = linksOf(devices).find((link) => link.name === name);
    if (found) return found;
    throw new VtepError('no-device', `there is no device "${name}"`);
  }

  async setLink(name: string, change: LinkChange): Promise<void> {
    await this.run((edit) => edit.setLink(name, change));
  }

  async deleteLink(name: string): Promise<void> {
    await this.run((edit) => edit.deleteLink(name));
  }

  private async carryOut({ lines: given, openings }: Edit): Promise<void> {
    this.around.check();
    if (given.length === 0) return;
    const devices = openings.length > 0 ? this.around.openDevices() : undefined;
    const lines = this.whole(given);
    const commands = lines.map(commandOf);
    for (const command of commands) if (command.kind === 'filter-add') this.asked.set(command.filter, undefined);
    try {
      const names = openings.map(({ handle }) => handle.name);
      await this.within(names, () => this.batch(lines, commands));
      for (const [i, { filter }] of lines.entries()) this.settle(filter, commands[i]);
    } finally {
      for (const command of commands) if (command.kind === 'filter-add') this.asked.delete(command.filter);
    }
    for (const { handle, handlers } of openings) {
      const opened = await devices?.open(handle.name, handlers);
      if (opened) handle.settle(opened);
    }
  }

  private settle(handle: FilterHandle | undefined, command: Command | undefined): void {
    const filter = command?.kind === 'filter-add' ? this.asked.get(command.filter) : undefined;
    if (!filter || !handle) return;
    const { pref, chain, handle: number, protocol } = filter;
    handle.settle({ pref, chain, handle: number, protocol: etherTypeName(protocol) ?? protocol });
  }

  private async batch(lines: readonly EditLine[], commands: readonly Command[]): Promise<void> {
    const heard = new Heard();
    const words = lines.map((line) => line.words.list);
    const batch = { tool: null, options: [], lines: words, force: false, atomic: true } as const;
    const exitCode = await this.around.parts.interpreter.batch(batch, heard.say, commands);
    if (exitCode === 0) return;
    const failed = heard.failed === undefined ? undefined : lines[heard.failed];
    const message = heard.err.trimEnd();
    throw failed ? refusedEdit(failed, message, exitCode) : new VtepError('refused', message, { exitCode });
  }

  /** Has the devices of these names be the process's. */
  private within<T>([name, ...more]: readonly string[], work: () => Promise<T>): Promise<T> {
    return name === undefined ? work() : this.around.parts.host.within(name, () => this.within(more, work));
  }

  /** The lines, with the qdiscs that filters need. Throws VtepError where a line is about a device that is not there. */
  private whole(given: readonly EditLine[]): EditLine[] {
    const { registry } = this.around.parts.devices;
    const { rules } = this.around.parts;
    /** Devices that are made or removed on the way, and whether they have a qdisc. */
    const changed = new Map<string, { readonly isThere: boolean; readonly hasQdisc: boolean }>();
    const hasQdisc = (dev: string): boolean => {
      const index = registry.find(dev)?.index;
      return changed.get(dev)?.hasQdisc ?? (index !== undefined && rules.kindAt(index) !== undefined);
    };
    return given.flatMap((line) => {
      const { words, dev, makes } = line;
      const [, object = '', verb = ''] = words.list;
      if (makes !== undefined) changed.set(makes, { isThere: true, hasQdisc: false });
      if (dev === undefined) return [line];
      if (!(changed.get(dev)?.isThere ?? registry.has(dev))) throw noDevice(line, dev);
      if (object === 'link' && verb === 'del') changed.set(dev, { isThere: false, hasQdisc: false });
      if (object === 'qdisc') changed.set(dev, { isThere: true, hasQdisc: verb === 'add' });
      const needsQdisc = (object === 'filter' || object === 'chain') && (verb === 'add' || verb === 'replace');
      if (!needsQdisc || hasQdisc(dev)) return [line];
      changed.set(dev, { isThere: true, hasQdisc: true });
      // Somebody else may make one meanwhile.
      const qdisc = new Words().add('', 'tc', 'qdisc', 'replace').add('dev', 'dev', dev).add('', 'clsact');
      return [{ edit: line.edit, words: qdisc, dev }, line];
    });
  }
}

function noDevice(line: EditLine, dev: string): VtepError {
  const { message, exitCode } = noSuchDevice(dev);
  return refusedEdit(line, message, exitCode);
}
