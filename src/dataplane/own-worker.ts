/**
 * A worker on the caller's own thread, for whoever wants the datapath to call functions of theirs. It is driven by the
 * event loop: while there is traffic it serves a bounded number of rounds in each turn of the loop, with other work in
 * between; when there has been none for a while it waits in the background (background-wait.ts), and costs nothing.
 */

import { must } from '../native/errno.js';
import { close, eventfd } from '../native/libc.js';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../native/socket-constants.js';
import { type Waiter, waitInBackground } from './background-wait.js';
import { Heartbeat } from './heartbeat.js';
import type { Instruction, WorkerStart } from './messages.js';
import { DatapathWorker } from './worker.js';
import type { WorkerHandle, WorkerNews, WorkerOwner } from './worker-thread.js';

/** Rounds of one turn of the event loop: each is one bounded batch from everything that is ready. */
const ROUNDS = 8;
/** Turns of the loop without traffic after which it is waited in the background. */
const IDLE_TURNS = 4;

/** What is called behind each turn that had traffic, and when the worker has died of an error. */
export interface TurnListener {
  /** After the last batch of a turn; frames may be given to ports. */
  turned(): void;
}

export class OwnWorker implements WorkerHandle {
  readonly ready: Promise<void> = Promise.resolve();
  readonly worker: DatapathWorker;
  private readonly owner: WorkerOwner;
  private readonly listener: TurnListener;
  private readonly wakeFd: number;
  private readonly waiter: Waiter;
  /** Ports that were given frames, by device. */
  private readonly pending = new Set<number>();
  private readonly underlays = new Set<number>();
  /** Underlays that no descriptor tells of, by number. */
  private readonly ownUnderlays = new Set<number>();
  private idleTurns = 0;
  /** A turn is due, or one is on. */
  private isDue = false;
  private ended = false;

  /** `extraBytes` of the arena are for the listener. */
  constructor(
    start: Omit<WorkerStart, 'wakeFd' | 'heartbeat'>,
    owner: WorkerOwner,
    listener: TurnListener,
    extraBytes: number,
  ) {
    this.owner = owner;
    this.listener = listener;
    this.wakeFd = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd');
    // Nobody posts instructions here: they are carried out when they are given.
    const link = {
      say: (news: WorkerNews | { readonly type: 'ready' | 'applied' | 'refused' | 'dying' | 'stopped' }): void => {
        if (isNews(news)) owner.heard(news);
      },
      next: () => undefined,
    };
    this.worker = new DatapathWorker(
      link,
      { ...start, wakeFd: this.wakeFd, heartbeat: new Heartbeat().buffer },
      extraBytes,
    );
    this.waiter = waitInBackground(this.worker.poll.fd, this.schedule);
  }

  async apply(instruction: Instruction): Promise<void> {
    if (this.ended) throw new Error('the datapath has ended');
    this.worker.apply(instruction);
    if (instruction.type === 'underlay-open' && instruction.parts[0]?.kind === 'own')
      this.ownUnderlays.add(instruction.underlay);
    if (instruction.type === 'underlay-close') this.ownUnderlays.delete(instruction.underlay);
    // What it opened may have something waiting already.
    this.schedule();
  }

  /** A port that no descriptor tells of has frames. */
  portReady(device: number): void {
    this.pending.add(device);
    this.schedule();
  }

  /** So have underlays that are objects of this process. */
  underlaysReady(): void {
    for (const number of this.ownUnderlays) this.underlays.add(number);
    this.schedule();
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.waiter.remove();
    this.worker.close();
    close(this.wakeFd);
  }

  wake(): void {
    // Nobody sleeps here.
  }

  ask(): void {
    // Whoever asks is this thread.
  }

  get turns(): boolean {
    return !this.ended;
  }

  private readonly schedule = (): void => {
    this.idleTurns = 0;
    if (this.isDue || this.ended) return;
    this.isDue = true;
    setImmediate(this.turn);
  };

  private readonly turn = (): void => {
    if (this.ended) return;
    try {
      let work = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const step = this.round();
        work += step;
        if (step === 0) break;
      }
      if (work > 0) {
        this.idleTurns = 0;
        this.listener.turned();
      } else this.idleTurns++;
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.ended) return;
    if (this.idleTurns < IDLE_TURNS || this.pending.size > 0) {
      setImmediate(this.turn);
      return;
    }
    this.isDue = false;
    this.waiter.arm();
  };

  private round(): number {
    const { poll } = this.worker;
    const ready = poll.wait(0);
    let work = ready > 0 ? this.worker.serve(ready) : 0;
    for (const number of this.underlays) {
      const messages = this.worker.engine.serviceUnderlay(number, 0);
      if (messages > 0) work += messages + this.worker.serve(0);
      else this.underlays.delete(number);
    }
    for (const device of this.pending) {
      const frames = this.worker.servePort(device);
      if (frames > 0) work += frames;
      else this.pending.delete(device);
    }
    return work;
  }

  private fail(error: unknown): void {
    void this.stop();
    this.owner.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

function isNews(news: { readonly type: string }): news is WorkerNews {
  return !['ready', 'applied', 'refused', 'dying', 'stopped'].includes(news.type);
}
