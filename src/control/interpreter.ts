import { type Command, CommandError, type OutputOptions } from '../iproute/commands.js';
import { notSupported } from '../iproute/errors.js';
import { parseLine } from '../iproute/parse.js';
import { filterPieces, printFilterGet } from '../iproute/print-filter.js';
import { isLinkShown, printLinks } from '../iproute/print-link.js';
import { printQdiscs } from '../iproute/print-qdisc.js';
import type { Counters } from '../memory/counters.js';
import { SystemError } from '../native/errno.js';
import { dropRows, printDrops } from '../observe/drops.js';
import { carryOutActions } from './carry-out-actions.js';
import { carryOutChain } from './carry-out-chain.js';
import { type DeviceRegistry, isHere } from './device-registry.js';
import type { Devices } from './devices.js';
import { runHostTool } from './host-tool.js';
import { idempotent } from './idempotent.js';
import { mergeLinks } from './merge-links.js';
import type { Reply } from './protocol.js';
import type { Rules } from './rules.js';
import { saveLines } from './save.js';

type Say = (reply: Reply) => void;

/** Characters of output that are sent together. */
const OUTPUT_CHUNK = 65_536;

/** Carries out commands, one after the other, on the state of a daemon. */
export class Interpreter {
  private readonly devices: Devices;
  private readonly registry: DeviceRegistry;
  private readonly rules: Rules;
  private readonly counters: readonly Counters[];
  private readonly stopping: AbortSignal;
  private turn: Promise<unknown> = Promise.resolve();

  /** After `stopping` nothing is begun any more, and the system's tools are ended. */
  constructor(devices: Devices, rules: Rules, counters: readonly Counters[], stopping: AbortSignal) {
    this.devices = devices;
    this.registry = devices.registry;
    this.rules = rules;
    this.counters = counters;
    this.stopping = stopping;
  }

  /**
   * Runs one request of the control socket; resolves with the exit code, never rejects. Requests of different
   * clients take turns, so that each finds a whole state.
   */
  request(argv: readonly string[], say: Say): Promise<number> {
    return this.exclusive(() => this.answer(argv, say)).catch((error: unknown) => report(error, say));
  }

  /** Runs a command without waiting for its rules to be in force: `commit` does that for a batch. */
  run(command: Command, say: Say): Promise<void> {
    return this.exclusive(() => this.carryOut(command, say));
  }

  /** Resolves when every edit is in force. */
  commit(): Promise<void> {
    return this.exclusive(() => this.rules.commit());
  }

  /** A device is gone from the host: so are its filters, as in the kernel, and then it. */
  vanished(index: number): Promise<void> {
    return this.exclusive(() => this.removeDevice(index));
  }

  /** Resolves when what was begun has ended. */
  async idle(): Promise<void> {
    await this.turn;
  }

  private async carryOut(command: Command, say: Say): Promise<void> {
    switch (command.kind) {
      case 'help':
        say({ out: `${command.text.trimEnd()}\n` });
        break;
      case 'link-add-vxlan':
        for (const note of command.notes) say({ err: `${note}\n` });
        await this.devices.addVxlan(command.link, command.vxlan);
        break;
      case 'link-add-tap':
        await this.devices.addTap(command.link, command.persist);
        break;
      case 'link-del': {
        const device = this.registry.find(command.name);
        if (device) await this.removeDevice(device.index);
        else await this.host('ip', ['link', 'del', 'dev', command.name], say);
        break;
      }
      case 'link-set':
        await this.linkSet(command.name, command.up, command.argv, say);
        break;
      case 'qdisc-add': {
        const { dev, qdisc, replace = false } = command;
        if (this.registry.has(dev)) this.rules.addQdisc(dev, qdisc, replace);
        else await this.host('tc', ['qdisc', replace ? 'replace' : 'add', 'dev', dev, qdisc], say);
        break;
      }
      case 'qdisc-del': {
        const { dev, qdisc, anyKind = false } = command;
        if (this.registry.has(dev)) this.rules.removeQdisc(dev, qdisc, anyKind);
        else await this.host('tc', ['qdisc', 'del', 'dev', dev, ...(anyKind ? ['parent', 'ffff:fff1'] : [qdisc])], say);
        break;
      }
      case 'qdisc-show': {
        const { dev, output } = command;
        if (dev === undefined || this.registry.has(dev)) {
          say({ out: printQdiscs(this.rules.qdiscsOf(dev), dev, output) });
        } else {
          await this.host('tc', [...optionWords(output), 'qdisc', 'show', 'dev', dev], say);
        }
        break;
      }
      case 'filter-add':
        this.rules.edit(command.mode, command.filter);
        break;
      case 'filter-del':
        this.rules.remove(command.selector);
        break;
      case 'filter-get':
        say({ out: printFilterGet(this.rules.get(command.selector), command.output) });
        break;
      case 'filter-show':
        sayPieces(filterPieces(this.rules.list(command.selector), command.selector, command.output), say);
        break;
      case 'link-set-vxlan':
        await this.devices.changeVxlan(command.name, command.changes);
        if (command.rest) await this.linkSet(command.name, command.up, command.rest, say);
        break;
      case 'link-show':
        await this.linkShow(command, say);
        break;
      case 'actions-add':
      case 'actions-del':
      case 'actions-get':
      case 'actions-show':
      case 'actions-flush':
        carryOutActions(this.rules.actions, command, say);
        break;
      case 'chain-add':
      case 'chain-del':
      case 'chain-get':
      case 'chain-show':
        carryOutChain(this.rules, command, say);
        break;
      case 'fdb-add':
      case 'fdb-del':
      case 'fdb-get':
      case 'fdb-show':
      case 'fdb-flush':
        await this.fdb(command, say);
        break;
      case 'vni-add':
      case 'vni-del':
      case 'vni-show':
        throw notSupported('bridge vni');
      case 'host': {
        const device = command.dev === undefined ? undefined : this.registry.find(command.dev);
        const isOld = device !== undefined && !device.isNew;
        await this.host(command.tool, isOld ? idempotent(command.argv) : command.argv, say);
        if (device) await this.devices.refresh(device.index);
        break;
      }
    }
  }

  private async answer(argv: readonly string[], say: Say): Promise<number> {
    try {
      const [tool, ...words] = argv;
      if (tool === 'drops') {
        this.devices.refreshCounters();
        const rows = dropRows(this.registry.list(), this.counters);
        say({ out: words.includes('--json') ? `${JSON.stringify(rows)}\n` : printDrops(rows) });
      } else if (tool === 'save') {
        sayPieces(this.save(), say);
      } else if (tool === 'ip' || tool === 'tc' || tool === 'bridge') {
        await this.carryOut(parseLine(tool, words), say);
        await this.rules.commit();
      } else {
        throw new CommandError(`vtep: "${tool ?? ''}" is not a command of the daemon (ip, tc, bridge, drops, save)`, 1);
      }
      return 0;
    } catch (error) {
      return report(error, say);
    }
  }

  /** Without a name the host's links are shown too: whoever says `ip` wants to see all there are. */
  private async linkShow({ selector, output, argv }: LinkShow, say: Say): Promise<void> {
    const device = selector.dev === undefined ? undefined : this.registry.find(selector.dev);
    if (selector.dev !== undefined && !device) {
      await this.host('ip', argv, say);
      return;
    }
    const links = this.devices.linkStates();
    const shown = links.filter((link) => isLinkShown(link, device ? { ...selector, dev: device.name } : selector));
    if (device) {
      say({ out: printLinks(shown, output) });
      return;
    }
    let hosts = '';
    await this.host('ip', argv, (reply) => {
      if ('out' in reply) hosts += reply.out;
      else say(reply);
    });
    say({ out: mergeLinks(hosts, new Set(links.map(({ ifindex }) => ifindex)), shown, output) });
  }

  private async fdb(command: FdbCommand, say: Say): Promise<void> {
    const dev = fdbDevice(command);
    if (dev !== undefined && this.registry.has(dev)) throw notSupported(`bridge fdb of "${dev}"`);
    await this.host('bridge', command.argv, say);
  }

  private save(): Generator<string> {
    const elsewhere = this.registry.list().filter((device) => !isHere(device));
    return saveLines(
      this.devices.linkStates(),
      elsewhere.map(({ name }) => name),
      this.rules,
    );
  }

  private async removeDevice(index: number): Promise<void> {
    this.rules.forgetDevice(index);
    await this.rules.commit();
    await this.devices.remove(index);
  }

  private async linkSet(name: string, up: boolean | undefined, argv: readonly string[], say: Say): Promise<void> {
    const device = this.registry.find(name);
    if (!device) {
      await this.host('ip', argv, say);
      return;
    }
    // The kernel opens the socket before the device is up, and refuses where it cannot.
    if (up === true) await this.devices.prepareUp(device.index);
    try {
      await this.host('ip', argv, say);
    } finally {
      await this.devices.refresh(device.index);
    }
  }

  private host(tool: 'ip' | 'tc' | 'bridge', argv: readonly string[], say: Say): Promise<void> {
    return runHostTool(tool, argv, say, this.stopping);
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(() => {
      if (this.stopping.aborted) throw new CommandError('vtep: this vtep is stopping', 1);
      return work();
    });
    this.turn = result.catch(() => undefined);
    return result;
  }
}

/** Says many small pieces in few large ones. */
function sayPieces(pieces: Iterable<string>, say: Say): void {
  let pending = '';
  for (const piece of pieces) {
    pending += piece;
    if (pending.length < OUTPUT_CHUNK) continue;
    say({ out: pending });
    pending = '';
  }
  if (pending !== '') say({ out: pending });
}

type LinkShow = Extract<Command, { readonly kind: 'link-show' }>;
type FdbCommand = Extract<Command, { readonly kind: `fdb-${string}` }>;

/** The device whose table a command is about; undefined: all of them. */
function fdbDevice(command: FdbCommand): string | undefined {
  if (command.kind === 'fdb-show') return command.selector.dev;
  return command.kind === 'fdb-flush' ? command.flush.dev : command.entry.dev;
}

/** The options before the object, as the system's tc takes them. */
function optionWords({ statistics, details, json, pretty }: OutputOptions): string[] {
  const chosen = { '-s': statistics, '-d': details, '-j': json, '-p': pretty };
  return Object.entries(chosen).flatMap(([option, on]) => (on ? [option] : []));
}

/** Says what went wrong; the exit code. */
function report(error: unknown, say: Say): number {
  const { message, exitCode } = asCommandError(error);
  if (message !== '') say({ err: `${message}\n` });
  return exitCode;
}

/** Any failure as what stderr gets and the exit code. */
export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof SystemError) return new CommandError(`vtep: ${error.message}`, 2);
  return new CommandError(`vtep: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, 2);
}
