import { readFileSync, writeSync } from 'node:fs';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { TupleSpaceTable } from '../classifier/tuple-space/tuple-space-table.js';
import { Datapath } from '../dataplane/datapath.js';
import { parseBatchLine, splitBatch } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';
import { Devices } from './devices.js';
import { asCommandError, Interpreter } from './interpreter.js';
import { NamespaceLock } from './namespace-lock.js';
import type { Reply } from './protocol.js';
import { Rules } from './rules.js';
import { ControlServer } from './server.js';
import { controlPath, makeSocketDirectory } from './socket-path.js';

export interface DaemonOptions {
  /** Batch file, `-` for standard input; absent: an empty daemon. */
  readonly batch?: string;
  readonly control?: string;
  /** Told once everything is in place: the line `READY=1` is written to this descriptor, which is then closed. */
  readonly readyFd?: number;
  readonly coalesce: boolean;
  readonly classifier: 'tuple-space' | 'linear';
  /** Device node of TUN/TAP. */
  readonly tun: string;
}

/** A running vtep: the datapath, its devices and rules, the control socket. */
export class Daemon {
  private readonly lock: NamespaceLock;
  private readonly datapath: Datapath;
  private readonly devices: Devices;
  private readonly interpreter: Interpreter;
  private readonly say: (reply: Reply) => void;
  private server: ControlServer | undefined;
  private stopping: Promise<void> | undefined;
  /** Rejects where the daemon cannot go on. */
  readonly failed: Promise<never>;

  private constructor(
    lock: NamespaceLock,
    datapath: Datapath,
    devices: Devices,
    interpreter: Interpreter,
    say: (reply: Reply) => void,
  ) {
    this.lock = lock;
    this.datapath = datapath;
    this.devices = devices;
    this.interpreter = interpreter;
    this.say = say;
    this.failed = new Promise((_, reject) => {
      datapath.once('failed', (error) => reject(new CommandError(`vtep: the datapath failed: ${error.stack}`, 1)));
    });
    this.failed.catch(() => undefined);
  }

  /**
   * Starts a daemon: takes the namespace's lock first, then runs the batch, opens the control socket, and says that
   * it is ready. Throws CommandError with everything undone where a line of the batch fails.
   */
  static async start(options: DaemonOptions, say: (reply: Reply) => void): Promise<Daemon> {
    const path = controlPath(options.control);
    const text = options.batch === undefined ? '' : readBatch(options.batch);
    makeSocketDirectory(path);
    const lock = NamespaceLock.take(path);
    let daemon: Daemon | undefined;
    try {
      const datapath = await Datapath.start({ coalesce: options.coalesce });
      const devices = new Devices(datapath, { tun: options.tun, log: (line) => say({ err: `vtep: ${line}\n` }) });
      const newTable = (): LinearTable | TupleSpaceTable =>
        options.classifier === 'linear' ? new LinearTable() : new TupleSpaceTable();
      const rules = new Rules(datapath, devices, newTable);
      const interpreter = new Interpreter(devices, rules, [datapath.counters]);
      daemon = new Daemon(lock, datapath, devices, interpreter, say);
      await daemon.runBatch(text, options.batch ?? '');
      daemon.server = await ControlServer.listen(path, (argv, reply) => interpreter.request(argv, reply));
      if (options.readyFd !== undefined) writeSync(options.readyFd, 'READY=1\n');
      return daemon;
    } catch (error) {
      if (daemon) await daemon.stop();
      else lock.release();
      throw error;
    }
  }

  /** Stops intake, writes what is in hand, removes what it made. */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  private async shutDown(): Promise<void> {
    await this.server?.close();
    await this.devices.close();
    await this.datapath.stop();
    this.lock.release();
  }

  private async runBatch(text: string, name: string): Promise<void> {
    for (const { line, words } of splitBatch(text)) {
      try {
        await this.interpreter.run(parseBatchLine(words), this.say);
      } catch (error) {
        const { message } = asCommandError(error);
        throw new CommandError(`${message === '' ? '' : `${message}\n`}Command failed ${name}:${line}`, 1);
      }
    }
    await this.interpreter.commit();
  }
}

function readBatch(name: string): string {
  try {
    return readFileSync(name === '-' ? 0 : name, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot open file "${name}" for reading: ${reason}`, 1);
  }
}
