import { type Command, CommandError, type FilterSelector } from '../iproute/commands.js';
import { parseLine } from '../iproute/parse.js';
import { printFilterGet, printFilters } from '../iproute/print-filter.js';
import { printQdiscs } from '../iproute/print-qdisc.js';
import type { Counters } from '../memory/counters.js';
import { SystemError } from '../native/errno.js';
import { dropRows, printDrops } from '../observe/drops.js';
import type { Devices } from './devices.js';
import { runHostTool } from './host-tool.js';
import type { Reply } from './protocol.js';
import type { Rules } from './rules.js';

type Say = (reply: Reply) => void;

/** Carries out commands, one after the other, on the state of a daemon. */
export class Interpreter {
  private readonly devices: Devices;
  private readonly rules: Rules;
  private readonly counters: readonly Counters[];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(devices: Devices, rules: Rules, counters: readonly Counters[]) {
    this.devices = devices;
    this.rules = rules;
    this.counters = counters;
  }

  /**
   * Runs one request of the control socket; resolves with the exit code, never rejects. Requests of different
   * clients take turns, so that each finds a whole state.
   */
  request(argv: readonly string[], say: Say): Promise<number> {
    return this.exclusive(() => this.answer(argv, say));
  }

  /** Runs a command without waiting for its rules to be in force: `commit` does that for a batch. */
  async run(command: Command, say: Say): Promise<void> {
    switch (command.kind) {
      case 'help':
        say({ out: command.text });
        break;
      case 'link-add-vxlan':
        for (const note of command.notes) say({ err: `${note}\n` });
        await this.devices.addVxlan(command.link, command.vxlan);
        break;
      case 'link-add-tap':
        await this.devices.addTap(command.link, command.persist);
        break;
      case 'link-del':
        if (this.devices.has(command.name)) {
          this.rules.forgetDevice(this.devices.indexOf(command.name));
          await this.rules.commit();
          await this.devices.remove(command.name);
        } else {
          await runHostTool('ip', ['link', 'del', 'dev', command.name], say);
        }
        break;
      case 'link-set':
        await this.linkSet(command.name, command.up, command.argv, say);
        break;
      case 'qdisc-add':
        if (this.devices.has(command.dev)) this.rules.addQdisc(command.dev, command.qdisc, command.replace === true);
        else await this.hostQdisc('add', command, say);
        break;
      case 'qdisc-del':
        if (this.devices.has(command.dev)) this.rules.removeQdisc(command.dev, command.qdisc, command.anyKind === true);
        else await this.hostQdisc('del', command, say);
        break;
      case 'qdisc-show':
        say({ out: printQdiscs(this.rules.qdiscsOf(command.dev), command.dev, command.output) });
        break;
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
        say({ out: this.showFilters(command.selector, command.output) });
        break;
      case 'host':
        await runHostTool(command.tool, command.argv, say);
        if (command.dev !== undefined && this.devices.has(command.dev)) await this.devices.refresh(command.dev);
        break;
    }
  }

  commit(): Promise<void> {
    return this.rules.commit();
  }

  private async answer(argv: readonly string[], say: Say): Promise<number> {
    try {
      const [tool, ...words] = argv;
      if (tool === 'drops') {
        const rows = dropRows(this.devices.list(), this.counters);
        say({ out: words.includes('--json') ? `${JSON.stringify(rows)}\n` : printDrops(rows) });
      } else if (tool === 'ip' || tool === 'tc' || tool === 'bridge') {
        await this.run(parseLine(tool, words), say);
        await this.commit();
      } else {
        throw new CommandError(`vtep: "${tool ?? ''}" is not a command of the daemon (ip, tc, bridge, drops)`, 1);
      }
      return 0;
    } catch (error) {
      const { message, exitCode } = asCommandError(error);
      if (message !== '') say({ err: `${message}\n` });
      return exitCode;
    }
  }

  private showFilters(selector: FilterSelector, output: Parameters<typeof printFilters>[2]): string {
    return printFilters(this.rules.list(selector), selector, output);
  }

  private async linkSet(name: string, up: boolean | undefined, argv: readonly string[], say: Say): Promise<void> {
    if (!this.devices.has(name)) {
      await runHostTool('ip', argv, say);
      return;
    }
    // The kernel opens the socket before the device is up, and refuses where it cannot.
    if (up === true) await this.devices.prepareUp(name);
    try {
      await runHostTool('ip', argv, say);
    } finally {
      await this.devices.refresh(name);
    }
  }

  private hostQdisc(verb: string, { dev, qdisc }: { dev: string; qdisc: string }, say: Say): Promise<void> {
    return runHostTool('tc', ['qdisc', verb, 'dev', dev, qdisc], say);
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

/** Any failure as what stderr gets and the exit code. */
export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof SystemError) return new CommandError(`vtep: ${error.message}`, 2);
  return new CommandError(`vtep: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, 2);
}
