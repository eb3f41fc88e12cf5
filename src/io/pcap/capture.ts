/** A capture: control path, main thread. Starts the process that listens, and starts it again when it has ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Identity } from '../../native/credentials.js';
import { closeHandover, type HandoverPair, openHandover } from '../handover/pair.js';
import type { CaptureOptions, Confine, FromCapture } from './capture-messages.js';

const PROGRAM = fileURLToPath(new URL('./capture-process.js', import.meta.url));
/** Between two attempts to listen again. */
const RETRY_MS = 1000;

export interface CaptureSettings extends CaptureOptions {
  /** Bytes that may wait for the worker. */
  readonly receiveBuffer: number;
  /** Is told when the capture ends and when it goes on, a line each. */
  readonly log: (line: string) => void;
}

/** The capture was refused: by libpcap, in its words, or because the package cap is not usable. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly isMissing: boolean;

  constructor(message: string, isMissing: boolean) {
    super(message);
    this.isMissing = isMissing;
  }
}

export class Capture {
  private readonly settings: CaptureSettings;
  private readonly pair: HandoverPair;
  private child: ChildProcess | undefined;
  private retry: NodeJS.Timeout | undefined;
  private closed = false;
  private hasComplained = false;

  private constructor(settings: CaptureSettings) {
    this.settings = settings;
    this.pair = openHandover(settings.receiveBuffer);
  }

  /** Resolves once it listens. Rejects with a CaptureError, and leaves nothing behind. */
  static async open(settings: CaptureSettings): Promise<Capture> {
    const capture = new Capture(settings);
    try {
      await capture.listen();
    } catch (error) {
      await capture.close();
      throw error;
    }
    return capture;
  }

  /** What the worker receives from. */
  get receiveFd(): number {
    return this.pair.receiveFd;
  }

  /** Has the process that listens become another user. One that is begun later has this process's rights. */
  async confine(identity: Identity): Promise<void> {
    const { child } = this;
    if (!child?.connected) return;
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: FromCapture) => {
        if (message.type === 'confined') resolve();
        else if (message.type === 'unconfined') reject(new CaptureError(message.message, false));
      });
      child.once('exit', () => resolve());
      child.send({ confine: identity } satisfies Confine);
    });
  }

  /** Ends it, once the worker has let go of `receiveFd`. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    const { child } = this;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL'); // it holds nothing that would have to be put in order
      await exited;
    }
    closeHandover(this.pair);
  }

  private listen(): Promise<void> {
    const { log, receiveBuffer: _, ...options } = this.settings;
    const child = fork(PROGRAM, [], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', this.pair.sendFd],
    });
    this.child = child;
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = `${complaint}${text}`.slice(-1000);
    });
    return new Promise((resolve, reject) => {
      let listens = false;
      child.once('error', (error) => reject(new CaptureError(error.message, false)));
      child.on('message', (message: FromCapture) => {
        if (message.type === 'listening') {
          listens = true;
          resolve();
        } else if (message.type === 'refused') {
          reject(new CaptureError(message.message, message.isMissing));
        }
      });
      child.once('exit', (code, signal) => {
        if (!listens) reject(new CaptureError(`its process ended (${signal ?? `exit ${code}`}): ${complaint}`, false));
        else if (!this.closed) this.ended();
      });
      child.send(options);
    });
  }

  /** The package ends its process when the interface goes down; whatever it was, it is tried again. */
  private ended(): void {
    const { dev, log } = this.settings;
    log(`capture on ${dev} has ended, as it does when the interface goes down; it goes on when that is back`);
    this.tryAgain();
  }

  /** What will not change by itself is said once: that capturing is not permitted any more (`--user`). */
  private complain(message: string): void {
    if (this.hasComplained || !/permi(t|ss)/i.test(message)) return;
    this.hasComplained = true;
    this.settings.log(`capture on ${this.settings.dev} cannot go on: ${message}`);
  }

  private tryAgain(): void {
    if (this.closed) return;
    this.retry = setTimeout(() => {
      this.listen().then(
        () => this.settings.log(`capture on ${this.settings.dev} goes on`),
        (error: Error) => {
          this.complain(error.message);
          this.tryAgain();
        },
      );
    }, RETRY_MS);
    this.retry.unref();
  }
}
