/** Where a stream takes text, as process.stderr does. */
export interface LogStream {
  /** Characters that wait, because nobody reads. */
  readonly writableLength: number;
  write(text: string): unknown;
}

/** Characters that wait at most. */
const MOST = 1 << 20;

/**
 * What a daemon says. Whoever reads it may stop to (a pager, a full pipe): then what waits has an end, and what was left
 * out is told when there is room again.
 */
export class LogOutput {
  private readonly stream: LogStream;
  private left = 0;

  constructor(stream: LogStream) {
    this.stream = stream;
  }

  write(text: string): void {
    if (this.stream.writableLength > MOST) {
      this.left++;
      return;
    }
    if (this.left > 0) this.stream.write(`vtep: ${this.left} messages were left out, because nobody read them\n`);
    this.left = 0;
    this.stream.write(text);
  }
}
