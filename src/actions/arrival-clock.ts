/**
 * When packets came. The clock is read once a batch, and once more when the batch is done with: what the next batch
 * brings lay waiting for no longer than this one took, or the worker would have slept until it came. It is taken to
 * have come evenly in that time. Nanoseconds, in an array, because numbers in fields would be made anew for every packet; what
 * goes in stands in an array too, because a number that is passed on would be made anew for that.
 */
const NOW = 0;
/** What lies between two packets of the batch. */
const STEP = 1;
/** When the last batch was read, and when it was done with. */
const READ = 2;
const DONE = 3;

export class ArrivalClock {
  /** What the clock says, in milliseconds: whoever reads the clock puts it there. */
  readonly time = new Float64Array(1);
  private readonly times = new Float64Array(4);

  /** The time of the packet at hand. */
  get now(): number {
    return this.times[NOW];
  }

  /** A batch of `count` packets, or messages of such, has been read now; never before the last. */
  begin(count: number): void {
    const { times } = this;
    const read = this.time[0] * 1e6;
    const from = Math.max(times[READ], read - Math.max(0, times[DONE] - times[READ]));
    times[NOW] = from;
    times[STEP] = (read - from) / count;
    times[READ] = read;
  }

  /** The next packet of the batch is at hand; the last has the time that the batch was read. */
  arrive(): void {
    this.times[NOW] += this.times[STEP];
  }

  /** The batch is done with, now. */
  finish(): void {
    this.times[DONE] = this.time[0] * 1e6;
  }
}
