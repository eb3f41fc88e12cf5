/**
 * Whether a worker turns its rounds: the control thread asks by a number in shared memory and by the worker's eventfd,
 * and the worker, behind the batch that it is in, writes the number that it finds. An idle worker sleeps until it is asked.
 */
export class Heartbeat {
  readonly buffer: SharedArrayBuffer;
  private readonly asked: Int32Array;
  private readonly answered: Int32Array;

  constructor(buffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.asked = new Int32Array(buffer, 0, 1);
    this.answered = new Int32Array(buffer, 4, 1);
  }

  /** The control thread: it is asked once more, and to be woken. */
  ask(): void {
    Atomics.add(this.asked, 0, 1);
  }

  /** The worker: it has come round. */
  answer(): void {
    Atomics.store(this.answered, 0, Atomics.load(this.asked, 0));
  }

  /** Whether it has come round since it was asked last. */
  get isAnswered(): boolean {
    return Atomics.load(this.asked, 0) === Atomics.load(this.answered, 0);
  }
}
