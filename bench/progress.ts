/** What a run says while it goes on: one line that changes on a terminal, a line each in a pipe. */
import type { WriteStream } from 'node:tty';

export class Progress {
  readonly #stream: WriteStream;
  readonly #begin = Date.now();
  #shown = false;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  /** Seconds since the start. */
  get elapsed(): number {
    return (Date.now() - this.#begin) / 1000;
  }

  #stamp(text: string): string {
    return `${this.elapsed.toFixed(0).padStart(4)} s  ${text}`;
  }

  /** What is going on at the moment; only a terminal shows it. */
  now(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#stream.write(`\r\x1b[K${this.#stamp(text).slice(0, (this.#stream.columns || 80) - 1)}`);
    this.#shown = true;
  }

  /** A line that stays. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${this.#stamp(text)}\n`);
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
