import { Worker } from 'node:worker_threads';
import { must } from '../native/errno.js';
import { close, endProcess, eventfd } from '../native/libc.js';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../native/socket-constants.js';
import { Heartbeat } from './heartbeat.js';
import type { FromWorker, Instruction, WorkerStart } from './messages.js';
import { ThreadWatch } from './thread-watch.js';
import { signalEventfd } from './wake.js';

/** What a worker says of its own accord. */
export type WorkerNews = Exclude<FromWorker, { readonly type: 'ready' | 'applied' | 'refused' | 'dying' | 'stopped' }>;

/** What a thread that dies of an error says at last. */
export type Dying = Extract<FromWorker, { readonly type: 'dying' }>;

export interface WorkerOwner {
  heard(news: WorkerNews): void;
  /** The thread died of an error; called once. `dying`: what it said at last, where it came to that. */
  died(error: Error, dying: Dying | undefined): void;
  /** The kernel has ended the thread, and nothing of it can be taken over; called once. */
  failed(error: Error): void;
}

/** A worker as the datapath knows it, wherever it runs. */
export interface WorkerHandle {
  /** Resolves when the worker takes instructions; rejects where it could not begin. */
  readonly ready: Promise<void>;
  /** Resolves when the instruction is in force, rejects where the worker refused it. */
  apply(instruction: Instruction): Promise<void>;
  /** Ends the worker after the batch it is in. */
  stop(): Promise<void>;
  /** Asks it to show that it turns its rounds. */
  ask(): void;
  /** Whether it has come round since it was asked last. */
  readonly turns: boolean;
  /** Ends its sleep. */
  wake(): void;
}

/** What instructions are refused with that a thread did not live to carry out. */
export class ThreadEnded extends Error {}

/** The control thread's handle on one thread of a worker. */
export class WorkerThread implements WorkerHandle {
  /** Resolves when the worker takes instructions; rejects where it could not begin. */
  readonly ready: Promise<void>;
  private readonly owner: WorkerOwner;
  private readonly wakeFd: number;
  private readonly worker: Worker;
  private readonly heartbeat = new Heartbeat();
  private readonly waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private sequence = 0;
  private ended = false;
  private closed = false;
  private error: Error | undefined;
  private dying: Dying | undefined;
  private readonly exited: Promise<void>;
  private watch: ThreadWatch | undefined;
  /** Has `stop` wait no longer. */
  private gone: () => void = () => undefined;

  constructor(start: Omit<WorkerStart, 'wakeFd' | 'heartbeat'>, owner: WorkerOwner) {
    this.owner = owner;
    this.wakeFd = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd');
    const workerData: WorkerStart = { ...start, wakeFd: this.wakeFd, heartbeat: this.heartbeat.buffer };
    this.worker = new Worker(new URL('./worker-main.js', import.meta.url), {
      workerData,
      name: `vtep-datapath-${start.number}`,
    });
    this.exited = new Promise((resolve) => {
      this.gone = resolve;
      this.worker.once('exit', (code) => {
        this.watch?.stop();
        resolve();
        const wasAsked = this.ended;
        this.end();
        // Without an error that says why: still nobody carries the traffic any more.
        const error = this.error ?? new Error(`worker ${start.number} ended by itself (exit code ${code})`);
        if (this.error !== undefined || !wasAsked) owner.died(error, this.dying);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          this.watchThread(start.number, message.thread);
          resolve();
        } else this.heard(message);
      });
      // What it still had to say comes before its exit.
      this.worker.on('error', (error) => {
        reject(error);
        this.error ??= error;
      });
      this.exited.then(() => reject(new ThreadEnded('the thread has ended')));
    });
    this.ready.catch(() => undefined);
  }

  /** Hands an instruction to the worker; resolves when it is in force, rejects where the worker refused it. */
  apply(instruction: Instruction): Promise<void> {
    if (this.ended) return Promise.reject(new ThreadEnded('the datapath worker has ended'));
    const sequence = ++this.sequence;
    return new Promise((resolve, reject) => {
      this.waiting.set(sequence, { resolve, reject });
      this.worker.postMessage({ ...instruction, sequence });
      this.wake();
    });
  }

  /** Ends the worker after the batch it is in. */
  async stop(): Promise<void> {
    if (!this.ended) {
      this.ended = true;
      this.worker.postMessage({ type: 'stop', sequence: ++this.sequence });
      this.wake();
    }
    await this.exited;
    if (this.closed) return;
    this.closed = true;
    close(this.wakeFd);
  }

  /** Asks it to show that it turns its rounds. */
  ask(): void {
    this.heartbeat.ask();
    this.wake();
  }

  /** Whether it has come round since it was asked last. */
  get turns(): boolean {
    return !this.ended && this.heartbeat.isAnswered;
  }

  /** Ends its sleep. */
  wake(): void {
    if (!this.closed) signalEventfd(this.wakeFd);
  }

  private heard(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
      case 'stopped':
        break;
      case 'applied':
        // Maps iterate in order of insertion, which is the order of the sequence.
        for (const [sequence, { resolve }] of this.waiting) {
          if (sequence > message.sequence) break;
          this.waiting.delete(sequence);
          resolve();
        }
        break;
      case 'refused':
        this.waiting.get(message.sequence)?.reject(new Error(message.message));
        this.waiting.delete(message.sequence);
        break;
      case 'dying':
        this.dying = message;
        break;
      default:
        this.owner.heard(message);
    }
  }

  private watchThread(number: number, id: string | undefined): void {
    if (id === undefined) return;
    this.watch = new ThreadWatch(id, () => {
      // Node.js does not know: it would wait for the thread's end for ever, and fall over it when the process ends.
      this.worker.unref();
      process.once('exit', endProcess);
      this.gone();
      const wasAsked = this.ended;
      this.end();
      if (!wasAsked)
        this.owner.failed(new Error(`worker ${number} is gone: the kernel has ended its thread (see dmesg)`));
    });
  }

  private end(): void {
    this.ended = true;
    for (const { reject } of this.waiting.values()) reject(new ThreadEnded('the datapath worker has ended'));
    this.waiting.clear();
  }
}
