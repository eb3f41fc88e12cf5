/**
 * A lock over words of shared memory, for structures that several threads change and that readers look at without
 * taking it.
 *
 * Writers take the lock, which sleeps where it must (a futex), and make the sequence odd while they
 * write. A reader notes an even sequence, reads, and has read one state where the sequence is the same afterwards; if
 * not it reads again. Every word that a writer changes is stored and loaded with Atomics, which on x86-64 costs a load
 * nothing, and on arm64 keeps the loads in their order.
 *
 * A thread may end at any instruction: of an error, out of memory, or by the kernel's hand, when it runs no handler. So the lock says who
 * holds it, and whoever has waited for a while looks whether that one is still there; if not he takes the lock over, and
 * notes where the dead one was writing (`isTorn`).
 */
import { isThread, threadNumber } from './thread-number.js';

/** The lock's word: FREE, or the kernel's id of the thread that holds it, doubled, and AWAITED where somebody waits. */
const FREE = 0;
const AWAITED = 1;

/** Tries to get the lock before a thread sleeps: it is held for well under a microsecond as a rule. */
const SPINS = 100;

/** Milliseconds of waiting after which the holder is looked for. */
const PATIENCE = 100;

/** Words that a lock takes. */
export const LOCK_WORDS = 3;

export class SharedLock {
  private readonly words: Int32Array;
  private readonly lock: number;
  private readonly count: number;
  private readonly torn: number;
  /** The word of a lock that this thread holds. */
  private readonly own: number;

  /** Over LOCK_WORDS words from `at` on of shared memory, which are zero at first; for one thread, the one that calls. */
  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.lock = at;
    this.count = at + 1;
    this.torn = at + 2;
    this.own = threadNumber() << 1;
  }

  /** The number of the state that readers see; odd while a writer is at it. It wraps. */
  get sequence(): number {
    return Atomics.load(this.words, this.count);
  }

  /** Whether a thread has ended while it was writing, so that nobody knows what stands there. */
  get isTorn(): boolean {
    return Atomics.load(this.words, this.torn) !== 0;
  }

  /** Waits for the lock. What is read then is one state. Not to be taken twice. */
  exclude(): void {
    for (let n = 0; n < SPINS; n++) {
      if (Atomics.compareExchange(this.words, this.lock, FREE, this.own) === FREE) return;
    }
    this.wait();
  }

  private wait(): void {
    const { words, lock, own } = this;
    for (;;) {
      const now = Atomics.load(words, lock);
      // Who comes from here may have others beside him, and says so.
      if (now === FREE) {
        if (Atomics.compareExchange(words, lock, FREE, own | AWAITED) === FREE) return;
        continue;
      }
      const awaited = now | AWAITED;
      if (now !== awaited && Atomics.compareExchange(words, lock, now, awaited) !== now) continue;
      if (Atomics.wait(words, lock, awaited, PATIENCE) === 'timed-out' && this.succeed(awaited)) return;
    }
  }

  /** Takes the lock from a thread that is no more; false where it is there, or another has been faster. */
  private succeed(held: number): boolean {
    if (isThread(held >>> 1)) return false;
    if (Atomics.compareExchange(this.words, this.lock, held, this.own | AWAITED) !== held) return false;
    if ((this.sequence & 1) !== 0) {
      Atomics.store(this.words, this.torn, 1);
      Atomics.add(this.words, this.count, 1);
    }
    return true;
  }

  /** Gives the lock back. */
  admit(): void {
    if ((Atomics.exchange(this.words, this.lock, FREE) & AWAITED) !== 0) Atomics.notify(this.words, this.lock, 1);
  }

  /** Who holds the lock begins to change what readers look at. */
  write(): void {
    Atomics.add(this.words, this.count, 1);
  }

  /** Ends what `write` began. */
  written(): void {
    Atomics.add(this.words, this.count, 1);
  }
}
