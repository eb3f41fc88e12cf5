/**
 * A VXLAN endpoint within a program: the datapath, devices and rules of `vtep run`, driven by lines of ip, tc and
 * bridge, with devices and actions that are functions of the program.
 */
import { asCommandError } from '../control/report.js';
import type { BatchLine } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';
import { DeviceCounter } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import { dropRows } from '../observe/drops.js';
import { workerRows } from '../observe/workers.js';
import { type ActionFunction, ActionTable } from './action-table.js';
import { checkBytes, checkEventTypes, checkFunction, checkOptions } from './check-options.js';
import { VtepError } from './errors.js';
import { EventHub } from './event-hub.js';
import type { EventStream } from './event-stream.js';
import { FrameReader } from './frame-reader.js';
import { refuseHostLines } from './host-lines.js';
import { Heard, linesOf } from './lines.js';
import { beginParts, type Parts } from './parts.js';
import { ProcessDevices } from './process-devices.js';
import { type CustomAction, ProgramActions } from './program-actions.js';
import { fdbOf, filtersOf, linksOf } from './readings.js';
import { type DropReason, ReasonTable } from './reasons.js';
import { guardedLog, Troubles } from './troubles.js';
import type { Edit } from './typed/edit.js';
import type { FilterMaking, Link as LinkMaking } from './typed/edit-types.js';
import type { FilterHandle, LinkHandle } from './typed/handles.js';
import { TypedEdits } from './typed/typed-edits.js';
import type {
  Device,
  DeviceHandlers,
  Drop,
  EndpointOptions,
  EventType,
  FdbEntry,
  Filter,
  Link,
  WorkerCounts,
} from './types.js';

/** What needs this thread. */
interface OwnParts {
  readonly actions: ProgramActions;
  readonly devices: ProcessDevices;
}

export class Endpoint {
  private readonly parts: Parts;
  private readonly hub: EventHub;
  private readonly reasons: ReasonTable;
  private readonly troubles: Troubles;
  /** undefined where the datapath has threads of its own. */
  private readonly own: OwnParts | undefined;
  private readonly edits: TypedEdits;
  private ending: Promise<void> | undefined;
  private failure: VtepError | undefined;

  private constructor(parts: Parts, checked: boolean) {
    this.parts = parts;
    const { devices, events, datapath, packets, log } = parts;
    this.reasons = new ReasonTable(devices.reasons);
    this.hub = new EventHub({
      log: events,
      registry: devices.registry,
      beginWatching: () => devices.beginWatching(),
      drops: () => this.dropsNow(),
    });
    this.troubles = new Troubles(log, (event) => this.hub.tell(event));
    datapath.once('failed', (error) => {
      this.failure = new VtepError('failed', `the datapath has failed: ${error.message}`, { cause: error });
      this.troubles.tell(this.failure, 'datapath', this.failure.message);
    });
    devices.registry.checkAction = (name) => {
      if (this.own?.actions.has(name) === true) return;
      throw new CommandError(`vtep: action "${name}" is not one of this endpoint's`, 1);
    };
    packets?.onError((error) => this.troubles.functionFailed(error, 'underlay'));
    this.own = this.ownParts(checked);
    this.edits = new TypedEdits({
      parts,
      openDevices: () => this.needOwn('a device with functions').devices,
      check: () => this.check(),
    });
  }

  private ownParts(checked: boolean): OwnParts | undefined {
    const { parts, reasons } = this;
    if (parts.own === undefined) return undefined;
    const { arena, engine } = parts.own.worker;
    const failed = this.troubles.functionFailed;
    const nameOf = (device: number): string => parts.devices.registry.nameOf(device);
    const table = new ActionTable({ arena, engine, reasons, checked, nameOf, failed });
    const reader = new FrameReader(arena, reasons);
    const dropped = (index: number, reason: DropReason | undefined, frames: number): void =>
      this.countDrop(index, reason, frames);
    return {
      actions: new ProgramActions(table, () => engine.setCustomActions(table)),
      devices: new ProcessDevices({ parts, reader, checked, dropped, failed }),
    };
  }

  /** Begins an endpoint. Rejects with a VtepError where it cannot, with nothing left behind. */
  static async open(options: EndpointOptions = {}): Promise<Endpoint> {
    checkOptions(options);
    const { log, checked = false, batch } = options;
    let parts: Parts;
    try {
      parts = await beginParts({ ...options, ...(log && { log: guardedLog(log) }) });
    } catch (error) {
      throw new VtepError('start', asCommandError(error).message, { cause: error });
    }
    const endpoint = new Endpoint(parts, checked);
    try {
      if (batch !== undefined) await endpoint.batch(batch);
    } catch (error) {
      await endpoint.close();
      throw error;
    }
    return endpoint;
  }

  /**
   * Carries out all that the function adds to the edit, devices, rules and entries, or nothing of it; resolves, with what
   * the function returns, when it is in force. Rejects with a VtepError: 'refused' with the tool's sentence, 'invalid'
   * for what cannot be said at all; its `property` is the one that is wrong.
   */
  edit<T>(build: (edit: Edit) => T): Promise<T> {
    return this.edits.run(build);
  }

  /** An edit of one device. */
  addLink(link: LinkMaking): Promise<LinkHandle> {
    return this.edit((edit) => edit.addLink(link));
  }

  /** An edit of one filter. */
  addFilter(filter: FilterMaking): Promise<FilterHandle> {
    return this.edit((edit) => edit.addFilter(filter));
  }

  /**
   * Carries out lines of ip, tc and bridge (one text, or a line each): all of them, or none and a VtepError 'refused' with what
   * the tool would have said. Resolves, with what they print, when they are in force.
   */
  async batch(lines: string | readonly string[]): Promise<string> {
    this.check();
    const split = linesOf(lines);
    this.refuseHost(split);
    const heard = new Heard();
    const words = split.map((line) => line.words);
    const batch = { tool: null, options: [], lines: words, force: false, atomic: true } as const;
    const exitCode = await this.parts.interpreter.batch(batch, heard.say);
    if (exitCode === 0) return heard.out;
    const failed = heard.failed === undefined ? undefined : split[heard.failed];
    throw new VtepError('refused', heard.err.trimEnd(), {
      exitCode,
      ...(failed && { line: failed.words.join(' '), lineNumber: failed.line }),
    });
  }

  /** Carries out one line; resolves with what it prints (`tc -s filter show dev vxlan0 ingress`). */
  async run(line: string): Promise<string> {
    this.check();
    const [words, ...more] = linesOf(line);
    if (!words || more.length > 0) throw new VtepError('invalid', 'run() takes one line; batch() takes many');
    this.refuseHost([words]);
    const heard = new Heard();
    const exitCode = await this.parts.interpreter.request(words.words, heard.say);
    if (exitCode === 0) return heard.out;
    throw new VtepError('refused', heard.err.trimEnd(), { exitCode, line, lineNumber: 1 });
  }

  /** The devices of this endpoint. */
  async links(): Promise<Link[]> {
    await this.refresh();
    return linksOf(this.parts.devices);
  }

  /** The filters of a device, with their statistics. */
  async filters(device: string, hook: 'ingress' | 'egress' = 'ingress'): Promise<Filter[]> {
    this.checkDevice(device);
    const heard = new Heard();
    const argv = ['tc', '-s', '-j', 'filter', 'show', 'dev', device, hook];
    const exitCode = await this.parts.interpreter.request(argv, heard.say);
    if (exitCode !== 0) throw new VtepError('refused', heard.err.trimEnd(), { exitCode, line: argv.join(' ') });
    return filtersOf(heard.out);
  }

  /** Forwarding entries of a vxlan device, or of all of them. */
  async fdb(device?: string): Promise<FdbEntry[]> {
    if (device !== undefined) this.checkDevice(device);
    await this.refresh();
    return fdbOf(this.parts.devices, device);
  }

  /** Every reason that has counted anything. */
  async drops(): Promise<Drop[]> {
    this.check();
    return this.dropsNow();
  }

  async workers(): Promise<WorkerCounts[]> {
    this.check();
    return workerRows(this.parts.datapath.counters.sets).map(
      ({ worker, receivedDatagrams, sentDatagrams, framesRead, framesWritten, lookups, cacheHits }) => ({
        ...{ worker, receivedDatagrams, sentDatagrams, framesRead, framesWritten, lookups, cacheHits },
      }),
    );
  }

  /**
   * A device of the process, with functions: one that a line has made (`ip link add tap0 type tap`), or a new one of
   * this name, which is up at once. Throws VtepError where the name is the host's, or has functions already.
   */
  async device(name: string, handlers: DeviceHandlers = {}): Promise<Device> {
    this.check();
    if (typeof name !== 'string') throw new VtepError('invalid', 'the name of a device is a string');
    if (handlers.transmit !== undefined) checkFunction('transmit', handlers.transmit);
    return this.needOwn('a device with functions').devices.open(name, handlers);
  }

  /**
   * An action for filters, by its name: `tc filter add … flower … action NAME`. The function is called with all frames
   * of a batch that have met it. Throws VtepError where the name is taken.
   */
  action(name: string, run: ActionFunction): CustomAction {
    this.check();
    checkFunction(`action "${name}"`, run);
    return this.needOwn('an action with a function').actions.add(name, run);
  }

  /**
   * A reason for which functions drop frames: words of a-z and 0-9 joined by `-`, and the sentence that people read.
   * There may be 32.
   */
  reason(name: string, sentence: string): DropReason {
    return this.reasons.add(name, sentence);
  }

  /**
   * An outer IP packet arrives, where the underlay is a function. The bytes are copied. False: no device takes it, or the
   * device's queue (`queueBytes`) is full, which is counted as `socket-overflow`.
   */
  deliver(packet: Uint8Array): boolean {
    this.check();
    const { packets, own } = this.parts;
    checkBytes('a packet', packet);
    if (!packets) throw new VtepError('invalid', 'packets are delivered to an endpoint whose underlay is a function');
    const isTaken = packets.give(packet);
    if (isTaken) own?.underlaysReady();
    return isTaken;
  }

  /** What happens from now on, of these types or of all. Leaving the loop, or `close`, ends it. */
  events(...types: EventType[]): EventStream {
    this.check();
    checkEventTypes(types);
    return this.hub.open(types);
  }

  /** Gives everything back: sockets, devices, threads. Safe to call twice. */
  close(): Promise<void> {
    this.ending ??= this.end();
    return this.ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async end(): Promise<void> {
    await this.hub.close();
    this.own?.devices.end();
    await this.parts.end(false);
    this.own?.actions.close();
  }

  private async dropsNow(): Promise<Drop[]> {
    await this.parts.devices.refreshCounters().catch(() => undefined);
    const { devices, datapath } = this.parts;
    const all = [...devices.registry.list(), ...devices.hostPorts.list()];
    return dropRows(all, datapath.counters.sets, { reasons: devices.reasons });
  }

  private countDrop(index: number, reason: DropReason | undefined, frames: number): void {
    const [counters] = this.parts.datapath.counters.sets;
    const number = reason ? this.reasons.numberOf(reason) : REASON['process-full'];
    counters?.reason(index, number, frames);
    // What a device gives is receive there.
    counters?.device(index, DeviceCounter.RX_DROPPED, frames);
  }

  private async refresh(): Promise<void> {
    this.check();
    await this.parts.devices.refreshCounters();
  }

  private refuseHost(lines: readonly BatchLine[]): void {
    const { host, devices } = this.parts;
    if (host.isAlone) refuseHostLines(lines, (name) => devices.registry.has(name));
  }

  private needOwn(what: string): OwnParts {
    if (this.own) return this.own;
    throw new VtepError('workers', `${what} runs on this thread: open the endpoint without "workers"`);
  }

  private checkDevice(name: string): void {
    this.check();
    if (!this.parts.devices.registry.has(name)) throw new VtepError('no-device', `there is no device "${name}"`);
  }

  private check(): void {
    if (this.failure) throw this.failure;
    if (this.ending) throw new VtepError('closed', 'the endpoint is closed');
  }
}
