import { type Command, CommandError } from '../iproute/commands.js';
import { parseLine, parseVtepMonitor } from '../iproute/parse.js';
import type { Counters } from '../memory/counters.js';
import type { Overview } from '../observe/overview.js';
import { runAtomicBatch } from './atomic-batch.js';
import { readBatch } from './batch-file.js';
import { runBatch } from './batch-run.js';
import { CaptureSession } from './capture/capture-session.js';
import { Captures } from './capture/captures.js';
import { carryOutActions } from './carry-out-actions.js';
import { carryOutChain } from './carry-out-chain.js';
import { CommandTurns } from './command-turns.js';
import { DeviceEdits } from './device-edits.js';
import type { DeviceRegistry } from './device-registry.js';
import type { Devices } from './devices.js';
import { DropReports } from './drop-reports.js';
import { EventLog } from './events.js';
import { carryOutFdb, type FdbTarget } from './fdb-command.js';
import { HostPrograms } from './host-programs.js';
import { type HostTool, runHostTool } from './host-tool.js';
import { idempotent } from './idempotent.js';
import { LeftGarbage } from './left-garbage.js';
import { isLookup, Lookups, type RunTool } from './lookups.js';
import { Monitor } from './monitor.js';
import { pour } from './pour.js';
import type { Batch, Say } from './protocol.js';
import { asTunDriver } from './refusal.js';
import { reload } from './reload.js';
import { report } from './report.js';
import { reportOf } from './reports.js';
import type { Rules } from './rules.js';
import { savedState } from './saved-state.js';
import { gathered } from './slices.js';
import { verboseWarnings } from './verbose-warnings.js';
import { carryOutVni, type VniTarget } from './vni-command.js';

/** Times that `save` begins. */
const SAVE_ATTEMPTS = 3;

/** Carries out commands, one after the other, on the state of a daemon. */
export class Interpreter {
  private readonly devices: Devices;
  private readonly registry: DeviceRegistry;
  private readonly rules: Rules;
  private readonly counters: readonly Counters[];
  /** Processors that workers are pinned to. */
  cpus: readonly number[] = [];
  private readonly stopping: AbortSignal;
  private readonly programs: HostPrograms;
  private readonly tables: FdbTarget & VniTarget;
  private readonly events: EventLog;
  private readonly garbage = new LeftGarbage();
  private readonly deviceEdits: DeviceEdits;
  /** What is shown by a command of its own, and within a change. */
  private readonly lookups: { readonly alone: Lookups; readonly within: Lookups };
  /** What was dropped. */
  readonly drops: DropReports;
  readonly captures: Captures;
  private readonly turns = new CommandTurns();
  /** What it has counted and learned, as text. */
  state: () => Promise<Iterable<string>> = async () => [];
  /** All that is counted. */
  overview: () => Promise<Overview> = () => Promise.reject(new Error('there is no overview'));
  /** What is to be done around reading the file again. */
  around: (reload: () => Promise<number>) => Promise<number> = (reload) => reload();
  /** The batch file that the daemon was started with; `-` for standard input. */
  file: string | undefined;

  /** After `stopping` nothing is begun any more, and the system's tools are ended. */
  constructor(
    devices: Devices,
    rules: Rules,
    counters: readonly Counters[],
    stopping: AbortSignal,
    events = new EventLog(),
    hostTool: HostTool = runHostTool,
  ) {
    this.devices = devices;
    this.registry = devices.registry;
    this.rules = rules;
    this.counters = counters;
    this.stopping = stopping;
    this.programs = new HostPrograms(hostTool, stopping);
    const tablesBy = (run: RunTool): FdbTarget & VniTarget => ({
      find: (name) => this.registry.find(name),
      list: () => this.registry.present(),
      forwarding: devices.forwarding,
      loops: devices.loops,
      ifindex: (name) => devices.ifindexOf(name),
      bridge: (argv, say) => run('bridge', argv, say),
      edit: (device, command) => devices.tables.edit(device, command),
    });
    this.tables = tablesBy(this.host);
    const beside: RunTool = (tool, argv, say) => this.turns.lookAside(() => this.programs.runBeside(tool, argv, say));
    this.lookups = {
      alone: new Lookups(devices, rules, tablesBy(beside), beside),
      within: new Lookups(devices, rules, this.tables, this.host),
    };
    this.events = events;
    this.deviceEdits = new DeviceEdits(devices, (argv, say) => this.host('ip', argv, say));
    this.drops = new DropReports(devices, rules, counters);
    this.captures = new Captures(rules, () => this.drops.named(), devices.reasons);
  }

  /**
   * Runs one request of the control socket; resolves with the exit code, never rejects. Requests of different
   * clients take turns, so that each finds a whole state; what changes nothing does not wait for the host's programs
   * of others (CommandTurns). A monitor, which is begun in its turn, ends when `until` resolves.
   */
  async request(
    argv: readonly string[],
    say: Say,
    until: () => Promise<void> = async () => undefined,
  ): Promise<number> {
    if (argv[0] === 'reload') return this.reload(say);
    try {
      const output = await this.answer(argv, say);
      if (output instanceof Monitor || output instanceof CaptureSession) await output.run(say, until());
      // What has been made already is whole, whatever is on by now.
      else await pour(output, say, Array.isArray(output) ? undefined : this.calm);
      return 0;
    } catch (error) {
      return report(error, say);
    }
  }

  /** Reads the daemon's file again, and has everything be as it says; resolves with the exit code, never rejects. */
  async reload(say: Say): Promise<number> {
    const { file } = this;
    // Whoever asked may go: what is begun is brought to an end.
    const to: Say = (reply) => say(reply);
    try {
      if (file === undefined || file === '-') {
        const why = file === '-' ? 'its lines came from standard input' : 'it was started without one';
        throw new CommandError(`vtep: there is no file that this vtep could read again (${why})`, 1);
      }
      const target = {
        rules: this.rules,
        devices: this.deviceEdits,
        aside: <T>(work: () => Promise<T>) => this.turns.changeAside(work, () => this.open()),
        carryOut: async (command: Command, told: Say) => {
          for (const out of (await this.begin(command, told)) ?? []) told({ out });
        },
      };
      const work = (): Promise<number> =>
        this.events.hold((inForce) => reload(readBatch(file), file, { ...target, inForce }, to));
      return await this.around(() => this.exclusive(work));
    } catch (error) {
      return report(error, say);
    } finally {
      this.garbage.look();
    }
  }

  /**
   * Runs a batch of the control socket; resolves with the exit code, never rejects. `commands`: what the lines of a
   * transaction have been read as already.
   */
  batch(batch: Batch, say: Say, commands: readonly Command[] = []): Promise<number> {
    const target = {
      commands,
      exclusive: <T>(work: () => Promise<T>) => this.exclusive(work),
      hold: <T>(work: (inForce: () => void) => Promise<T>) => this.events.hold(work),
      begin: (command: Command, to: Say) => this.begin(command, to),
      commit: () => this.rules.commit(),
      rules: this.rules,
      devices: this.deviceEdits,
      checkGoesOn: () => this.checkGoesOn(),
      calm: this.calm,
    };
    const run = batch.atomic || batch.dryRun ? runAtomicBatch : runBatch;
    return run(batch, say, target)
      .catch((error: unknown) => report(error, say))
      .finally(() => {
        this.warn(say);
        this.garbage.look();
      });
  }

  /** Runs a command without waiting for its rules to be in force: `commit` does that for a batch. */
  async run(command: Command, say: Say): Promise<void> {
    await pour(await this.exclusive(() => this.begin(command, say)), say, this.calm);
  }

  /** Resolves when every edit is in force. */
  commit(): Promise<void> {
    return this.exclusive(() => this.rules.commit());
  }

  /** Says what is wrong with the filters that were added with the word `verbose`, as iproute2 prints warnings. */
  warn(say: Say): void {
    for (const line of verboseWarnings(this.rules, this.devices)) say({ err: line })?.catch(() => undefined);
  }

  /** A device is gone from the host: so are its filters, as in the kernel, and then it. */
  vanished(index: number): Promise<void> {
    const device = this.registry.get(index);
    return this.exclusive(async () => {
      // Somebody may have removed it meanwhile, and the index be another's.
      if (device && this.registry.get(index) === device) await this.removeDevice(index);
    });
  }

  /** Resolves when what was begun has ended. */
  async idle(): Promise<void> {
    await this.turns.alone(async () => undefined);
    await this.programs.ended();
  }

  /** Runs what only looks at the state. */
  look<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.look(() => {
      this.checkGoesOn();
      return work();
    });
  }

  /**
   * Carries out a command. What it gives back is output, to be fetched and sent outside of the turn: a client that
   * reads slowly keeps no other waiting.
   */
  private async begin(command: Command, say: Say): Promise<Iterable<string> | undefined> {
    if (isLookup(command)) return this.lookups.within.answer(command, say);
    await this.carryOut(command, say);
    return undefined;
  }

  private async carryOut(command: Command, say: Say): Promise<void> {
    switch (command.kind) {
      case 'monitor':
      case 'monitor-host':
        throw new CommandError('vtep: a monitor has no end, and no place in a batch', 255);
      case 'link-add-vxlan':
        for (const note of command.notes) say({ err: `${note}\n` });
        await this.devices.addVxlan(command.link, command.vxlan);
        break;
      case 'link-add-tap':
        if (command.tuntap) await asTunDriver(this.devices.addTap(command.link, command.persist));
        else await this.devices.addTap(command.link, command.persist);
        break;
      case 'link-del': {
        const device = this.registry.find(command.name);
        if (device) await this.removeDevice(device.index);
        else if (command.tuntap) await this.host('ip', ['tuntap', 'del', 'dev', command.name, 'mode', 'tap'], say);
        else await this.host('ip', ['link', 'del', 'dev', command.name], say);
        break;
      }
      case 'link-set':
        await this.linkSet(command.name, command.up, command.argv, say);
        break;
      case 'qdisc-add': {
        const { dev, qdisc, mode } = command;
        if (this.registry.has(dev)) this.rules.addQdisc(dev, qdisc, mode);
        else await this.host('tc', ['qdisc', mode ?? 'add', 'dev', dev, qdisc], say);
        break;
      }
      case 'qdisc-del': {
        const { dev, qdisc, anyKind = false } = command;
        if (this.registry.has(dev)) this.rules.removeQdisc(dev, qdisc, anyKind);
        else await this.host('tc', ['qdisc', 'del', 'dev', dev, ...(anyKind ? ['parent', 'ffff:fff1'] : [qdisc])], say);
        break;
      }
      case 'filter-add':
        this.rules.edit(command.mode, command.filter);
        break;
      case 'filter-del':
        this.rules.remove(command.selector);
        break;
      case 'link-set-vxlan':
        await this.devices.changeVxlan(command.name, command.changes);
        if (command.rest) await this.linkSet(command.name, command.up, command.rest, say);
        break;
      case 'actions-add':
      case 'actions-del':
      case 'actions-flush':
        carryOutActions(this.rules.actions, command, say, this.rules.told);
        break;
      case 'chain-add':
      case 'chain-del':
        carryOutChain(this.rules, command, say);
        break;
      case 'fdb-add':
      case 'fdb-del':
      case 'fdb-flush':
        await carryOutFdb(command, this.tables, say);
        break;
      case 'vni-add':
      case 'vni-del':
        await carryOutVni(command, this.tables, say);
        break;
      case 'host': {
        const device = command.dev === undefined ? undefined : this.registry.find(command.dev);
        const isOld = device !== undefined && !device.isNew;
        await this.host(command.tool, isOld ? idempotent(command.argv) : command.argv, say);
        if (device) await this.devices.refresh(device.index);
        break;
      }
    }
  }

  private async answer(
    argv: readonly string[],
    say: Say,
  ): Promise<Iterable<string> | Monitor | CaptureSession | undefined> {
    const [tool, ...words] = argv;
    this.checkGoesOn();
    // Counters have no turn: they are looked at whatever goes on.
    const told = await reportOf(tool, words.includes('--json'), this.devices, this.counters, this.cpus);
    if (told !== undefined) return [told];
    if (tool === 'drops') return [await this.drops.answer(words)];
    if (tool === 'capture') return this.look(async () => this.captures.open(words));
    // It looks in slices, and waits by itself where a change is on.
    if (tool === 'overview') return [`${JSON.stringify(await this.overview())}\n`];
    if (tool === 'save') {
      return this.look(() => (words.includes('--state') ? this.state() : this.save()));
    }
    if (tool === 'monitor') return this.watch(parseVtepMonitor(words), say);
    if (tool !== 'ip' && tool !== 'tc' && tool !== 'bridge') {
      throw new CommandError(
        `vtep: "${tool ?? ''}" is not a command of the daemon (ip, tc, bridge, capture, drops, health, monitor, reload, save, workers)`,
        1,
      );
    }
    const command = parseLine(tool, words);
    if (command.kind === 'monitor' || command.kind === 'monitor-host') return this.watch(command, say);
    if (isLookup(command)) return this.look(() => this.lookups.alone.answer(command, say));
    return this.exclusive(async () => {
      await this.carryOut(command, say);
      await this.rules.commit();
      this.warn(say);
      return undefined;
    });
  }

  private watch(command: Command, say: Say): Promise<Monitor | undefined> {
    return this.look(async () => {
      if (command.kind === 'monitor-host') {
        throw new CommandError(`vtep: that is the host's: ask the system's ${command.tool} for it`, 2);
      }
      if (command.kind !== 'monitor') {
        await this.lookups.alone.answer(command, say);
        return undefined;
      }
      const { dev } = command.request;
      if (dev !== undefined && !this.registry.has(dev)) {
        throw new CommandError(`Error: argument "${dev}" is wrong: Device does not exist\n`, 255);
      }
      this.devices.beginWatching();
      return new Monitor(this.events, command.request);
    });
  }

  /** Nobody edits anything while somebody looks; the host may give a device another name, and then it begins again. */
  private async save(): Promise<Iterable<string>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await gathered(savedState(this.devices, this.rules));
      } catch (error) {
        if (!(error instanceof CommandError) || attempt === SAVE_ATTEMPTS) throw error;
      }
    }
  }

  private async removeDevice(index: number): Promise<void> {
    const all = [...this.devices.mirrors.taps(index), index];
    for (const each of all) this.rules.forgetDevice(each);
    await this.rules.commit();
    if (all.length > 1) await this.devices.upDown.pause(index);
    for (const each of all) await this.devices.remove(each);
  }

  private async linkSet(name: string, up: boolean | undefined, argv: readonly string[], say: Say): Promise<void> {
    const device = this.registry.find(name);
    if (!device) {
      await this.host('ip', argv, say);
      return;
    }
    // The kernel opens the socket before the device is up, and refuses where it cannot.
    if (up === true) await this.devices.upDown.prepareUp(device.index);
    try {
      await this.host('ip', argv, say);
    } finally {
      await this.devices.refresh(device.index);
    }
  }

  /** Within a change: runs a tool of the system, while others look at what there is. */
  private readonly host: RunTool = (tool, argv, say) =>
    this.turns.changeAside(
      () => this.programs.run(tool, argv, say),
      () => this.open(),
    );

  /** Others see what is in force: all of what came before in a batch, nothing of what a transaction has only tried. */
  private async open(): Promise<(() => Promise<void>) | undefined> {
    if (this.rules.journal.isOpen) return this.hide();
    await this.rules.commit();
    return undefined;
  }

  private async hide(): Promise<() => Promise<void>> {
    const { plan } = this.registry;
    const again = await this.rules.hide();
    this.registry.plan = undefined;
    return () => {
      this.registry.plan = plan;
      return again();
    };
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.alone(() => {
      this.checkGoesOn();
      return work();
    });
  }

  /** What is shown while it is sent is never what a transaction has only tried. */
  readonly calm = (): Promise<void> | undefined =>
    this.rules.journal.isOpen ? this.turns.look(async () => undefined) : undefined;

  private checkGoesOn(): void {
    if (this.stopping.aborted) throw new CommandError('vtep: this vtep is stopping', 1);
  }
}
