/**
 * A VXLAN endpoint within a program: the datapath, devices and rules of `vtep run`, driven by lines of ip, tc and
 * bridge, with devices and actions that are functions of the program.
 */
import { isHere } from '../control/device-registry.js';
import { asCommandError } from '../control/report.js';
import { formatMac } from '../iproute/address.js';
import type { BatchLine } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';
import { addCustomAction, removeCustomAction } from '../iproute/custom-actions.js';
import { DeviceCounter } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import { dropRows } from '../observe/drops.js';
import { workerRows } from '../observe/workers.js';
import { type ActionFunction, ActionTable } from './action-table.js';
import { checkBytes, checkEventTypes, checkFunction, checkOptions } from './check-options.js';
import { VtepError } from './errors.js';
import { EventHub, fdbEntry } from './event-hub.js';
import type { EventStream } from './event-stream.js';
import { FrameReader } from './frame-reader.js';
import { refuseHostLines } from './host-lines.js';
import { Heard, linesOf } from './lines.js';
import { beginParts, type Parts } from './parts.js';
import { ProcessDevice } from './process-device.js';
import { type DropReason, ReasonTable } from './reasons.js';
import type {
  Device,
  DeviceHandlers,
  Drop,
  EndpointOptions,
  EventType,
  FdbEntry,
  Filter,
  FilterAction,
  Link,
  LinkCounters,
  WorkerCounts,
} from './types.js';

/** Takes the name of a custom action away again. */
export interface CustomAction {
  readonly name: string;
  /** Filters that have the action drop what meets it from now on (`action-failed`). Safe to call twice. */
  close(): void;
}

interface OwnParts {
  readonly reader: FrameReader;
  readonly actions: ActionTable;
}

/** Different sentences about errors that nobody read which are logged. */
const MOST_SENTENCES = 32;

export class Endpoint {
  private readonly parts: Parts;
  private readonly hub: EventHub;
  private readonly reasons: ReasonTable;
  /** What needs this thread; undefined where the datapath has threads of its own. */
  private readonly own: OwnParts | undefined;
  private readonly actions = new Map<string, number>();
  private readonly handled = new Map<number, ProcessDevice>();
  private ending: Promise<void> | undefined;
  private failure: VtepError | undefined;
  private readonly logged = new Set<string>();

  private constructor(parts: Parts) {
    this.parts = parts;
    const { devices, events, datapath, own, packets } = parts;
    this.reasons = new ReasonTable(devices.reasons);
    this.hub = new EventHub({
      log: events,
      registry: devices.registry,
      beginWatching: () => devices.beginWatching(),
      drops: () => this.dropsNow(),
    });
    datapath.once('failed', (error) => {
      this.failure = new VtepError('failed', `the datapath has failed: ${error.message}`, { cause: error });
      this.tellError(this.failure, this.failure.message);
    });
    devices.registry.checkAction = (name) => {
      if (!this.actions.has(name)) throw new CommandError(`vtep: action "${name}" is not one of this endpoint's`, 1);
    };
    packets?.onError((error) => this.functionFailed(error));
    if (own === undefined) return;
    const { arena, engine } = own.worker;
    const failed = (error: unknown): void => this.functionFailed(error);
    const nameOf = (device: number): string => devices.registry.nameOf(device);
    const actions = new ActionTable({ arena, engine, reasons: this.reasons, nameOf, failed });
    this.own = { reader: new FrameReader(arena, this.reasons), actions };
  }

  /** Begins an endpoint. Rejects with a VtepError where it cannot, with nothing left behind. */
  static async open(options: EndpointOptions = {}): Promise<Endpoint> {
    checkOptions(options);
    let parts: Parts;
    try {
      parts = await beginParts(options);
    } catch (error) {
      throw new VtepError('start', asCommandError(error).message, { cause: error });
    }
    const endpoint = new Endpoint(parts);
    try {
      if (options.batch !== undefined) await endpoint.batch(options.batch);
    } catch (error) {
      await endpoint.close();
      throw error;
    }
    return endpoint;
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
    return this.parts.devices.links.states().map((state): Link => {
      const { name, ifindex, flags, mtu, address = new Uint8Array(6), statistics: s, details } = state;
      const counted = (packets: number, bytes: number, errors: number, dropped: number): LinkCounters => ({
        ...{ packets, bytes, errors, dropped },
      });
      return {
        ...{ name, ifindex, kind: details.kind, up: flags.includes('UP'), mtu, address: formatMac(address) },
        received: counted(s.rxPackets, s.rxBytes, s.rxErrors, s.rxDropped),
        sent: counted(s.txPackets, s.txBytes, s.txErrors, s.txDropped),
      };
    });
  }

  /** The filters of a device, with their statistics. */
  async filters(device: string, hook: 'ingress' | 'egress' = 'ingress'): Promise<Filter[]> {
    this.checkDevice(device);
    const heard = new Heard();
    const argv = ['tc', '-s', '-j', 'filter', 'show', 'dev', device, hook];
    const exitCode = await this.parts.interpreter.request(argv, heard.say);
    if (exitCode !== 0) throw new VtepError('refused', heard.err.trimEnd(), { exitCode, line: argv.join(' ') });
    return (JSON.parse(heard.out) as readonly FilterJson[]).flatMap(({ protocol, pref, chain, options }) =>
      options
        ? [
            {
              protocol,
              pref,
              chain,
              ...{ handle: options.handle, keys: options.keys ?? {} },
              actions: options.actions ?? [],
            },
          ]
        : [],
    );
  }

  /** Forwarding entries of a vxlan device, or of all of them. */
  async fdb(device?: string): Promise<FdbEntry[]> {
    if (device !== undefined) this.checkDevice(device);
    await this.refresh();
    const { registry, forwarding } = this.parts.devices;
    return registry
      .list()
      .filter((one) => one.vxlan && isHere(one) && (device === undefined || one.name === device))
      .flatMap((one) => forwarding.list(one))
      .map(fdbEntry);
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
    const { reader } = this.needOwn('a device with functions');
    const { devices, host } = this.parts;
    if (!devices.registry.find(name)) {
      try {
        await host.within(name, () =>
          this.parts.interpreter.run(
            { kind: 'link-add-tap', link: { name, up: true }, persist: false },
            () => undefined,
          ),
        );
      } catch (error) {
        throw new VtepError('invalid', asCommandError(error).message, { cause: error });
      }
    }
    const device = devices.registry.find(name);
    const port = device && host.port(device.madeAs);
    if (!device || !port)
      throw new VtepError('no-device', `"${name}" is a TAP of the host, not a device of the process`);
    const { index } = device;
    if (port.owner) throw new VtepError('invalid', `device "${name}" has functions already`);
    const made = new ProcessDevice(
      {
        ready: (which) => this.parts.own?.portReady(which),
        dropped: (which, reason, frames) => this.countDrop(which, reason, frames),
        remove: async (which) => {
          this.handled.delete(which);
          if (!this.ending && devices.registry.get(which) === device) await this.parts.interpreter.vanished(which);
        },
        nameOf: (which) => devices.registry.nameOf(which),
      },
      index,
      name,
      port,
    );
    this.handled.set(index, made);
    const { transmit } = handlers;
    port.owner = {
      reader,
      transmit: (batch) => {
        if (transmit) transmit.call(handlers, batch, made);
        else for (let i = 0; i < batch.count; i++) batch.refuse(i, REASON['process-unread']);
      },
      failed: (error) => this.functionFailed(error),
    };
    return made;
  }

  /**
   * An action for filters, by its name: `tc filter add … flower … action NAME`. The function is called with all frames
   * of a batch that have met it. Throws VtepError where the name is taken.
   */
  action(name: string, run: ActionFunction): CustomAction {
    this.check();
    checkFunction(`action "${name}"`, run);
    const { actions } = this.needOwn('an action with a function');
    if (this.actions.has(name)) throw new VtepError('invalid', `there is an action "${name}" already`);
    let number: number;
    try {
      number = addCustomAction(name);
    } catch (error) {
      throw new VtepError('invalid', error instanceof Error ? error.message : String(error));
    }
    this.actions.set(name, number);
    actions.set(number, run);
    this.parts.own?.worker.engine.setCustomActions(actions);
    return { name, close: () => this.endAction(name) };
  }

  /**
   * A reason for which functions drop frames: words of a-z and 0-9 joined by `-`, and the sentence that people read.
   * There may be 32.
   */
  reason(name: string, sentence: string): DropReason {
    return this.reasons.add(name, sentence);
  }

  /** An outer IP packet arrives, where the underlay is a function; false: no device takes it. The bytes are copied. */
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
    for (const device of this.handled.values()) device.end();
    await this.parts.end(false);
    for (const name of [...this.actions.keys()]) this.endAction(name);
  }

  private endAction(name: string): void {
    const number = this.actions.get(name);
    if (number === undefined) return;
    this.actions.delete(name);
    this.own?.actions.delete(number);
    removeCustomAction(name);
  }

  private async dropsNow(): Promise<Drop[]> {
    await this.parts.devices.refreshCounters().catch(() => undefined);
    const { devices, datapath } = this.parts;
    const all = [...devices.registry.list(), ...devices.hostPorts.list()];
    return dropRows(all, datapath.counters.sets, { reasons: devices.reasons });
  }

  private functionFailed(error: unknown): void {
    this.tellError(error, `a function has thrown: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  }

  /** To whoever reads such events, else to the log: there each sentence once, for a function may throw over every batch. */
  private tellError(error: unknown, sentence: string): void {
    if (this.hub.tell({ type: 'error', error }) || this.logged.has(sentence) || this.logged.size === MOST_SENTENCES)
      return;
    this.logged.add(sentence);
    this.parts.log(sentence);
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

interface FilterJson {
  readonly protocol: string;
  readonly pref: number;
  readonly chain: number;
  readonly options?: {
    readonly handle: number;
    readonly keys?: Readonly<Record<string, unknown>>;
    readonly actions?: readonly FilterAction[];
  };
}
