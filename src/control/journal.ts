/**
 * How a transaction is taken back. The control side changes at once, and no worker sees any of it before the next
 * commit; each edit notes, behind it, what undoes it. Taken back in reverse order, every undo finds the state that its
 * edit left, so it can be exact without looking: the very objects that were taken out (filters, actions, prefs) are put
 * back, with their numbers, statistics and ages. The cost is that of the edits, not that of the state.
 */
export class Journal {
  private undos: (() => void)[] | undefined;
  private isTakenBack = false;
  /**
   * While set, it is told of each place in which something is about to change, and how to say what stands there;
   * `isNew`: nothing stood there before.
   */
  changing: ((key: string, now: () => string | undefined, isNew?: boolean) => void) | undefined;

  /** Whether a transaction is on, or is being taken back. */
  get isOpen(): boolean {
    return this.undos !== undefined || this.isTakenBack;
  }

  /** A transaction begins; there is one at a time. */
  open(): void {
    if (this.isOpen) throw new Error('a transaction is on already');
    this.undos = [];
  }

  /** Notes what takes back the edit that has just been made; outside of a transaction nothing is ever taken back. */
  note(undo: () => void): void {
    this.undos?.push(undo);
  }

  /** The transaction ends, and its edits stay. */
  keep(): void {
    this.undos = undefined;
  }

  /** The transaction ends, and everything is as it was. */
  rollBack(): void {
    for (const _ of this.takeBack());
  }

  /** The same, edit by edit: behind the last it has ended. */
  *takeBack(): Generator<void> {
    const undos = this.undos ?? [];
    // An undo may use what edits use, and that is not to be noted.
    this.undos = undefined;
    this.isTakenBack = true;
    for (let undo = undos.pop(); undo; undo = undos.pop()) {
      undo();
      yield;
    }
    this.isTakenBack = false;
  }
}
