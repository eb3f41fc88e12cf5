/**
 * A worker that outlives its threads. Where one dies of an error another takes its place: descriptors, rules, tables and
 * counters belong to the process, so it is told what the dead one had been told (in-force.ts), and goes on. What was being
 * carried out is carried out by the new one; nobody who waits for it hears of the change.
 *
 * What a thread had for itself is lost with it: the batch in hand (counted, see the reason worker-died), the flow cache,
 * the frames kept for mirrored VNIs without a TAP, and what it had learnt of the sockets (whether they take bundles).
 */
import { InForce } from './in-force.js';
import type { Instruction } from './messages.js';
import type { RestartLimit } from './restart-limit.js';
import { type Dying, ThreadEnded, type WorkerNews, type WorkerOwner } from './worker-thread.js';

/** One thread, as WorkerThread is. */
export interface Thread {
  readonly ready: Promise<void>;
  apply(instruction: Instruction): Promise<void>;
  stop(): Promise<void>;
  ask(): void;
  readonly turns: boolean;
  wake(): void;
}

export interface Supervisor {
  heard(news: WorkerNews): void;
  /** A thread has died; another follows in `wait` milliseconds. */
  died(error: Error, wait: number): void;
  /** The other one has taken everything over. */
  resumed(): void;
  /** There will be no other. Called once. */
  failed(error: Error): void;
  /** Whether a thread has ended while it wrote the forwarding table. */
  isTableTorn(): boolean;
}

interface Waiting {
  readonly instruction: Instruction;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class SupervisedWorker {
  /** Resolves when the first thread takes instructions; rejects where it could not begin. */
  readonly ready: Promise<void>;
  private readonly make: (owner: WorkerOwner) => Thread;
  private readonly supervisor: Supervisor;
  private readonly limit: RestartLimit;
  private readonly inForce = new InForce();
  /** What has been asked for and is not in force, in that order. */
  private readonly pending = new Set<Waiting>();
  private thread: Thread;
  /** False between a death and the next thread. */
  private isThere = true;
  private hasBegun = false;
  private hasEnded = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(make: (owner: WorkerOwner) => Thread, limit: RestartLimit, supervisor: Supervisor) {
    this.make = make;
    this.limit = limit;
    this.supervisor = supervisor;
    this.thread = this.begin();
    this.ready = this.thread.ready.then(() => {
      this.hasBegun = true;
    });
    this.ready.catch(() => undefined);
  }

  /** Hands an instruction to the worker; resolves when it is in force, rejects where the worker refused it. */
  apply(instruction: Instruction): Promise<void> {
    if (this.hasEnded) return Promise.reject(new Error('the datapath worker has ended'));
    return new Promise((resolve, reject) => {
      const waiting = { instruction, resolve, reject };
      this.pending.add(waiting);
      if (this.isThere) this.hand(waiting);
    });
  }

  /** Ends the worker after the batch it is in; what waits is done, or refused. */
  async stop(): Promise<void> {
    this.hasEnded = true;
    clearTimeout(this.timer);
    await this.thread.stop();
    this.refuseAll(new Error('the datapath worker has ended'));
  }

  /** Asks it to show that it turns its rounds. */
  ask(): void {
    if (this.isThere) this.thread.ask();
  }

  /** Whether it has come round since it was asked last; between two threads nobody is asked. */
  get turns(): boolean {
    return !this.isThere || this.thread.turns;
  }

  /** Ends its sleep. */
  wake(): void {
    this.thread.wake();
  }

  private begin(): Thread {
    return this.make({
      heard: (news) => {
        if (news.type === 'port-gone') this.inForce.forgetPort(news.device);
        this.supervisor.heard(news);
      },
      died: (error, dying) => this.died(error, dying),
      failed: (error) => this.fail(error),
    });
  }

  private hand(waiting: Waiting): void {
    this.thread.apply(waiting.instruction).then(
      () => {
        this.inForce.note(waiting.instruction);
        this.pending.delete(waiting);
        waiting.resolve();
      },
      (error: Error) => {
        // It waits for the next thread, or for the end.
        if (error instanceof ThreadEnded) return;
        this.pending.delete(waiting);
        waiting.reject(error);
      },
    );
  }

  private died(error: Error, dying: Dying | undefined): void {
    this.isThere = false;
    if (this.hasEnded) return;
    if (!this.hasBegun) {
      this.fail(error);
      return;
    }
    if (this.supervisor.isTableTorn()) {
      this.fail(new Error(`a worker died while it wrote the forwarding table: ${error.stack}`));
      return;
    }
    const wait = this.limit.died(performance.now());
    if (wait < 0) {
      this.fail(error);
      return;
    }
    if (dying) this.inForce.countedUpTo(new Map(dying.drops));
    this.supervisor.died(error, wait);
    this.timer = setTimeout(() => void this.restart(), wait);
  }

  private async restart(): Promise<void> {
    // Its descriptors first: there is one eventfd for each thread.
    await this.thread.stop();
    if (this.hasEnded) return;
    this.thread = this.begin();
    this.isThere = true;
    const { thread } = this;
    const told = this.inForce.instructions().map((instruction) => thread.apply(instruction));
    for (const waiting of this.pending) this.hand(waiting);
    try {
      await Promise.all([thread.ready, ...told]);
      if (!this.hasEnded) this.supervisor.resumed();
    } catch (error) {
      for (const one of told) one.catch(() => undefined);
      // A thread that has died is told of by itself.
      if (error instanceof ThreadEnded || this.hasEnded || thread !== this.thread || !this.isThere) return;
      this.fail(new Error(`a worker could not take over what another had: ${(error as Error).message}`));
    }
  }

  private fail(error: Error): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearTimeout(this.timer);
    this.refuseAll(error);
    this.supervisor.failed(error);
  }

  private refuseAll(error: Error): void {
    for (const { reject } of this.pending) reject(error);
    this.pending.clear();
  }
}
