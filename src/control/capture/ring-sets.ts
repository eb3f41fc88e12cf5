import { CaptureRing } from '../../memory/capture-ring.js';

/**
 * The rings of captures, a set of one for each worker, for the next capture when one has ended. The garbage collector
 * does not count shared memory, and that of a worker runs once in hours: rings that were left to it would be 4 MB a
 * worker for each capture that there has been.
 */
export class RingSets {
  private readonly workers: number;
  private readonly most: number;
  private readonly unused: (readonly CaptureRing[])[] = [];

  /** `most`: sets that are kept. */
  constructor(workers: number, most: number) {
    this.workers = workers;
    this.most = most;
  }

  /** Empty rings that nobody writes to. */
  take(): readonly CaptureRing[] {
    return this.unused.pop() ?? Array.from({ length: this.workers }, () => new CaptureRing());
  }

  /** Takes a set back that no worker knows any more. */
  give(rings: readonly CaptureRing[]): void {
    if (this.unused.length === this.most) return;
    for (const ring of rings) ring.empty();
    this.unused.push(rings);
  }
}
