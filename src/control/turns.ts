/** One after the other: whoever asks first is done first, whether the one before succeeded or not. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** What `work` comes to, when its turn has come. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}
