/**
 * Tells a service manager what becomes of the endpoint: the datagrams of sd_notify(3). Each is a few lines of NAME=VALUE.
 *
 * Nothing waits for the manager. A datagram that its queue has no room for is kept, in its order, and sent a moment later;
 * a manager that is away for long loses the oldest, but never learns of a later state first.
 */
import { EAGAIN, ENOBUFS, errnoText } from '../native/errno.js';

/** Sends a datagram; 0 or -errno. */
export type SendDatagram = (path: string, text: string) => number;

/** Datagrams that wait at most, and milliseconds between two attempts. */
const MOST_WAITING = 32;
const AGAIN_MS = 50;

export interface NotifierOptions {
  /** Undefined: nobody wants to know, and nothing is sent. */
  readonly path: string | undefined;
  readonly send: SendDatagram;
  readonly log: (line: string) => void;
  /** CLOCK_MONOTONIC in microseconds, which the manager counts by. */
  readonly microseconds?: () => bigint;
}

export class ServiceNotifier {
  private readonly path: string | undefined;
  private readonly send: SendDatagram;
  private readonly log: (line: string) => void;
  private readonly microseconds: () => bigint;
  private waiting: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private status = '';
  private hasFailed = false;

  constructor({ path, send, log, microseconds = monotonic }: NotifierOptions) {
    this.path = path;
    this.send = send;
    this.log = log;
    this.microseconds = microseconds;
  }

  /** Whether anybody is told. */
  get isOn(): boolean {
    return this.path !== undefined;
  }

  /** Every device and rule is in place. */
  ready(status: string): void {
    this.status = status;
    this.tell('READY=1', `MAINPID=${process.pid}`, `STATUS=${status}`);
  }

  /** The file is read again; `ready` follows, whatever becomes of it. */
  reloading(): void {
    this.tell('RELOADING=1', `MONOTONIC_USEC=${this.microseconds()}`, 'STATUS=Reading the file again');
  }

  stopping(): void {
    this.tell('STOPPING=1', 'STATUS=Stopping');
  }

  /** It could not start, and ends. `errno`: of the operating system, where that is the cause. */
  failed(sentence: string, errno = 0): void {
    this.tell(...(errno === 0 ? [] : [`ERRNO=${errno}`]), `STATUS=${sentence}`);
  }

  /** The start, or the end, needs so many more milliseconds from now on. */
  extend(milliseconds: number, status: string): void {
    this.status = status;
    this.tell(`EXTEND_TIMEOUT_USEC=${milliseconds * 1000}`, `STATUS=${status}`);
  }

  /** A sentence for people; told where it is another than before. */
  say(status: string): void {
    if (status === this.status) return;
    this.status = status;
    this.tell(`STATUS=${status}`);
  }

  /** The data loop turns. Where there is no room for it, the next one will do. */
  alive(): void {
    if (this.path !== undefined && this.waiting.length === 0) this.attempt('WATCHDOG=1');
  }

  /** What still waits is given one more attempt. */
  close(): void {
    clearTimeout(this.timer);
    this.flush();
    this.waiting = [];
    clearTimeout(this.timer);
  }

  private tell(...lines: readonly string[]): void {
    if (this.path === undefined) return;
    this.waiting.push(lines.map(oneLine).join('\n'));
    if (this.waiting.length > MOST_WAITING) this.waiting.shift();
    if (this.timer === undefined) this.flush();
  }

  private flush(): void {
    this.timer = undefined;
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      if (!this.attempt(first)) {
        this.timer = setTimeout(() => this.flush(), AGAIN_MS);
        this.timer.unref();
        return;
      }
      this.waiting.shift();
    }
  }

  /** False: it is worth another attempt. */
  private attempt(text: string): boolean {
    const result = this.send(this.path ?? '', text);
    if (result === -EAGAIN || result === -ENOBUFS) return false;
    if (result < 0 && !this.hasFailed) {
      this.hasFailed = true;
      this.log(`the service manager cannot be told (NOTIFY_SOCKET ${this.path}): ${errnoText(result)}`);
    }
    return true;
  }
}

/** A value is one line. */
function oneLine(text: string): string {
  return text.replaceAll(/[\n\r\0]+/g, ' ');
}

function monotonic(): bigint {
  return process.hrtime.bigint() / 1000n;
}
