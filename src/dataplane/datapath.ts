import { EventEmitter } from 'node:events';
import { BUCKET_SLAB_BYTES, BUCKETS_OF_SLAB } from '../actions/buckets.js';
import { DeviceTable } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import type { TunnelGsoParts } from '../io/tunnel-gso/tunnel-gso.js';
import { ActionCounterSets, CounterSets } from '../memory/counter-sets.js';
import { WorkCounter } from '../memory/counters.js';
import { DropRing } from '../memory/drop-ring.js';
import { SampleRing } from '../memory/sample-ring.js';
import { VniCounters } from '../memory/vni-counters.js';
import type { Instruction, WorkerStart } from './messages.js';
import { PATH_MTU_BYTES } from './path-mtu.js';
import { RestartLimit } from './restart-limit.js';
import { SupervisedWorker } from './supervised-worker.js';
import { type WorkerHandle, type WorkerNews, type WorkerOwner, WorkerThread } from './worker-thread.js';

interface Events {
  /** A TAP's descriptor can no longer be read; the worker has let go of it. */
  'port-gone': [device: number, errno: number];
  /** Frames have met the action `simple` of this id. */
  note: [action: number];
  /** The forwarding table has notices: `fdb.notices()`. */
  'fdb-notices': [];
  /** VNIs that have no TAP have arrived at mirror receivers: pairs of device and VNI. */
  'mirror-wanted': [wanted: Int32Array];
  /** Super-frames are no longer handed to the kernel whole: said once, by the first worker that has met it. */
  'tunnel-gso-failed': [errno: number];
  /** A worker's thread died of an error; another follows in so many milliseconds. */
  'worker-died': [worker: number, error: Error, wait: number];
  /** Another thread has taken over all that it had. */
  'worker-resumed': [worker: number];
  /** Nobody carries the traffic any more: of a worker's threads too many have died. */
  failed: [error: Error];
}

export interface DatapathOptions {
  /** Whether frames are merged before they are written to a port. */
  readonly coalesce: boolean;
  /** What super-frames are handed to the kernel through; its descriptor stays the caller's. Absent: nothing. */
  readonly tunnelGso?: TunnelGsoParts;
  /** How many workers, 1 … MAX_WORKERS; 1 where it is left out. */
  readonly workers?: number;
  /** Processors to pin workers to, one after the other, and again from the first; absent: the kernel chooses. */
  readonly cpus?: readonly number[];
  /** Microseconds for which a worker that had work looks for more before it sleeps; 0, the default: it does not. */
  readonly busyPoll?: number;
  /** Whether devices take datagrams only from peers that `apply` has told of; false where it is left out. */
  readonly strictPeers?: boolean;
  /** Makes a worker; absent: each is a thread. */
  readonly newWorker?: (start: Omit<WorkerStart, 'wakeFd' | 'heartbeat'>, owner: WorkerOwner) => WorkerHandle;
}

/** More than a TAP has queues for: each worker takes two of its 256. */
export const MAX_WORKERS = 64;

/**
 * The control thread's handle on the datapath: owns the shared memory, starts the workers, hands them instructions and
 * tells when these are in force.
 *
 * Every instruction goes to every worker. Each takes it over between two of its batches, on its own: for a moment one
 * may run what another does not run yet, as processors of the kernel do, but no frame sees a part of it. What `apply`
 * has resolved for is in force everywhere, and nobody uses what was before.
 */
export class Datapath extends EventEmitter<Events> {
  readonly workers: number;
  readonly devices = new DeviceTable();
  readonly fdb = new FdbRecords();
  /** A set for each worker. */
  readonly vniCounters: readonly VniCounters[];
  readonly counters: CounterSets;
  readonly actionCounters: ActionCounterSets;
  /** What action sample has taken, a ring for each worker, for whoever opens them. */
  readonly samples: readonly SampleRing[];
  /** The last frames of each reason, a ring for each worker. */
  readonly drops: readonly DropRing[];
  private readonly threads: readonly WorkerHandle[];
  private buckets = 0;
  private hasFailed = false;
  private tunnelGsoTold = false;

  private constructor(options: DatapathOptions) {
    super();
    const { coalesce, tunnelGso, workers = 1, cpus = [], busyPoll = 0, strictPeers = false, newWorker } = options;
    this.workers = workers;
    this.counters = new CounterSets(workers);
    this.actionCounters = new ActionCounterSets(workers);
    this.vniCounters = Array.from({ length: workers }, () => new VniCounters());
    this.samples = Array.from({ length: workers }, () => new SampleRing());
    this.drops = Array.from({ length: workers }, () => new DropRing());
    const shared = {
      devices: this.devices.buffer,
      fdb: this.fdb.buffer,
      pathMtus: new SharedArrayBuffer(PATH_MTU_BYTES),
      coalesce,
      busyPoll,
      strictPeers,
      ...(tunnelGso === undefined ? {} : { tunnelGso }),
    };
    const limit = new RestartLimit();
    this.threads = this.counters.sets.map((counters, number) => {
      const own = {
        number,
        cpu: cpus[number % cpus.length] ?? -1,
        counters: counters.buffer,
        vniCounters: (this.vniCounters[number] as VniCounters).buffer,
        samples: (this.samples[number] as SampleRing).buffer,
        drops: (this.drops[number] as DropRing).buffer,
      };
      if (newWorker) {
        return newWorker(
          { ...shared, ...own },
          {
            heard: (news) => this.heard(news),
            died: (error) => this.failed(error),
            failed: (error) => this.failed(error),
          },
        );
      }
      return new SupervisedWorker((owner) => new WorkerThread({ ...shared, ...own }, owner), limit, {
        heard: (news) => this.heard(news),
        died: (error, wait) => {
          // The thread has ended, and the next not begun: nobody else writes these counters.
          counters.work(WorkCounter.RESTARTS, 1);
          this.emit('worker-died', number, error, wait);
        },
        resumed: () => {
          this.emit('worker-resumed', number);
          // The dead one may have had some that it did not come to tell of.
          this.emit('fdb-notices');
        },
        failed: (error) => this.failed(error),
        isTableTorn: () => this.fdb.isTorn(),
      });
    });
    // A blocked worker delays the end of the process: wake them on every way out.
    if (newWorker === undefined) process.once('exit', this.wake);
  }

  /** Starts the workers and resolves when all of them take instructions. Rejects where one could not begin. */
  static async start(options: DatapathOptions): Promise<Datapath> {
    const datapath = new Datapath(options);
    try {
      await Promise.all(datapath.threads.map(({ ready }) => ready));
    } catch (error) {
      await datapath.stop();
      throw error;
    }
    return datapath;
  }

  /** Hands an instruction to the workers; resolves when it is in force in all, rejects where one has refused it. */
  async apply(instruction: Instruction): Promise<void> {
    if (instruction.type === 'rules') this.ensureBuckets(instruction.programs.buckets);
    // All have answered, whatever one says: what follows may close what the instruction named.
    const answers = await Promise.allSettled(this.threads.map((thread) => thread.apply(instruction)));
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  }

  /** Makes sure that `rows` rows of action counters exist on both sides. */
  ensureActionCounters(rows: number): void {
    while (this.actionCounters.capacity < rows) {
      const slabs = this.actionCounters.grow();
      void this.apply({ type: 'action-counters', slabs }).catch(() => undefined);
    }
  }

  /** Makes sure that token buckets below `count` exist, which all workers share. */
  private ensureBuckets(count: number): void {
    for (; this.buckets < count; this.buckets += BUCKETS_OF_SLAB) {
      const slab = new SharedArrayBuffer(BUCKET_SLAB_BYTES);
      void this.apply({ type: 'buckets', slab }).catch(() => undefined);
    }
  }

  /** Asks every worker to show that it turns its rounds. */
  ask(): void {
    for (const thread of this.threads) thread.ask();
  }

  /** The numbers of workers that have not come round since they were asked last. */
  silent(): number[] {
    return [...this.threads.keys()].filter((number) => this.threads[number]?.turns === false);
  }

  /** Ends every worker after the batch it is in. */
  async stop(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.stop()));
    process.removeListener('exit', this.wake);
  }

  private readonly wake = (): void => {
    for (const thread of this.threads) thread.wake();
  };

  private heard(news: WorkerNews): void {
    switch (news.type) {
      case 'fdb-notices':
        this.emit('fdb-notices');
        break;
      case 'mirror-wanted':
        this.emit('mirror-wanted', news.wanted);
        break;
      case 'tunnel-gso-failed':
        if (!this.tunnelGsoTold) this.emit('tunnel-gso-failed', news.errno);
        this.tunnelGsoTold = true;
        break;
      case 'port-gone':
        this.emit('port-gone', news.device, news.errno);
        break;
      case 'note':
        this.emit('note', news.action);
        break;
    }
  }

  private failed(error: Error): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.emit('failed', error);
  }
}
