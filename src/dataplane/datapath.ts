import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DeviceTable } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import type { TunnelGsoParts } from '../io/tunnel-gso/tunnel-gso.js';
import { ActionCounters, Counters } from '../memory/counters.js';
import { SampleRing } from '../memory/sample-ring.js';
import { VniCounters } from '../memory/vni-counters.js';
import { must } from '../native/errno.js';
import { close, eventfd } from '../native/libc.js';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../native/socket-constants.js';

import type { FromWorker, Instruction, WorkerStart } from './messages.js';
import { signalEventfd } from './wake.js';

interface Events {
  /** A TAP's descriptor can no longer be read; the worker has let go of it. */
  'port-gone': [device: number, errno: number];
  /** Frames have met the action `simple` of this id. */
  note: [action: number];
  /** The forwarding table has notices: `fdb.notices()`. */
  'fdb-notices': [];
  /** VNIs that have no TAP have arrived at mirror receivers: pairs of device and VNI. */
  'mirror-wanted': [wanted: Int32Array];
  /** Super-frames are no longer handed to the kernel whole. */
  'tunnel-gso-failed': [errno: number];
  /** The worker died of an error. */
  failed: [error: Error];
}

export interface DatapathOptions {
  /** Whether frames are merged before they are written to a port. */
  readonly coalesce: boolean;
  /** What super-frames are handed to the kernel through; its descriptor stays the caller's. Absent: nothing. */
  readonly tunnelGso?: TunnelGsoParts;
}

/**
 * The control thread's handle on the datapath: owns the shared memory, starts the worker, hands it instructions and
 * tells when they are in force.
 */
export class Datapath extends EventEmitter<Events> {
  readonly devices = new DeviceTable();
  readonly fdb = new FdbRecords();
  readonly vniCounters = new VniCounters();
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();
  /** What action sample has taken, for whoever opens it. */
  readonly samples = new SampleRing();
  private readonly wakeFd: number;
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private sequence = 0;
  private ended = false;
  private closed = false;
  private readonly exited: Promise<void>;

  private constructor({ coalesce, tunnelGso }: DatapathOptions) {
    super();
    this.wakeFd = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd');
    const start: WorkerStart = {
      counters: this.counters.buffer,
      devices: this.devices.buffer,
      fdb: this.fdb.buffer,
      vniCounters: this.vniCounters.buffer,
      wakeFd: this.wakeFd,
      coalesce,
      samples: this.samples.buffer,
      ...(tunnelGso === undefined ? {} : { tunnelGso }),
    };
    this.worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: start, name: 'vtep-datapath' });
    this.exited = new Promise((resolve) => {
      this.worker.once('exit', () => resolve());
    });
    // A blocked worker delays the end of the process: wake it on every way out.
    process.once('exit', this.wake);
  }

  /** Starts the worker and resolves when it is ready for instructions. */
  static start(options: DatapathOptions): Promise<Datapath> {
    const datapath = new Datapath(options);
    return new Promise((resolve, reject) => {
      datapath.worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve(datapath);
        else datapath.heard(message);
      });
      datapath.worker.on('error', (error) => {
        reject(error);
        datapath.failed(error);
      });
    });
  }

  /** Hands an instruction to the worker; resolves when it is in force, rejects where the worker refused it. */
  apply(instruction: Instruction): Promise<void> {
    if (this.ended) return Promise.reject(new Error('the datapath worker has ended'));
    const sequence = ++this.sequence;
    return new Promise((resolve, reject) => {
      this.waiting.set(sequence, { resolve, reject });
      this.worker.postMessage({ ...instruction, sequence });
      this.wake();
    });
  }

  /** Makes sure that `rows` rows of action counters exist on both sides. */
  ensureActionCounters(rows: number): void {
    while (this.actionCounters.capacity < rows) {
      const slab = this.actionCounters.grow();
      void this.apply({ type: 'action-counters', slab }).catch(() => undefined);
    }
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
    process.removeListener('exit', this.wake);
    close(this.wakeFd);
  }

  private readonly wake = (): void => signalEventfd(this.wakeFd);

  private heard(message: FromWorker): void {
    switch (message.type) {
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
      case 'fdb-notices':
        this.emit('fdb-notices');
        break;
      case 'mirror-wanted':
        this.emit('mirror-wanted', message.wanted);
        break;
      case 'port-gone':
        this.emit('port-gone', message.device, message.errno);
        break;
      case 'tunnel-gso-failed':
        this.emit('tunnel-gso-failed', message.errno);
        break;
      case 'note':
        this.emit('note', message.action);
        break;
    }
  }

  private failed(error: Error): void {
    this.ended = true;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    this.emit('failed', error);
  }
}
