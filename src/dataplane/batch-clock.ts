/** The time of a batch: the clock is looked at once, and every part that goes by it is told. */
import type { Executor } from '../actions/execute.js';
import type { FdbLookup } from '../devices/fdb-lookup.js';
import { type Clock, STEADY_OFFSET } from '../memory/clock.js';
import { DROP_WINDOW, type Witness } from '../memory/witness.js';
import type { Inbound } from './inbound.js';
import type { MirrorTaps } from './mirror-taps.js';
import type { PathMtus } from './path-mtu.js';
import type { UnderlayPaths } from './underlay-paths.js';

export class BatchClock {
  private readonly executor: Executor;
  /** The steady clock at the time of the batch, in milliseconds; here, because a number passed on may be made anew. */
  private readonly time: Float64Array;
  private readonly witness: Witness;
  private readonly paths: PathMtus;
  private readonly underlayPaths: UnderlayPaths;
  private readonly inbound: Inbound;
  private readonly mirrors: MirrorTaps;
  private readonly fdb: FdbLookup;
  /** null: the machine's, which is asked directly; a call through an interface would box what it answers. */
  private clock: Clock | null = null;

  constructor(
    executor: Executor,
    witness: Witness,
    paths: PathMtus,
    underlayPaths: UnderlayPaths,
    inbound: Inbound,
    mirrors: MirrorTaps,
    fdb: FdbLookup,
  ) {
    this.executor = executor;
    this.time = executor.arrivals.time;
    this.witness = witness;
    this.paths = paths;
    this.underlayPaths = underlayPaths;
    this.inbound = inbound;
    this.mirrors = mirrors;
    this.fdb = fdb;
  }

  /** Another clock than the machine's. */
  use(clock: Clock): void {
    this.clock = clock;
  }

  /** A batch of `count` frames or messages begins. */
  begin(count: number): void {
    const { time, executor } = this;
    time[0] = this.clock === null ? performance.now() + STEADY_OFFSET : this.clock.steady();
    if (executor.needsClock) executor.arrivals.begin(count);
    this.witness.tick((time[0] / DROP_WINDOW) | 0);
    const second = (time[0] / 1000) | 0;
    this.paths.now = second;
    this.underlayPaths.now = second;
    this.inbound.now = second;
    this.mirrors.now = second;
    this.fdb.tick((time[0] / 100) | 0);
  }

  /** The batch is done with. */
  end(): void {
    if (!this.executor.needsClock) return;
    this.time[0] = this.clock === null ? performance.now() + STEADY_OFFSET : this.clock.steady();
    this.executor.arrivals.finish();
  }
}
