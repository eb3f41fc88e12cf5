/**
 * A lock over words of shared memory, for structures that several threads change and that readers look at without
 * taking it.
 *
 * Writers take the lock, which sleeps where it must (a futex of three states), and make the sequence odd while they
 * write. A reader notes an even sequence, reads, and has read one state where the sequence is the same afterwards; if
 * not it reads again. Every word that a writer changes is stored and loaded with Atomics, which on x86-64 costs a load
 * nothing, and on arm64 keeps the loads in their order.
 */
const FREE = 0;
const HELD = 1;
/** Held, and somebody waits. */
const AWAITED = 2;

/** Tries to get the lock before a thread sleeps: it is held for well under a microsecond as a rule. */
const SPINS = 100;

/** Words that a lock takes. */
export const LOCK_WORDS = 2;

export class SharedLock {
  private readonly words: Int32Array;
  private readonly lock: number;
  private readonly count: number;
  /** Whether this thread holds it, by this object; and is writing. */
  private holds = false;
  private writes = false;

  /** Over words `at` and `at + 1` of shared memory, which are zero at first. */
  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.lock = at;
    this.count = at + 1;
  }

  /** The number of the state that readers see; odd while a writer is at it. It wraps. */
  get sequence(): number {
    return Atomics.load(this.words, this.count);
  }

  /** Waits for the lock. What is read then is one state. Not to be taken twice. */
  exclude(): void {
    for (let n = 0; n < SPINS; n++) {
      if (Atomics.compareExchange(this.words, this.lock, FREE, HELD) === FREE) {
        this.holds = true;
        return;
      }
    }
    while (Atomics.exchange(this.words, this.lock, AWAITED) !== FREE) Atomics.wait(this.words, this.lock, AWAITED);
    this.holds = true;
  }

  /** Gives the lock back. */
  admit(): void {
    this.holds = false;
    if (Atomics.exchange(this.words, this.lock, FREE) === AWAITED) Atomics.notify(this.words, this.lock, 1);
  }

  /** Who holds the lock begins to change what readers look at. */
  write(): void {
    this.writes = true;
    Atomics.add(this.words, this.count, 1);
  }

  /** Ends what `write` began. */
  written(): void {
    Atomics.add(this.words, this.count, 1);
    this.writes = false;
  }

  /** The thread dies of an error: nobody is to wait for it. False where it was writing, and nobody knows what stands there. */
  abandon(): boolean {
    const isWhole = !this.writes;
    if (this.writes) this.written();
    if (this.holds) this.admit();
    return isWhole;
  }
}
