import { setImmediate } from 'node:timers/promises';

/** Milliseconds of a slice, and how often the clock is looked at: every so many steps. */
const SLICE_MS = 1;
const STEPS = 32;

/**
 * Long work in slices, with whatever else the thread has to do between them: commands, and where a program has the
 * datapath on its own thread, its frames. Asked behind each small step; where it answers true, `pause` is to be awaited.
 */
export class Slices {
  private readonly calm: () => Promise<void> | undefined;
  private steps = 0;
  private began = performance.now();

  /** `calm` resolves when what is looked at is whole, where it is not. */
  constructor(calm: () => Promise<void> | undefined = () => undefined) {
    this.calm = calm;
  }

  get isOver(): boolean {
    return ++this.steps % STEPS === 0 && performance.now() - this.began >= SLICE_MS;
  }

  async pause(): Promise<void> {
    await setImmediate();
    // Asked again behind each wait: by then another change may be under way.
    for (let wait = this.calm(); wait; wait = this.calm()) await wait;
    this.began = performance.now();
  }
}

/** All that comes of `items`, in slices. */
export async function gathered<T>(items: Iterable<T>, slices = new Slices()): Promise<T[]> {
  const all: T[] = [];
  for (const item of items) {
    all.push(item);
    if (slices.isOver) await slices.pause();
  }
  return all;
}

/** Carries out small steps to the last of them, in slices, and gives what they come to. Rejects with what a step throws. */
export async function stepped<T>(steps: Iterator<unknown, T>, slices = new Slices()): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (slices.isOver) await slices.pause();
  }
}

/** The same for steps that come to nothing. */
export async function inSlices(steps: Iterable<unknown>, slices = new Slices()): Promise<void> {
  for (const _ of steps) if (slices.isOver) await slices.pause();
}
